import { z } from 'zod';
import { DURATION_FORM, parseDuration, parseSize, SIZE_FORM } from '../core/units.ts';

/** Sections of `fairlead.yaml` that the doors read: `listen`, `tls`, `limits`, `timeouts`, `drain`. */
export const gatewaySections = {
  listen: z
    .strictObject({
      proxy: address()
        .optional()
        .describe(
          'Where targets with `hosts` are served: `:8443`, `127.0.0.1:8443`, `[::1]:8443`. A bare port means every address.',
        ),
      control: address().prefault('127.0.0.1:8444').describe('Where `origin` is served: login, pages, control API.'),
      admin: address().prefault('127.0.0.1:9090').describe('Health and metrics; nothing else, and no sign-in.'),
      extAuthz: z.never({ error: 'the ext_authz door is not supported yet' }).optional(),
      accessLog: z.never({ error: 'the access-log door is not supported yet' }).optional(),
      sidecar: z.never({ error: 'the sidecar listener is not supported yet' }).optional(),
      connect: z.never({ error: 'the CONNECT door is not supported yet' }).optional(),
    })
    .prefault({})
    .describe('Addresses to listen on.'),
  tls: z
    .union([
      z.literal('external'),
      z.strictObject({
        cert: z.string().min(1).describe('PEM file of the certificate and its chain.'),
        key: z.strictObject({ secret: z.string() }).describe('Reference to the private key: `{secret: "file:///…"}`.'),
      }),
    ])
    .optional()
    .describe('Certificate of the proxy and control listeners, or `external` when something in front ends TLS.'),
  limits: z
    .strictObject({
      headBytes: size('64KiB', 4 * 1024, 1024 ** 2).describe('Longest request head.'),
      bodyBytes: size('16MiB', 1024, 1024 ** 3).describe('Longest body that is read to be classified.'),
      messageBytes: size('1MiB', 1024, 64 * 1024 ** 2).describe('Longest WebSocket message.'),
      connections: z.int().min(1).max(1_000_000).default(10_000).describe('Most connections at once.'),
    })
    .prefault({})
    .describe('Bounds of what callers may send.'),
  timeouts: z
    .strictObject({
      head: duration('10s').describe('For a request head to arrive.'),
      body: duration('60s').describe('Between two parts of a body.'),
      idle: duration('75s').describe('For a kept-alive connection without a request.'),
      connect: duration('5s').describe('To reach a target.'),
      answer: duration('120s').describe('For the head of a target’s answer.'),
      firstFrame: duration('10s').describe('For the frame that carries a socket’s token.'),
    })
    .prefault({})
    .describe('Longest waits.'),
  drain: duration('30s').describe('How long calls under way may take to end after SIGTERM.'),
};

export interface ListenAddress {
  /** IP literal; the empty string is every address. */
  readonly host: string;
  readonly port: number;
}

/** Certificate files, or `external`: whatever stands in front ends TLS. */
export type Tls = NonNullable<z.output<(typeof gatewaySections)['tls']>>;

/** Bytes and counts. */
export type Limits = z.output<(typeof gatewaySections)['limits']>;

/** Milliseconds. */
export type Timeouts = z.output<(typeof gatewaySections)['timeouts']>;

/** `:8443`, `127.0.0.1:8443`, `[::1]:8443` as an address; undefined when it is none. Port 0 lets the system choose. */
export function parseAddress(text: string): ListenAddress | undefined {
  const match = /^(|\d{1,3}(?:\.\d{1,3}){3}|\[[0-9a-fA-F:.]{2,45}\]|localhost):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const port = Number(match[2]);
  const written = match[1] ?? '';
  const host = written === 'localhost' ? '127.0.0.1' : written.replace(/^\[|\]$/g, '');
  if (port > 65_535 || (host !== '' && !isIp(host))) return undefined;
  return { host, port };
}

export function isLoopback(host: string): boolean {
  return /^127(\.\d{1,3}){3}$/.test(host) || host === '::1';
}

function isIp(host: string): boolean {
  return URL.canParse(host.includes(':') ? `http://[${host}]/` : `http://${host}/`) && (host.includes(':') || isIpv4(host));
}

function isIpv4(host: string): boolean {
  return host.split('.').every((part) => Number(part) <= 255);
}

function address() {
  return z.string().transform((text, context): ListenAddress => {
    const parsed = parseAddress(text);
    if (parsed !== undefined) return parsed;
    context.addIssue({ code: 'custom', message: 'an address is `:8443`, `127.0.0.1:8443` or `[::1]:8443`' });
    return z.NEVER;
  });
}

function duration(byDefault: string) {
  return z
    .string()
    .transform((text, context): number => {
      const milliseconds = parseDuration(text);
      if (milliseconds !== undefined && milliseconds > 0 && milliseconds <= 86_400_000) return milliseconds;
      const message = milliseconds === undefined ? DURATION_FORM : 'this wait must be longer than nothing and at most `1d`';
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    })
    .prefault(byDefault);
}

function size(byDefault: string, least: number, most: number) {
  return z
    .string()
    .transform((text, context): number => {
      const bytes = parseSize(text);
      if (bytes !== undefined && bytes >= least && bytes <= most) return bytes;
      const message = bytes === undefined ? SIZE_FORM : `this size must be between ${least} and ${most} bytes`;
      context.addIssue({ code: 'custom', message });
      return z.NEVER;
    })
    .prefault(byDefault);
}

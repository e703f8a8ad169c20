import { z } from 'zod';

/** Sections `origin` and `administrators` of `fairlead.yaml`. */
export const controlSections = {
  origin: z
    .string()
    .transform((text, context): Origin => {
      const parsed = parseOrigin(text);
      if (typeof parsed !== 'string') return parsed;
      context.addIssue({ code: 'custom', message: parsed });
      return z.NEVER;
    })
    .describe('Where people sign in and read explanations: `https://access.example.com`.'),
  administrators: z
    .array(
      z.string().refine(isWho, {
        error: 'an administrator is `user:NAME`, `group:NAME`, `group:SOURCE/NAME` or `workload:NAMESPACE/NAME`',
      }),
    )
    .max(100)
    .default([])
    .describe('Who holds every action of Fairlead itself, in the words of policy: `group:platform`.'),
};

/** The control origin, parsed once. */
export interface Origin {
  /** `https://access.example.com`, without a trailing slash or a default port. */
  readonly text: string;
  readonly secure: boolean;
  /** Canonical host, brackets kept for IPv6. */
  readonly host: string;
  readonly port: number;
}

/** The origin, or what is wrong with the text. */
export function parseOrigin(text: string): Origin | string {
  const form = 'an origin is a scheme and a host, nothing more: `https://access.example.com`';
  if (text.length > 300 || !/^https?:\/\/[^/?#@\\\s]+\/?$/i.test(text) || !URL.canParse(text)) return form;
  const url = new URL(text);
  const secure = url.protocol === 'https:';
  if (url.hostname === '' || url.hostname.endsWith('.')) return form;
  if (!secure && !isLoopbackName(url.hostname)) return 'an origin without TLS (`http://`) is accepted on a loopback host only';
  return { text: url.origin, secure, host: url.hostname, port: url.port === '' ? (secure ? 443 : 80) : Number(url.port) };
}

/** Names that never leave the machine (RFC 6761 §6.3 for `localhost`). */
export function isLoopbackName(host: string): boolean {
  return host === 'localhost' || host.endsWith('.localhost') || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Shape only; the policy room reads the words. Wildcards would make everybody an administrator by a slip. */
function isWho(text: string): boolean {
  if (text.length > 300 || /[\s*\p{Cc}]/u.test(text)) return false;
  return /^(user:[^:]+|group:[^:]+|workload:([^:/]+:)?[^:/]+\/[^:/]+)$/u.test(text);
}

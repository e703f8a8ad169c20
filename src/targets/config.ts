import { z } from 'zod';

const upstreamUrl = z
  .string()
  .transform((text, context): string => {
    const parsed = parseUpstream(text);
    if (parsed !== undefined) return parsed;
    context.addIssue({
      code: 'custom',
      message: 'the URL of a system is `http://HOST[:PORT][/PATH]`, without user, query or fragment',
    });
    return z.NEVER;
  })
  .describe('Where the protected system is reached: `http://prefect-server:4200`.');

/** Items of section `targets`. Which of the system keys stands makes the target's kind. */
const target = z
  .strictObject({
    name: z
      .string()
      .regex(
        /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/,
        'a target’s name is lower-case letters, digits and `-`, at most 63 characters',
      )
      .refine((name) => name !== 'fairlead', 'the name `fairlead` belongs to Fairlead’s own actions')
      .describe('First segment of its resources in policies.'),
    hosts: z
      .array(
        z.string().transform((text, context): string => {
          const host = parseHost(text);
          if (host !== undefined) return host;
          context.addIssue({
            code: 'custom',
            message: 'a host is a plain DNS name without port or wildcard: `prefect.access.example.com`',
          });
          return z.NEVER;
        }),
      )
      .min(1)
      .max(100)
      .optional()
      .describe('Host names that reach it on the proxy listener.'),
    port: z.int().min(1).max(65_535).optional().describe('A port of its own on 127.0.0.1, for demos and development.'),
    prefect: z
      .strictObject({
        url: upstreamUrl,
        auth: z
          .strictObject({ secret: z.string() })
          .optional()
          .describe('The server’s own auth string: `{secret: "file:///…"}`.'),
      })
      .optional()
      .describe('A Prefect server.'),
    http: z.strictObject({ url: upstreamUrl }).optional().describe('Any web service.'),
    vertex: z.never({ error: 'targets of kind `vertex` are not supported yet' }).optional(),
    mcp: z.never({ error: 'targets of kind `mcp` are not supported yet' }).optional(),
    mesh: z.never({ error: 'mesh bindings of targets are not supported yet' }).optional(),
    access: z
      .array(z.enum(['mesh', 'policy']))
      .min(1)
      .max(2)
      .default(['policy'])
      .describe('Which tiers must allow a call.'),
    mode: z.enum(['enforce', 'observe']).default('enforce').describe('`observe` decides and records, and lets every call pass.'),
  })
  .superRefine((value, context) => {
    const kinds = (['prefect', 'http'] as const).filter((kind) => value[kind] !== undefined);
    if (kinds.length !== 1) {
      const message =
        kinds.length === 0
          ? 'a target needs one system: `prefect` or `http`'
          : 'a target has one system, not `prefect` and `http`';
      context.addIssue({ code: 'custom', message, ...(kinds[1] === undefined ? {} : { path: [kinds[1]] }) });
    }
    if (value.hosts === undefined && value.port === undefined) {
      context.addIssue({ code: 'custom', message: 'a target needs `hosts`, or a `port` of its own' });
    }
    if (new Set(value.access).size !== value.access.length) {
      context.addIssue({ code: 'custom', message: '`access` names a tier twice', path: ['access'] });
    }
    if (value.access.includes('mesh')) {
      const message = 'the tier `mesh` is not supported yet: no mesh rules can be configured, so every call would be denied';
      context.addIssue({ code: 'custom', message, path: ['access'], params: { code: 'CONFIG_NOT_SUPPORTED' } });
    }
  })
  .transform(
    ({ name, hosts, port, access, mode, prefect, http }): TargetConfig => ({
      name,
      hosts: hosts ?? [],
      port,
      access,
      mode,
      system:
        prefect === undefined
          ? { kind: 'http', url: http?.url ?? '' }
          : { kind: 'prefect', url: prefect.url, auth: prefect.auth?.secret },
    }),
  );

/** Section `targets` of `fairlead.yaml`: the protected systems. */
export const targetSections = {
  targets: z.array(target).max(1_000).default([]).describe('The protected systems.'),
};

export interface TargetConfig {
  readonly name: string;
  /** Canonical host names; empty when it has a port only. */
  readonly hosts: readonly string[];
  /** On 127.0.0.1. */
  readonly port: number | undefined;
  readonly access: readonly ('mesh' | 'policy')[];
  readonly mode: 'enforce' | 'observe';
  readonly system: TargetSystem;
}

export type TargetSystem =
  /** `auth` is a secret reference; the secret is Prefect's auth string, lent as HTTP Basic. */
  | { readonly kind: 'prefect'; readonly url: string; readonly auth: string | undefined }
  | { readonly kind: 'http'; readonly url: string };

/** The URL without a trailing slash; undefined when it is none that can be forwarded to. */
function parseUpstream(text: string): string | undefined {
  if (text.length > 2_000 || !/^https?:\/\/[^?#@\\\s]+$/i.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  return url.hostname === '' ? undefined : `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
}

/** Canonical host: lower case, A-labels, no trailing dot. IP literals are hosts too. */
function parseHost(text: string): string | undefined {
  if (text.length > 253 || !/^(\[[0-9a-f:.]+\]|[^\s:/?#@\\[\]*%]+)$/iu.test(text) || !URL.canParse(`http://${text}/`))
    return undefined;
  const host = new URL(`http://${text}/`).hostname.replace(/\.$/, '');
  return host === '' ? undefined : host;
}

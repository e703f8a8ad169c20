import type { HeaderList } from './headers.ts';
import { isTraceHeader } from './trace.ts';

/**
 * The request's fields as they may go upstream: no hop-by-hop fields, no identity or forwarding field that only this gateway may
 * set, no tracing field (`trace.ts` yields the ones to set), none with `_` in its name, not the one `without`, and of `own` exactly
 * what stands there, so that a client's value never survives in place of a missing one.
 */
export function stripForUpstream(headers: HeaderList, own: Readonly<Record<string, string>> = {}, without?: string): HeaderList {
  const options = connectionOptions(headers);
  return headers.changed((name) => name === without || options.has(name) || isKeptBack(name), own);
}

/** The upstream's fields as they may go back: no hop-by-hop fields, nothing that speaks in this gateway's name or leads around it. */
export function stripForClient(headers: HeaderList): HeaderList {
  const options = connectionOptions(headers);
  return headers.without((name) => options.has(name) || isKeptFromClient(name));
}

const isKeptBack = remembered((name) => HOP_BY_HOP.has(name) || isReservedHeader(name) || isTraceHeader(name));

const isKeptFromClient = remembered(
  (name) => HOP_BY_HOP.has(name) || name === 'alt-svc' || name.replaceAll('_', '-').startsWith('x-fairlead-'),
);

const MAX_REMEMBERED = 1_000;
const MAX_LENGTH = 64;

/** The same few names come with every call, and each would be held against some thirty prefixes. */
function remembered(test: (name: string) => boolean): (name: string) => boolean {
  const known = new Map<string, boolean>();
  return (name) => {
    let answer = known.get(name);
    if (answer === undefined) {
      answer = test(name);
      if (known.size >= MAX_REMEMBERED) known.clear();
      if (name.length <= MAX_LENGTH) known.set(name, answer);
    }
    return answer;
  };
}

/** Trailers pass the same filter as headers, and may not carry framing, routing or credentials (RFC 9110 §6.5.1). */
export function stripTrailers(trailers: HeaderList): HeaderList {
  return stripForUpstream(trailers).without(NEVER_IN_TRAILERS);
}

/** Lower-case members of all `Connection` fields. */
export function connectionOptions(headers: HeaderList): ReadonlySet<string> {
  const values = headers.getAll('connection');
  if (values.length === 0) return NONE;
  const options = new Set<string>();
  for (const value of values) {
    for (const member of value.split(',')) {
      const option = member.trim().toLowerCase();
      if (option !== '') options.add(option);
    }
  }
  return options;
}

const NONE: ReadonlySet<string> = new Set();

/**
 * Whether a client may not send this field through: it states an identity, an origin, another method or another address.
 * `_` counts as `-` (CGI and WSGI fold both into one name), and any name with `_` is reserved for that reason.
 */
export function isReservedHeader(name: string): boolean {
  const lower = name.toLowerCase();
  if (lower.includes('_')) return true;
  return RESERVED.has(lower) || RESERVED_PREFIXES.some((prefix) => lower.startsWith(prefix));
}

/** RFC 9110 §7.6.1 and the names in common use. */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  'connection',
  'proxy-connection',
  'keep-alive',
  'te',
  'trailer',
  'trailers',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-authentication-info',
  'expect',
]);

const RESERVED: ReadonlySet<string> = new Set([
  // forwarding
  'forwarded',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'true-client-ip',
  'cf-connecting-ip',
  'fastly-client-ip',
  'x-host',
  'x-scheme',
  'x-url-scheme',
  'x-proxyuser-ip',
  'front-end-https',
  // another method
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  // who calls, as other proxies state it
  'remote-user',
  'remote-name',
  'remote-email',
  'remote-groups',
  'x-remote-user',
  'x-remote-group',
  'x-remote-groups',
  'x-webauth-user',
  'x-user',
  'x-username',
  'x-user-id',
  'x-user-email',
  'x-email',
  'x-groups',
  'kubeflow-userid',
  'kubeflow-groups',
  'x-client-cert',
  'x-client-dn',
  'x-client-verify',
  'x-serverless-authorization',
  'x-goog-user-project',
  'x-goog-iam-authorization-token',
]);

const RESERVED_PREFIXES: readonly string[] = [
  'x-forwarded-',
  'x-original-',
  'x-rewrite-',
  'x-envoy-',
  'x-fairlead-',
  'x-goog-authenticated-user-',
  'x-goog-iap-',
  'prefect-automation-',
  'x-auth-request-',
  'x-authenticated-',
  'x-webauth-',
  'x-remote-extra-',
  'impersonate-',
  'x-ms-client-principal',
  'x-amzn-oidc-',
  'cf-access-',
  'x-pomerium-',
  'x-authentik-',
  'x-consumer-',
  'x-ssl-client-',
  'ssl-client-',
  'tailscale-user-',
];

const NEVER_IN_TRAILERS = [
  'host',
  'authorization',
  'cookie',
  'set-cookie',
  'content-length',
  'content-type',
  'content-encoding',
  'content-range',
];

import { z } from 'zod';
import { isSafeUrl } from './config.ts';
import type { JsonFetch } from './json-fetch.ts';

/** What is read of a provider's metadata (OpenID Connect Discovery 1.0 §3); the rest is kept for the sign-in library. */
const metadata = z.looseObject({
  issuer: z.string(),
  jwks_uri: z.string(),
  authorization_endpoint: z.string().optional(),
  token_endpoint: z.string().optional(),
  userinfo_endpoint: z.string().optional(),
  code_challenge_methods_supported: z.array(z.string()).optional(),
});

export type ProviderMetadata = z.output<typeof metadata>;

export interface DiscoveryInput {
  readonly issuer: string;
  /** Origins beside the issuer's own that the document may name. */
  readonly origins: readonly string[];
  readonly fetchJson: JsonFetch;
  readonly bearer?: string | undefined;
}

/**
 * Reads `ISSUER/.well-known/openid-configuration`. Rejects unless the document names the very same issuer (§4.3) and only URLs of
 * allowed origins, so that a provider cannot send the gateway to somebody else's address.
 */
export async function discover(input: DiscoveryInput): Promise<ProviderMetadata> {
  const url = `${input.issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const answer = await input.fetchJson(url, input.bearer === undefined ? {} : { bearer: input.bearer });
  if (answer.status !== 200) throw new Error(`discovery answered with status ${answer.status}`);
  const parsed = metadata.safeParse(answer.body);
  if (!parsed.success) throw new Error('the discovery document lacks `issuer` or `jwks_uri`');
  if (parsed.data.issuer !== input.issuer) throw new Error('the discovery document names another issuer');
  const allowed = allowedOrigins(input.issuer, input.origins);
  for (const name of ['jwks_uri', 'token_endpoint', 'userinfo_endpoint'] as const) {
    const value = parsed.data[name];
    if (value !== undefined && !isAllowedUrl(value, allowed)) {
      throw new Error(`\`${name}\` is not on the issuer's origin; list its origin under \`origins\` if that is right`);
    }
  }
  // The browser goes there, not the gateway: any https address, but no script and no clear text.
  const authorization = parsed.data.authorization_endpoint;
  if (authorization !== undefined && !isSafeUrl(authorization)) throw new Error('`authorization_endpoint` is not an https URL');
  return parsed.data;
}

export function allowedOrigins(issuer: string, origins: readonly string[]): ReadonlySet<string> {
  return new Set([new URL(issuer).origin, ...origins]);
}

export function isAllowedUrl(url: string, allowed: ReadonlySet<string>): boolean {
  return isSafeUrl(url) && allowed.has(new URL(url).origin);
}

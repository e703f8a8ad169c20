import { Problem } from '../core/problem.ts';
import { DURATION_FORM, parseDuration } from '../core/units.ts';
import { EXIT } from './functions.ts';
import type { Output } from './output.ts';
import { signedIn } from './session.ts';

/**
 * Makes a token for programs and prints the settings that carry it. For Prefect that is the one static setting which reaches every
 * HTTP call and every socket; `PREFECT_API_KEY` alone does not reach the event socket. Without `--ttl` the gateway chooses: it
 * knows the longest life that it allows.
 */
export async function token(
  options: { readonly for?: string; readonly ttl?: string; readonly label?: string; readonly origin?: string },
  output: Output,
): Promise<number> {
  const ttlSeconds = options.ttl === undefined ? undefined : secondsOf(options.ttl);
  const { client } = await signedIn(options);
  const made = await client.createToken({
    ...(ttlSeconds === undefined ? {} : { ttlSeconds }),
    ...(options.for === undefined ? {} : { target: options.for }),
    ...(options.label === undefined ? {} : { label: options.label }),
  });
  const settings = settingsOf(made.token, made.target);
  const until = new Date(made.expiresAtMs).toISOString();
  output.say(`# ${made.subject}, until ${until}${made.target === undefined ? '' : `, for ${made.target.origin}`}`);
  output.data({ ...made, settings }, () => exportsOf(settings));
  return EXIT.ok;
}

/** Environment variables by which a program shows a token at a target; without one, a header's value for any HTTP client. */
export function settingsOf(
  text: string,
  target: { readonly kind: string; readonly origin: string } | undefined,
): Readonly<Record<string, string>> {
  const header = `Bearer ${text}`;
  if (target?.kind !== 'prefect') return { FAIRLEAD_AUTHORIZATION: header };
  return { PREFECT_API_URL: `${target.origin}/api`, PREFECT_CLIENT_CUSTOM_HEADERS: JSON.stringify({ Authorization: header }) };
}

/**
 * Lines for `eval "$(fairlead token …)"` in a POSIX shell. Nothing inside single quotes means anything to it but the quote itself.
 */
export function exportsOf(settings: Readonly<Record<string, string>>): string {
  return Object.entries(settings)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'`)
    .join('\n');
}

function secondsOf(text: string): number {
  const ttlMs = parseDuration(text);
  if (ttlMs !== undefined && ttlMs >= 1000) return Math.floor(ttlMs / 1000);
  throw new Problem({ code: 'TTL_INVALID', kind: 'invalid', message: `\`--ttl\`: ${DURATION_FORM}; at least one second` });
}

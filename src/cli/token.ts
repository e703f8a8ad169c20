import { Problem } from '../core/problem.ts';
import { parseDuration } from '../core/units.ts';
import { EXIT } from './functions.ts';
import type { Output } from './output.ts';
import { signedIn } from './session.ts';

/**
 * Makes a token for programs and prints the settings that carry it. For Prefect that is the one static setting which reaches every
 * HTTP call and every socket; `PREFECT_API_KEY` alone does not reach the event socket.
 */
export async function token(
  options: { readonly for?: string; readonly ttl: string; readonly label?: string; readonly origin?: string },
  output: Output,
): Promise<number> {
  const ttlMs = parseDuration(options.ttl);
  if (ttlMs === undefined)
    throw new Problem({ code: 'TTL_INVALID', kind: 'invalid', message: '`--ttl` is a duration such as `12h`' });
  const { client } = await signedIn(options);
  const made = await client.createToken({
    ttlSeconds: Math.floor(ttlMs / 1000),
    ...(options.for === undefined ? {} : { target: options.for }),
    ...(options.label === undefined ? {} : { label: options.label }),
  });
  const header = `Bearer ${made.token}`;
  const until = new Date(made.expiresAtMs).toISOString();
  const settings: Record<string, string> =
    made.target?.kind === 'prefect'
      ? { PREFECT_API_URL: `${made.target.origin}/api`, PREFECT_CLIENT_CUSTOM_HEADERS: JSON.stringify({ Authorization: header }) }
      : { FAIRLEAD_AUTHORIZATION: header };
  output.say(`# ${made.subject}, until ${until}${made.target === undefined ? '' : `, for ${made.target.origin}`}`);
  output.data({ ...made, settings }, () =>
    Object.entries(settings)
      .map(([name, value]) => `export ${name}=${shellQuoted(value)}`)
      .join('\n'),
  );
  return EXIT.ok;
}

/** POSIX single quotes; nothing inside them means anything to a shell but the quote itself. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

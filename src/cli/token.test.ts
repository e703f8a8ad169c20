import { execFileSync } from 'node:child_process';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliGateway, cliGateway, runVerb } from '../../test/support/cli.ts';
import { runs } from '../../test/support/runs.ts';
import { exportsOf, settingsOf } from './token.ts';

let gateway: CliGateway;
beforeAll(async () => {
  gateway = await cliGateway();
});
afterAll(() => gateway.close());

/** What a shell makes of the lines: `eval "$(fairlead token …)"`, with `cat` for the command. Values are set apart by NUL, which none holds. */
function evaluated(lines: string, ...names: readonly string[]): readonly string[] {
  const script = `eval "$(cat)"; printf '%s\\0' ${names.map((name) => `"$${name}"`).join(' ')}`;
  const printed = execFileSync('sh', ['-c', script], { input: lines, encoding: 'utf8', env: { PATH: process.env['PATH'] } });
  return printed.split('\0').slice(0, -1);
}

describe('settings for a shell', () => {
  // A variable of the environment cannot hold NUL.
  const text = fc.string({ unit: 'binary', maxLength: 40 }).map((one) => one.replaceAll('\0', ''));
  const nasty = fc
    .array(fc.constantFrom("'", '"', '\\', '$', '`', '\n', '$(touch x)', '!', ' ', "'\\''", ';', '#', 'a'))
    .map((parts) => parts.join(''));

  it('reach a program as they are, whatever token and target say', () => {
    fc.assert(
      fc.property(fc.oneof(text, nasty), fc.oneof(text, nasty), (token, origin) => {
        const settings = { ...settingsOf(token, { kind: 'prefect', origin }), ...settingsOf(token, undefined) };
        const [url, headers = '', authorization] = evaluated(
          exportsOf(settings),
          ...['PREFECT_API_URL', 'PREFECT_CLIENT_CUSTOM_HEADERS', 'FAIRLEAD_AUTHORIZATION'],
        );
        expect([url, authorization]).toEqual([`${origin}/api`, `Bearer ${token}`]);
        expect(JSON.parse(headers)).toEqual({ Authorization: `Bearer ${token}` });
      }),
      { numRuns: runs(40) },
    );
  });
});

describe('fairlead token', () => {
  it('prints lines for a shell on one side and words about them on the other', async () => {
    const { code, stdout, stderr } = await gateway.ada('token', '--for', 'web', '--label', "ada's laptop");
    expect(code).toBe(0);
    const [authorization = ''] = evaluated(stdout, 'FAIRLEAD_AUTHORIZATION');
    expect(authorization).toMatch(/^Bearer pnu_[A-Za-z0-9_-]{43}$/);
    expect(stderr).toMatch(/^# user:ada@acme\.example, until 20\S+Z, for https:\/\/prefect\.acme\.example\n$/);
    expect(stderr).not.toContain(authorization.slice('Bearer '.length));
    const kept = await gateway.identity.programTokens.list('user:ada@acme.example');
    expect(kept).toContainEqual(expect.objectContaining({ label: "ada's laptop", targets: ['web'] }));
  });

  it('gives programs the settings and the token as data', async () => {
    const { stdout } = await gateway.ada('token', '-o', 'json');
    const made = JSON.parse(stdout) as { token: string; settings: Record<string, string>; expiresAtMs: number };
    expect(made.settings).toEqual({ FAIRLEAD_AUTHORIZATION: `Bearer ${made.token}` });
    // The token that the command showed lives an hour: one made from it does not outlive it.
    expect(made.expiresAtMs).toBe(gateway.clock.now() + 3_600_000);
  });

  it('lives as long as it is told', async () => {
    const { stdout } = await gateway.ada('token', '--ttl', '15m', '-o', 'json');
    expect((JSON.parse(stdout) as { expiresAtMs: number }).expiresAtMs).toBe(gateway.clock.now() + 900_000);
  });

  it('refuses a life that is none without asking, and one that is too long with the longest', async () => {
    for (const ttl of ['12', '', 'long', '0s', '999ms'])
      expect(await runVerb(['token', '--ttl', ttl]), ttl).toMatchObject({
        code: 3,
        stderr: expect.stringContaining('[TTL_INVALID]'),
      });
    const long = await gateway.ada('token', '--ttl', '91d');
    expect(long).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('[TOKEN_TTL_INVALID]') });
    expect(long.stderr).toContain('at most `90d`');
  });

  it('names the targets there are when there is no such target', async () => {
    const { code, stderr } = await gateway.ada('token', '--for', 'prefct');
    expect([code, stderr]).toEqual([1, expect.stringContaining('there are `web`')]);
  });
});

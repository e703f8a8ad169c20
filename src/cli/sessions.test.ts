import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliGateway, cliGateway, runVerb } from '../../test/support/cli.ts';
import { ADA } from '../../test/support/control-gateway.ts';

let gateway: CliGateway;
beforeAll(async () => {
  gateway = await cliGateway();
});
afterAll(() => gateway.close());

describe('fairlead sessions', () => {
  it('lists the own browsers, those of somebody, or all, and signs one out', async () => {
    const start = () =>
      gateway.identity.sessions.start({
        origin: gateway.origin,
        caller: {
          subject: { kind: 'user', name: ADA.email },
          actors: [],
          source: 'okta',
          membership: { groups: [], complete: true },
          claims: {},
        },
        authenticatedAtMs: gateway.clock.now(),
      });
    expect((await gateway.ada('sessions')).stdout).toBe('No browser is signed in.\n');
    const [first, second] = [await start(), await start()];
    expect((await gateway.ada('sessions')).stdout).toMatch(
      new RegExp(`SUBJECT +SINCE +UNTIL +ORIGINS +ID\\nuser:${ADA.email} .* ${first.id}\\nuser:${ADA.email} .* ${second.id}\\n`),
    );
    expect(JSON.parse((await gateway.ada('sessions', '-o', 'json')).stdout)).toHaveLength(2);
    expect(JSON.parse((await gateway.grace('sessions', `user:${ADA.email}`, '-o', 'json')).stdout)).toHaveLength(2);
    expect(await gateway.ada('sessions', '--end', first.id)).toMatchObject({
      code: 0,
      stdout: `Ended: ${first.id}. Its open streams and sockets are closed.\n`,
    });
    expect(JSON.parse((await gateway.grace('sessions', '--all', '-o', 'json')).stdout)).toMatchObject([{ id: second.id }]);
  });

  it('ends with 2 for those who may not, and with 64 for two wishes at once', async () => {
    expect(await gateway.ada('sessions', '--all')).toMatchObject({
      code: 2,
      stdout: '',
      stderr: expect.stringContaining('[NO_RULE]'),
    });
    for (const argv of [
      ['--all', '--end', 'x'],
      ['user:a', '--all'],
    ]) {
      expect((await runVerb(['sessions', ...argv])).code).toBe(64);
    }
  });
});

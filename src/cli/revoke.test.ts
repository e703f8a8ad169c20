import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliGateway, cliGateway, runVerb } from '../../test/support/cli.ts';
import { person } from '../../test/support/control-gateway.ts';

let gateway: CliGateway;
beforeAll(async () => {
  gateway = await cliGateway();
});
afterAll(() => gateway.close());

const VIC = 'user:vic@acme.example';

describe('fairlead revoke', () => {
  it('takes exactly one thing to revoke, and says so with 64 before it asks anybody', async () => {
    const id = 'a'.repeat(64);
    const wrong = [
      [],
      [VIC, '--session', id],
      [VIC, '--token', id],
      ['--session', id, '--token', id],
      ['--list', VIC],
      ['--list', '--block'],
      ['--lift'],
      ['--lift', '--token', id],
      ['--lift', '--block', VIC],
      ['--block', '--session', id],
    ];
    for (const argv of wrong)
      expect(await runVerb(['revoke', ...argv]), argv.join(' ')).toMatchObject({
        code: 64,
        stderr: expect.stringContaining('[USAGE]'),
      });
  });

  it('revokes, lists and lifts a subject', async () => {
    const vic = gateway.as(person('vic@acme.example', []));
    expect((await vic('whoami')).code).toBe(0);
    expect(await gateway.grace('revoke', VIC, '--block')).toMatchObject({
      code: 0,
      stdout: `Revoked: ${VIC}. Open streams and sockets are closed.\n`,
    });
    expect(await vic('whoami')).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('[CREDENTIAL_REVOKED]') });
    expect((await gateway.grace('revoke', '--list')).stdout).toMatch(
      /subject +user:vic@acme\.example +yes +user:grace@acme\.example/,
    );
    const listed = JSON.parse((await gateway.grace('revoke', '--list', '-o', 'json')).stdout) as object[];
    expect(listed).toContainEqual(expect.objectContaining({ kind: 'subject', value: VIC, block: true }));
    expect(JSON.parse((await gateway.grace('revoke', '--lift', VIC, '-o', 'json')).stdout)).toEqual({ lifted: VIC });
    // Credentials from before stay refused; a new sign-in is let in.
    expect((await gateway.grace('revoke', '--list')).stdout).toMatch(/user:vic@acme\.example +no /);
    expect((await vic('whoami')).code).toBe(1);
  });

  it('revokes one token and no other', async () => {
    const lee = person('lee@acme.example', []);
    const { token, details } = await gateway.identity.programTokens.mint({ caller: lee, ttlMs: 60_000 });
    const other = gateway.as(lee);
    expect((await gateway.grace('revoke', '--token', details.id)).code).toBe(0);
    const env = { FAIRLEAD_ORIGIN: gateway.origin, FAIRLEAD_TOKEN: token.reveal() };
    expect((await runVerb(['whoami'], { env })).code).toBe(1);
    expect((await other('whoami')).code).toBe(0);
  });

  it('ends with 2 for those who may not, and with 3 for what is no subject', async () => {
    expect(await gateway.ada('revoke', VIC)).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('[NO_RULE]') });
    expect((await gateway.grace('revoke', 'vic')).code).toBe(3);
    expect((await gateway.grace('revoke', '--token', 'abc')).code).toBe(3);
  });
});

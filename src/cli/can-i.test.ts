import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliGateway, cliGateway, runVerb } from '../../test/support/cli.ts';

let gateway: CliGateway;
beforeAll(async () => {
  gateway = await cliGateway();
});
afterAll(() => gateway.close());

const VIC = 'user:vic@acme.example';

describe('fairlead can-i', () => {
  const ask = (...argv: string[]) => ['can-i', 'http.get', ...argv];

  it('answers for oneself with 0 or 2', async () => {
    const yes = await gateway.ada(...ask('web/reports/july'));
    expect([yes.code, yes.stdout]).toEqual([0, expect.stringMatching(/^yes: /)]);
    const no = await gateway.ada(...ask('web/secret'));
    expect([no.code, no.stdout]).toEqual([2, expect.stringMatching(/^no: .*no rule allows it/)]);
  });

  it('answers for others, with the nearest rule, to those who may ask', async () => {
    const asked = ask('web/reports/july', '--as', VIC);
    const no = await gateway.grace(...asked);
    expect([no.code, no.stdout]).toEqual([2, expect.stringContaining('nearest: web/data-reads (policies/web.yaml:')]);
    expect((await gateway.grace(...asked, '--groups', 'viewers, data')).code).toBe(0);
    const denied = await gateway.ada(...asked);
    expect([denied.code, denied.stdout]).toEqual([2, '']);
    const answer = JSON.parse((await gateway.grace(...asked, '--groups', 'data', '-o', 'json')).stdout) as object;
    expect(answer).toMatchObject({ verdict: 'allow', requests: [{ action: 'http.get', resource: 'web/reports/july' }] });
  });

  it('sends tags as attributes of the resource, and groups as names', async () => {
    const bodies: unknown[] = [];
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        bodies.push(JSON.parse(Buffer.concat(chunks).toString()));
        response.writeHead(200, { 'content-type': 'application/json' });
        response.end(
          JSON.stringify({ verdict: 'hold', code: 'APPROVAL_REQUIRED', sentence: 'wait\u001b[2J', requests: [], nearest: [] }),
        );
      });
    });
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    try {
      const env = { FAIRLEAD_ORIGIN: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, FAIRLEAD_TOKEN: 't' };
      const held = await runVerb(['can-i', 'a.b', 'c/d', '--tags', 'prod, ,eu', '--as', VIC, '--groups', 'x,y '], { env });
      // Not yet is not allowed.
      expect([held.code, held.stdout]).toEqual([2, 'after approval: wait�[2J\n']);
      expect(bodies).toEqual([
        { action: 'a.b', resource: 'c/d', attributes: { tags: ['prod', 'eu'] }, caller: { subject: VIC, groups: ['x', 'y'] } },
      ]);
    } finally {
      server.close();
    }
  });

  it('refuses groups without somebody who has them, and somebody who is nobody', async () => {
    expect((await runVerb(ask('web/x', '--groups', 'data'))).code).toBe(64);
    expect(await runVerb(ask('web/x', '--as', 'vic'))).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('[SUBJECT_INVALID]'),
    });
    expect((await gateway.grace('can-i', 'http get', 'web/x')).code).toBe(3);
  });
});

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliGateway, cliGateway, runVerb } from '../../test/support/cli.ts';
import { person } from '../../test/support/control-gateway.ts';

const ADA = person('ada@acme.example', ['data']);
const VIC = person('vic@acme.example', ['viewers']);

let gateway: CliGateway;
beforeAll(async () => {
  gateway = await cliGateway();
});
afterAll(() => gateway.close());

const search = (...argv: string[]) => ['audit', 'search', ...argv];
const ids = (stdout: string) => (JSON.parse(stdout) as { id: string }[]).map(({ id }) => id);

/** A control API that answers searches with these pages, in turn. */
async function paging(
  pages: readonly { readonly entries: readonly object[]; readonly cursor?: string }[],
  argv: readonly string[],
) {
  const asked: URLSearchParams[] = [];
  const server = createServer((request, response) => {
    asked.push(new URL(request.url ?? '', 'http://127.0.0.1').searchParams);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(pages[asked.length - 1]));
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  try {
    const env = { FAIRLEAD_ORIGIN: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, FAIRLEAD_TOKEN: 't' };
    return { ran: await runVerb(search(...argv), { env }), asked: asked.map((one) => Object.fromEntries(one)) };
  } finally {
    server.close();
  }
}

const event = (id: string) => ({ type: 'event.v1', id, seq: 1, timeMs: 0, truncated: [], event: 'e', caller: 'c', detail: {} });

describe('fairlead audit search', () => {
  it('shows one line for each decision, newest first, under the names that narrow it', async () => {
    const first = await gateway.decided(VIC, ['secret']);
    const second = await gateway.decided(ADA, ['reports', 'x']);
    const { code, stdout } = await gateway.grace(...search('--target', 'web'));
    const [head = '', ...lines] = stdout.trimEnd().split('\n');
    expect(code).toBe(0);
    expect(head.split(/ +/)).toEqual(['TIME', 'VERDICT', 'CALLER', 'ACTION', 'RESOURCE', 'CODE', 'COUNT', 'ID']);
    expect(lines.map((line) => line.split(/ {2,}/).at(-1))).toEqual([second, first]);
    expect(lines[1]).toMatch(/Z {2}deny +user:vic@acme\.example +http\.get +web\/secret +NO_RULE +1 /);
    const denied = await gateway.grace(...search('--target', 'web', '--verdict', 'deny', '-o', 'json'));
    expect(ids(denied.stdout)).toEqual([first]);
    const none = await gateway.grace(...search('--caller', 'user:nobody@acme.example'));
    expect(none.stdout).toBe('Nothing found.\n');
  });

  it('shows those who may not search the decisions about themselves', async () => {
    await gateway.decided(VIC, ['secret']);
    const own = await gateway.decided(ADA, ['secret']);
    const found = JSON.parse((await gateway.ada(...search('-o', 'json'))).stdout) as { id: string; caller: string }[];
    expect(new Set(found.map(({ caller }) => caller))).toEqual(new Set(['user:ada@acme.example']));
    expect(found.map(({ id }) => id)).toContain(own);
    expect((await gateway.ada(...search('--caller', 'user:vic@acme.example'))).code).toBe(2);
  });

  it('shows refusals, events and types of later versions, and none of their control characters', async () => {
    const entries = [
      {
        type: 'refusal.v1',
        id: 'r',
        seq: 1,
        timeMs: 0,
        truncated: [],
        peer: '192.0.2.7',
        code: 'X\u001b[31m',
        status: 400,
        path: '/a\u202eb',
      },
      event('e'),
      { type: 'future.v9', id: 'f', seq: 1, timeMs: 0 },
    ];
    const { ran } = await paging([{ entries }], []);
    expect(ran.stdout).toContain('refused    192.0.2.7  -       /a�b      X�[31m  1      r\n');
    expect(ran.stdout).toMatch(/event +c +e +- +- +1 +e\n/);
    expect(ran.stdout).toMatch(/future\.v9 .* f\n$/);
  });

  it('goes from page to page up to the limit, also over empty ones, and asks for no more than that', async () => {
    const pages = [
      { entries: [event('1'), event('2')], cursor: 'a' },
      { entries: [], cursor: 'b' },
      { entries: [event('3'), event('4')], cursor: 'c' },
    ];
    const { ran, asked } = await paging(pages, ['--limit', '3', '-o', 'json']);
    expect(ids(ran.stdout)).toEqual(['1', '2', '3']);
    expect(asked).toEqual([{ limit: '3' }, { limit: '1', cursor: 'a' }, { limit: '1', cursor: 'b' }]);
    const large = await paging([{ entries: [event('1')] }], ['--limit', '100000']);
    expect(large.asked).toEqual([{ limit: '500' }]);
    const last = await paging([{ entries: [event('1')], cursor: 'a' }, { entries: [] }], []);
    expect(last.asked).toEqual([{ limit: '50' }, { limit: '49', cursor: 'a' }]);
  });

  it('sends what was asked for, with times as milliseconds', async () => {
    const before = Date.now();
    const argv = [
      '--since',
      '1h',
      '--until',
      '2026-07-31T10:00:00Z',
      '--id',
      'i',
      '--action',
      'a.b',
      '--resource',
      'web/x',
      '--caller',
      'user:a',
    ];
    const { asked } = await paging([{ entries: [] }], argv);
    const { since, ...rest } = asked[0] ?? {};
    expect(Number(since)).toBeGreaterThanOrEqual(before - 3_600_000);
    expect(Number(since)).toBeLessThanOrEqual(Date.now() - 3_600_000);
    expect(rest).toEqual({
      limit: '50',
      until: String(Date.UTC(2026, 6, 31, 10)),
      id: 'i',
      action: 'a.b',
      resource: 'web/x',
      caller: 'user:a',
    });
  });

  it('refuses times and numbers that are none, before it asks', async () => {
    for (const argv of [
      ['--since', 'yesterday'],
      ['--until', ''],
    ])
      expect(await runVerb(search(...argv))).toMatchObject({ code: 3, stderr: expect.stringContaining('[TIME_INVALID]') });
    for (const limit of ['0', '-1', '1.5', 'all', '1e3', ''])
      expect(await runVerb(search('--limit', limit)), limit).toMatchObject({
        code: 3,
        stderr: expect.stringContaining('[LIMIT_INVALID]'),
      });
  });
});

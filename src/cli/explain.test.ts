import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliGateway, cliGateway } from '../../test/support/cli.ts';
import { person } from '../../test/support/control-gateway.ts';
import { type Caller, callerText } from '../core/caller.ts';

const RAW = /[^\P{Cc}\n]|[\p{Cf}\u2028\u2029]/u;
const ADA = person('ada@acme.example', ['data']);
const VIC = person('vic@acme.example', ['viewers']);

let gateway: CliGateway;
beforeAll(async () => {
  gateway = await cliGateway();
});
afterAll(() => gateway.close());

describe('fairlead explain', () => {
  it('tells administrators whose call it was, the rules, the clauses and the nearest rule', async () => {
    const id = await gateway.decided(VIC, ['reports', 'july']);
    const { code, stdout } = await gateway.grace('explain', id);
    expect(code).toBe(0);
    const [sentence, ...lines] = stdout.split('\n');
    expect(sentence).toBe('`user:vic@acme.example` may not `http.get` on `web/reports/july`: no rule allows it');
    expect(lines).toContain(`  decision  ${id}`);
    expect(stdout).toMatch(
      / {2}call {6}GET \/reports\/july on web \(GET\)\n {2}verdict {3}deny NO_RULE, mode enforce, policy sha256:/,
    );
    expect(stdout).toMatch(
      /nearest rules for http\.get on web\/reports\/july:\n {4}web\/data-reads {2}policies\/web\.yaml:7 {2}needs group `data`; ask data-team@acme\.example/,
    );
  });

  it('names callers that have no name of their own by what they are, and never calls the administrator by their call', async () => {
    const scorer = { kind: 'workload', cluster: 'prod', home: true, namespace: 'fraud', serviceAccount: 'scorer' } as const;
    const callers: readonly Caller[] = [
      { ...VIC, subject: { kind: 'anonymous' }, source: '' },
      { ...VIC, subject: { kind: 'shared_secret', target: 'web' } },
      { ...VIC, subject: scorer },
      { ...VIC, actors: [{ kind: 'agent', name: 'copilot' }] },
    ];
    for (const caller of callers) {
      const { stdout } = await gateway.grace('explain', await gateway.decided(caller, ['reports', 'july']));
      expect(stdout.startsWith(`\`${callerText(caller)}\` may not \`http.get\` on `), stdout).toBe(true);
    }
  });

  it('tells what allowed a call, and what came of it', async () => {
    const id = await gateway.decided(ADA, ['reports', 'july']);
    const { stdout } = await gateway.grace('explain', id);
    expect(stdout).toContain('`user:ada@acme.example` may `http.get` on `web/reports/july`: rule `web/data-reads` allows it');
    expect(stdout).toMatch(/rule web\/data-reads {2}policies\/web\.yaml:7\n/);
    expect(stdout).toMatch(/true {2}who group:data {2}\(line \d+, saw .*data.*\)/);
    expect(stdout).not.toContain('nearest');
  });

  it('tells outcomes and folds', async () => {
    const id = await gateway.decided(ADA, ['reports', 'answered']);
    const folded = await gateway.decided(ADA, ['reports', 'folded']);
    const { entries } = gateway.record;
    const timeMs = gateway.clock.now();
    const at = (wanted: string) => entries.findIndex((entry) => entry.id === wanted);
    const given = { outcome: { outcome: { kind: 'answered', status: 404 }, timeMs, durationMs: 3 } } as const;
    const fold = { fold: { count: 12, lastTimeMs: timeMs, ids: [], outcomes: { '200': 11, 'broken:client': 1 } } };
    entries[at(id)] = { ...gateway.record.decisions().find((one) => one.id === id), ...given } as (typeof entries)[number];
    entries[at(folded)] = { ...gateway.record.decisions().find((one) => one.id === folded), ...fold } as (typeof entries)[number];
    expect((await gateway.grace('explain', id)).stdout).toContain('  outcome   answered, status 404\n');
    expect((await gateway.grace('explain', folded)).stdout).toMatch(
      / {2}outcome {3}12 calls like this one until \S+Z; 200: 11; broken:client: 1\n/,
    );
    const mixed = { fold: { ...fold.fold, isMixed: true } };
    entries[at(folded)] = {
      ...gateway.record.decisions().find((one) => one.id === folded),
      ...mixed,
    } as (typeof entries)[number];
    expect((await gateway.grace('explain', folded)).stdout).toContain(
      '12 calls of this caller, of whatever they were about, until',
    );
  });

  it('tells the subject of a decision one sentence and its id, and nobody else that there is one', async () => {
    const id = await gateway.decided(ADA, ['secret']);
    const short = await gateway.ada('explain', id);
    expect(short.stdout).toMatch(
      new RegExp(
        `^you may not \`http\\.get\` on \`web/secret\`: no rule allows it\n {2}decision {2}${id}\n {2}code {6}NO_RULE\n {2}time {6}\\S+Z\n$`,
      ),
    );
    const other = await gateway.decided(VIC, ['secret']);
    expect(await gateway.ada('explain', other)).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('[DECISION_UNKNOWN]'),
    });
    expect((await gateway.ada('explain', 'x')).code).toBe(1);
  });

  it('tells refusals, events, lost outcomes and gaps in their own words', async () => {
    const id = (last: number) => `01981f2e-0000-7000-8000-00000000000${last}`;
    const head = { seq: 0, timeMs: gateway.clock.now(), truncated: [] };
    gateway.record.entries.push(
      {
        type: 'refusal.v1',
        ...head,
        id: id(1),
        target: 'web',
        door: 'proxy',
        peer: '192.0.2.7',
        code: 'TOKEN_EXPIRED',
        status: 401,
        method: 'GET',
        path: '/x',
      },
      {
        type: 'event.v1',
        ...head,
        id: id(2),
        event: 'policy.applied',
        caller: 'user:grace@acme.example',
        detail: { revision: 'sha256:abc' },
      },
      { type: 'outcome.v1', ...head, id: id(3), outcome: { kind: 'not_forwarded', status: 403 }, durationMs: 1 },
      { type: 'gap.v1', ...head, id: id(4), lost: { refusal: 7 }, untilMs: 0 },
    );
    const told = async (last: number) => (await gateway.grace('explain', id(last))).stdout;
    expect(await told(1)).toMatch(/peer {6}192\.0\.2\.7\n {2}call {6}GET \/x on web\n {2}answer {4}TOKEN_EXPIRED, status 401\n/);
    expect(await told(2)).toMatch(
      /event {5}policy\.applied\n {2}caller {4}user:grace@acme\.example\n {2}revision {2}sha256:abc\n/,
    );
    expect(await told(3)).toContain('outcome   not forwarded, status 403\n');
    expect(await told(4)).toContain('lost      7 of refusal\n');
  });

  it('keeps what callers wrote from the terminal, in every format', async () => {
    const id = await gateway.decided(ADA, ['a\u001b[2J\u009b31m', '\u202eb\r\n\u2028c']);
    for (const format of ['table', 'json', 'yaml']) {
      const { code, stdout } = await gateway.grace('explain', id, '-o', format);
      expect(code).toBe(0);
      expect(stdout, format).not.toMatch(RAW);
    }
    const whole = JSON.parse((await gateway.grace('explain', id, '-o', 'json')).stdout) as object;
    expect(whole).toMatchObject({ form: 'full', entry: { id, path: '/a\u001b[2J\u009b31m/\u202eb\r\n\u2028c' } });
  });
});

import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  ADA,
  CONTROL,
  type ControlGateway,
  controlGateway,
  GRACE,
  POLICY,
  person,
  type Sent,
} from '../../../test/support/control-gateway.ts';

let gateway: ControlGateway;
let ada: (path: string, sent?: Sent) => ReturnType<ControlGateway['send']>;
let grace: typeof ada;
beforeAll(async () => {
  gateway = await controlGateway();
  const as = async (who: Record<string, unknown>) => {
    const { cookie } = await gateway.signIn(who);
    return (path: string, sent: Sent = {}) =>
      gateway.send(`/api/v1/${path}`, { ...sent, headers: { cookie, origin: CONTROL, ...sent.headers } });
  };
  ada = await as(ADA);
  grace = await as(GRACE);
});
afterAll(() => gateway.close());

const lastDecision = () => gateway.record.decisions().at(-1);

describe('whoami and targets', () => {
  it('tell who the caller is and what is behind the gateway', async () => {
    expect((await ada('whoami')).json()).toMatchObject({
      subject: 'user:ada@acme.example',
      source: 'okta',
      groups: ['data'],
      groupsComplete: true,
      administrator: false,
      credential: { kind: 'session', expiresAtMs: expect.any(Number) },
    });
    expect((await grace('whoami')).json()).toMatchObject({ administrator: true });
    expect((await ada('targets')).json()).toEqual([expect.objectContaining({ name: 'web', kind: 'http', mode: 'enforce' })]);
  });

  it('tell nobody anything', async () => {
    for (const path of ['whoami', 'targets', 'tokens', 'sessions', 'policy', 'decisions', 'revocations']) {
      const answer = await gateway.send(`/api/v1/${path}`);
      expect(answer.status, path).toBe(401);
      expect(answer.headers['www-authenticate']).toBe('Bearer realm="fairlead"');
      expect(answer.headers['content-type']).toBe('application/problem+json');
      const problem = answer.json() as { decisionId: string; detail: string };
      expect(problem).toMatchObject({ type: 'about:blank', status: 401, code: 'CREDENTIAL_REQUIRED' });
      expect(problem.detail).toContain(problem.decisionId);
      expect(gateway.record.refusals.at(-1)).toMatchObject({ id: problem.decisionId, status: 401 });
    }
  });
});

describe('tokens', () => {
  it('are made, listed and revoked by their owner, each on record before it happens', async () => {
    const made = await ada('tokens', { method: 'POST', body: { target: 'web', ttlSeconds: 3600, label: 'ci' } });
    expect(made.status).toBe(201);
    const { id, token, expiresAtMs } = made.json() as { id: string; token: string; expiresAtMs: number };
    expect(expiresAtMs).toBe(gateway.clock.now() + 3_600_000);
    expect(lastDecision()).toMatchObject({
      operation: 'token.create',
      class: 'secret',
      decision: { verdict: 'allow', code: 'OWN' },
    });
    expect(gateway.record.outcomes.at(-1)).toMatchObject({ id: lastDecision()?.id, outcome: { kind: 'answered', status: 201 } });
    expect(JSON.stringify(gateway.record.entries)).not.toContain(token);
    expect((await ada('tokens')).json()).toEqual([expect.objectContaining({ id, label: 'ci', targets: ['web'] })]);

    const elsewhere = await gateway.send('/api/v1/whoami', { headers: { authorization: `Bearer ${token}` } });
    expect(elsewhere.status).toBe(401);
    expect((await ada(`tokens/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect(gateway.record.events.at(-1)).toMatchObject({ type: 'token.revoked', detail: { token: id } });
    expect((await ada('tokens')).json()).toEqual([]);
  });

  it('of others are for those who hold the right', async () => {
    const { id } = (await ada('tokens', { method: 'POST', body: {} })).json() as { id: string };
    const graces = (await grace('tokens', { method: 'POST', body: {} })).json() as { id: string };
    expect((await ada('tokens?subject=user:grace@acme.example')).status).toBe(403);
    expect((await ada('tokens?subject=*')).status).toBe(403);
    const refused = await ada(`tokens/${graces.id}`, { method: 'DELETE' });
    expect(refused.json()).toMatchObject({ status: 403, code: 'NO_RULE', decisionId: lastDecision()?.id });
    expect(gateway.record.outcomes.at(-1)).toMatchObject({ outcome: { kind: 'not_forwarded', status: 403 } });

    expect((await grace('tokens?subject=user:ada@acme.example')).json()).toEqual([expect.objectContaining({ id })]);
    expect((await grace('tokens?subject=*')).json()).toHaveLength(2);
    expect((await grace(`tokens/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await grace(`tokens/${id}`, { method: 'DELETE' })).status).toBe(404);
  });

  it('are not made where a rule says that they cannot', async () => {
    const rule =
      '    - {name: no-tokens, who: ["user:ada@acme.example"], cannot: [fairlead.token.create], on: ["fairlead/**"]}\n';
    const text = `${POLICY.text.trimEnd()}\n${rule}`;
    const applied = await grace('policy/apply', { method: 'POST', body: { files: [{ ...POLICY, text }] } });
    expect(applied.json()).toMatchObject({ applied: true });
    const refused = await ada('tokens', { method: 'POST', body: {} });
    await grace('policy/apply', { method: 'POST', body: { files: [POLICY] } });
    expect(refused.json()).toMatchObject({ status: 403, code: 'RULE_DENIED' });
    expect((await ada('tokens', { method: 'POST', body: {} })).status).toBe(201);
  });

  it('are not made from a body that names a member twice', async () => {
    const headers = { 'content-type': 'application/json' };
    for (const body of ['{"label":"a","label":"b"}', '{"label":"a","l\\u0061bel":"b"}']) {
      const refused = await ada('tokens', { method: 'POST', body, headers });
      expect([refused.status, refused.json()]).toMatchObject([400, { code: 'JSON_DUPLICATE_KEY' }]);
    }
    const named = await ada('tokens', { method: 'POST', body: '{"__proto__":{"label":"a"}}', headers });
    expect(named.json()).toMatchObject({ status: 400, code: 'BODY_INVALID' });
  });

  it('live as long as the configuration allows at most, and the refusal of a longer life says how long that is', async () => {
    const strict = await controlGateway({ sessions: { tokens: '90m' } });
    try {
      const { cookie } = await strict.signIn(ADA);
      const make = (body: object) =>
        strict.send('/api/v1/tokens', { method: 'POST', headers: { cookie, origin: CONTROL }, body });
      const made = (await make({})).json() as { expiresAtMs: number };
      expect(made.expiresAtMs - strict.clock.now()).toBe(90 * 60_000);
      expect((await make({ ttlSeconds: 2 * 3600 })).json()).toMatchObject({
        code: 'TOKEN_TTL_INVALID',
        hint: expect.stringContaining('`90m`'),
      });
    } finally {
      await strict.close();
    }
  });

  it('end themselves by `tokens/current`', async () => {
    const { token } = (await ada('tokens', { method: 'POST', body: {} })).json() as { token: string };
    const headers = { authorization: `Bearer ${token}` };
    const call = (path: string, method: string) => gateway.send(`/api/v1/${path}`, { method, headers });
    expect((await call('whoami', 'GET')).status).toBe(200);
    expect((await call('tokens/current', 'DELETE')).status).toBe(204);
    expect((await call('whoami', 'GET')).status).toBe(401);
  });

  it('are not made for targets that do not exist, nor with members that nobody knows', async () => {
    expect((await ada('tokens', { method: 'POST', body: { target: 'nowhere' } })).json()).toMatchObject({
      code: 'TARGET_UNKNOWN',
    });
    expect((await ada('tokens', { method: 'POST', body: { ttl: 5 } })).json()).toMatchObject({ code: 'BODY_INVALID' });
    expect(
      (await ada('tokens', { method: 'POST', body: '{', headers: { 'content-type': 'application/json' } })).json(),
    ).toMatchObject({
      code: 'JSON_INVALID',
    });
  });
});

describe('policy', () => {
  const next = { ...POLICY, text: POLICY.text.replace('web/reports/**', 'web/other/**') };

  it('is read, checked and applied by administrators alone', async () => {
    expect((await ada('policy')).status).toBe(403);
    expect((await ada('policy/check', { method: 'POST', body: { files: [next] } })).status).toBe(403);
    expect((await ada('policy/apply', { method: 'POST', body: { files: [next] } })).status).toBe(403);
    expect((await grace('policy')).json()).toMatchObject({ revision: gateway.activation.current().revision, files: [POLICY] });
  });

  it('is applied by digest, on record, and a late writer is told of the conflict', async () => {
    const { revision: first } = gateway.activation.current();
    const checked = (await grace('policy/check', { method: 'POST', body: { files: [next] } })).json() as { revision: string };
    expect(checked).toMatchObject({ activatable: true, diagnostics: [] });
    expect(gateway.activation.current().revision).toBe(first);

    const applied = await grace('policy/apply', { method: 'POST', body: { files: [next], expected: first } });
    expect(applied.json()).toMatchObject({ applied: true, conflict: false, revision: checked.revision });
    expect(gateway.activation.current().revision).toBe(checked.revision);
    expect(gateway.record.events.at(-1)).toMatchObject({
      type: 'policy.applied',
      caller: 'user:grace@acme.example',
      detail: { revision: checked.revision, before: first },
    });

    const late = await grace('policy/apply', { method: 'POST', body: { files: [POLICY], expected: first } });
    expect(late.json()).toMatchObject({ applied: false, conflict: true });
    expect(gateway.activation.current().revision).toBe(checked.revision);
    await grace('policy/apply', { method: 'POST', body: { files: [POLICY] } });
  });

  it('that does not load, fails its tests or asks for what nothing enforces stays out, with every reason', async () => {
    const apply = async (text: string) =>
      (await grace('policy/apply', { method: 'POST', body: { files: [{ path: 'p.yaml', text }] } })).json();
    const before = gateway.activation.current().revision;
    expect(await apply('kind: Nonsense\n')).toMatchObject({ applied: false, activatable: false, conflict: false });
    const failing = `${POLICY.text}---
apiVersion: fairlead.dev/v1
kind: PolicyTest
metadata: { name: t }
spec:
  cases:
    - { name: no, caller: { user: bob@acme.example }, request: { action: http.get, resource: web/x }, expect: { verdict: allow } }
`;
    expect(await apply(failing)).toMatchObject({ applied: false, tests: [{ passed: false }] });
    const capped = POLICY.text.replace(
      'can: [http.get], on: ["web/**"]',
      'can: [http.get], on: ["web/**"], require: { approval: { from: ["group:platform"] } }',
    );
    const answer = (await apply(capped)) as { applied: boolean; diagnostics: { message: string }[] };
    expect(answer.applied).toBe(false);
    expect(answer.diagnostics.map(({ message }) => message).join()).toContain('approval');
    expect(gateway.activation.current().revision).toBe(before);
  });
});

describe('decisions', () => {
  it('are listed in full for those who may search, and for others only their own, without rules', async () => {
    await gateway.decided(person('ada@acme.example', ['data']), ['secret']);
    await gateway.decided(person('bob@acme.example', []), ['secret']);
    const all = (await grace('decisions?verdict=deny&target=web')).json() as { entries: { caller: string }[] };
    expect(new Set(all.entries.map(({ caller }) => caller))).toEqual(new Set(['user:ada@acme.example', 'user:bob@acme.example']));
    expect(lastDecision()).toMatchObject({ operation: 'decision.search', caller: 'user:grace@acme.example' });

    const own = (await ada('decisions?target=web')).json() as { entries: { caller: string; decision: { requests: object[] } }[] };
    expect(own.entries.map(({ caller }) => caller)).toEqual(['user:ada@acme.example']);
    expect(own.entries[0]?.decision.requests[0]).toMatchObject({ rules: [], clauses: [], mesh: [], wouldDeny: [] });
    expect((await ada('decisions?caller=user:bob@acme.example')).status).toBe(403);
  });

  it('are paged', async () => {
    const first = (await grace('decisions?limit=1')).json() as { entries: { id: string }[]; cursor: string };
    const second = (await grace(`decisions?limit=1&cursor=${first.cursor}`)).json() as typeof first;
    expect(first.entries).toHaveLength(1);
    expect(second.entries).toHaveLength(1);
    expect((await grace('decisions?limit=0')).status).toBe(400);
    expect((await grace('decisions?limit=1&limit=2')).json()).toMatchObject({ code: 'QUERY_AMBIGUOUS' });
    expect((await grace('decisions?since=yesterday')).json()).toMatchObject({ code: 'QUERY_INVALID' });
  });

  it('are explained in full with the nearest rule to administrators, on record', async () => {
    const id = await gateway.decided(person('ada@acme.example', ['data']), ['secret']);
    const full = (await grace(`decisions/${id}?nearest=1`)).json();
    expect(full).toMatchObject({
      form: 'full',
      entry: { id, caller: 'user:ada@acme.example' },
      nearest: [
        {
          action: 'http.get',
          resource: 'web/secret',
          rules: expect.arrayContaining([expect.objectContaining({ ask: 'data-team@acme.example' })]),
        },
      ],
    });
    expect(JSON.stringify(full)).toContain('policies/web.yaml');
    expect(lastDecision()).toMatchObject({ operation: 'decision.explain', decision: { verdict: 'allow' } });
  });

  it('are explained in one sentence to whom they concern', async () => {
    const id = await gateway.decided(person('ada@acme.example', ['data']), ['secret']);
    const short = (await ada(`decisions/${id}?nearest=1`)).json();
    expect(short).toEqual({ form: 'short', id, code: 'NO_RULE', timeMs: expect.any(Number), sentence: expect.any(String) });
    expect(JSON.stringify(short)).not.toContain('policies/');
  });

  it('are not there for anybody else, as those that never were', async () => {
    const id = await gateway.decided(person('bob@acme.example', []), ['secret']);
    const other = await ada(`decisions/${id}`);
    const never = await ada('decisions/018f0000-0000-7000-8000-000000000000');
    for (const answer of [other, never]) expect(answer.json()).toMatchObject({ status: 404, code: 'DECISION_UNKNOWN' });
    const shape = (text: string) => text.replace(/[0-9a-f-]{36}/g, 'ID');
    expect(shape(other.text)).toBe(shape(never.text));
    expect(lastDecision()).toMatchObject({ operation: 'decision.explain', decision: { verdict: 'deny' } });
    expect((await grace('decisions/018f0000-0000-7000-8000-000000000000')).status).toBe(404);
    expect((await grace('decisions/not-an-id')).status).toBe(404);
  });
});

describe('access queries', () => {
  const query = (body: object) => ({ method: 'POST', body });

  it('answer for oneself without any right and without reasons', async () => {
    const can = await ada('access/query', query({ action: 'http.get', resource: 'web/reports/q1' }));
    expect(can.json()).toMatchObject({ verdict: 'allow', code: 'ALLOWED', requests: [], nearest: [] });
    const cannot = await ada('access/query', query({ action: 'http.get', resource: 'web/secret' }));
    expect(cannot.json()).toMatchObject({ verdict: 'deny', code: 'NO_RULE', requests: [], nearest: [] });
  });

  it('answer for others, with reasons, to those who may ask, on record', async () => {
    const body = { action: 'http.get', resource: 'web/secret', caller: { subject: 'user:ada@acme.example', groups: ['data'] } };
    expect((await ada('access/query', query(body))).status).toBe(403);
    const answer = (await grace('access/query', query(body))).json() as { nearest: object[] };
    expect(answer).toMatchObject({ verdict: 'deny', requests: [{ action: 'http.get', resource: 'web/secret' }] });
    expect(answer.nearest.length).toBeGreaterThan(0);
    expect(lastDecision()).toMatchObject({ operation: 'access.query', caller: 'user:grace@acme.example' });
    const unknownGroups = { ...body, resource: 'web/reports/q1', caller: { subject: 'user:ada@acme.example' } };
    expect((await grace('access/query', query(unknownGroups))).json()).toMatchObject({ verdict: 'deny' });
  });

  it('refuse what is no action, resource, subject or attribute', async () => {
    const good = { action: 'http.get', resource: 'web/x' };
    const bad = [
      { ...good, action: 'HTTP GET' },
      { ...good, resource: '' },
      { ...good, caller: { subject: 'ada' } },
      { ...good, caller: { subject: 'user:*' } },
      { ...good, attributes: { 'a b': 1 } },
      { ...good, more: 1 },
    ];
    for (const body of bad) expect((await grace('access/query', query(body))).status, JSON.stringify(body)).toBe(400);
  });

  it('end in an answer or a known problem for any JSON', async () => {
    await fc.assert(
      fc.asyncProperty(fc.json(), async (text) => {
        const headers = { 'content-type': 'application/json' };
        const answer = await ada('access/query', { method: 'POST', body: text, headers });
        expect([200, 400]).toContain(answer.status);
      }),
      { numRuns: 60 },
    );
  });
});

describe('revocations', () => {
  it('end a session at once, are listed and lifted, and are on record', async () => {
    const bob = { sub: 'u-3', email: 'bob@acme.example', email_verified: true, groups: [] };
    const { cookie } = await gateway.signIn(bob);
    const whoami = () => gateway.send('/api/v1/whoami', { headers: { cookie } });
    expect((await whoami()).status).toBe(200);
    const body = { subject: 'user:bob@acme.example', block: true };
    expect((await ada('revocations', { method: 'POST', body })).status).toBe(403);
    expect((await whoami()).status).toBe(200);

    expect((await grace('revocations', { method: 'POST', body })).status).toBe(204);
    expect((await whoami()).status).toBe(401);
    expect(gateway.record.events.at(-1)).toMatchObject({ type: 'revocation.created', detail: body });
    expect((await grace('revocations')).json()).toContainEqual(
      expect.objectContaining({ kind: 'subject', value: 'user:bob@acme.example', block: true, by: 'user:grace@acme.example' }),
    );
    expect((await ada('revocations')).status).toBe(403);
    expect((await ada('revocations?subject=user:bob@acme.example', { method: 'DELETE' })).status).toBe(403);
    expect((await grace('revocations?subject=user:bob@acme.example', { method: 'DELETE' })).status).toBe(204);
    gateway.clock.nowMs += 1000;
    const again = await gateway.signIn(bob);
    expect((await gateway.send('/api/v1/whoami', { headers: { cookie: again.cookie } })).status).toBe(200);
  });

  it('name exactly one thing, in a form that can be meant', async () => {
    const bad = [{}, { subject: 'bob' }, { subject: 'user:*' }, { session: 'x' }, { subject: 'user:b@x', token: 'a'.repeat(64) }];
    for (const body of bad) expect((await grace('revocations', { method: 'POST', body })).status, JSON.stringify(body)).toBe(400);
  });
});

describe('a record that cannot be written', () => {
  it('stops the call before anything happens, as our own fault', async () => {
    const { recorder } = gateway.parts;
    const works = recorder.decision;
    const before = gateway.activation.current().revision;
    Object.assign(recorder, { decision: () => Promise.reject(new Error('disk full')) });
    const files = [{ path: 'p.yaml', text: POLICY.text.replace('reports', 'elsewhere') }];
    const answer = await grace('policy/apply', { method: 'POST', body: { files } });
    Object.assign(recorder, { decision: works });
    expect(answer.json()).toMatchObject({ status: 503, code: 'INTERNAL' });
    expect(answer.text).not.toContain('disk');
    expect(answer.headers['retry-after']).toBe('2');
    expect(gateway.activation.current().revision).toBe(before);
  });
});

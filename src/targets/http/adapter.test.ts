import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ANONYMOUS } from '../../core/caller.ts';
import { Problem, type ProblemKind } from '../../core/problem.ts';
import type { Call } from '../target.ts';
import { ADA, callerOf, contextOf, DECISION_ID, decisionOf, headOf, refusalOf } from '../testing.ts';
import { createHttpAdapter } from './adapter.ts';
import { headerText, IDENTITY_HEADERS } from './forward.ts';

const context = contextOf({ name: 'grafana' });
const adapter = createHttpAdapter(context);
const NAVIGATION = { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', accept: 'text/html,*/*' };

function callOf(method: string, target: string, caller = ADA): Call {
  const head = headOf(method, target);
  return { operation: adapter.match(head), head, caller, body: undefined, decisionId: DECISION_ID };
}

describe('a call of a web service', () => {
  it.each([
    ['GET', 'GET', 'http.get', 'read'],
    ['HEAD', 'HEAD', 'http.head', 'read'],
    ['POST', 'POST', 'http.post', 'write'],
    ['DELETE', 'DELETE', 'http.delete', 'write'],
    ['PROPFIND', 'raw', 'http.raw', 'act'],
    ['SOCKET', 'raw', 'http.raw', 'act'],
    ['RAW', 'raw', 'http.raw', 'act'],
  ])('%s is the method %s and asks for %s', async (method, id, action, kind) => {
    const call = callOf(method, '/a/b');
    expect([call.operation.id, call.operation.class]).toEqual([id, kind]);
    expect((await adapter.classify(call)).requests.map((request) => request.action)).toEqual([action]);
  });

  it('is a socket when it upgrades', () => {
    const operation = adapter.match(headOf('GET', '/live', { upgrade: true }));
    expect([operation.id, operation.upgrade]).toEqual(['SOCKET', true]);
  });

  it('names the path as its resource, and tells host, path and query', async () => {
    const { requests } = await adapter.classify(callOf('GET', '/a%2Db/c/?x=1&x=2&__proto__=3'));
    expect(requests[0].resource.path).toEqual(['grafana', 'a-b', 'c']);
    expect(requests[0].attributes).toMatchObject({ method: 'GET', verb: 'GET', host: 'prefect.test', path: '/a-b/c/' });
    const query = requests[0].attributes['query'] as Record<string, readonly string[]>;
    expect(Object.keys(query)).toEqual(['x', '__proto__']);
    expect(query['x']).toEqual(['1', '2']);
  });

  it('asks on the target itself for the root', async () => {
    expect((await adapter.classify(callOf('GET', '/'))).requests[0].resource.path).toEqual(['grafana']);
  });
});

describe('a refusal by a web service', () => {
  const problemOf = (kind: ProblemKind) => new Problem({ code: 'SOME_CODE', kind, message: 'because' });
  const get = adapter.match(headOf('GET', '/'));

  it('is problem details for programs, with the decision and the way to its explanation', () => {
    const answer = adapter.refuse(refusalOf(headOf('GET', '/x'), get, { kind: 'denied', decision: decisionOf('deny') }));
    expect(answer.status).toBe(403);
    expect(answer.headers).toMatchObject({ 'content-type': 'application/problem+json', 'x-fairlead-decision': DECISION_ID });
    expect(JSON.parse(String(answer.body))).toEqual({
      type: 'about:blank',
      title: 'Not allowed',
      status: 403,
      detail: 'this is not allowed',
      code: 'NO_RULE',
      decision: DECISION_ID,
      why: `https://access.test/why/${DECISION_ID}`,
    });
  });

  it('is a page for a browser that opens one, without scripts and with everything escaped', () => {
    const head = headOf('GET', '/x', { headers: NAVIGATION });
    const reason = { kind: 'denied', decision: decisionOf('deny') } as const;
    const answer = adapter.refuse(refusalOf(head, get, reason, '<img src=x onerror=alert(1)> needs "x" & \'y\''));
    const body = String(answer.body);
    expect(answer.headers['content-type']).toBe('text/html; charset=utf-8');
    expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
    expect(body).not.toMatch(/<script|<img/i);
    expect(body).toContain('&#60;img src=x onerror=alert(1)&#62; needs &#34;x&#34; &#38; &#39;y&#39;');
    expect(body).toContain(`href="https://access.test/why/${DECISION_ID}"`);
    expect(body).toContain(DECISION_ID);
  });

  it.each<[string, Record<string, string>, number]>([
    ['a navigation', NAVIGATION, 302],
    ['a client without fetch metadata that wants HTML', { accept: 'text/html' }, 302],
    ['a frame inside another page', { ...NAVIGATION, 'sec-fetch-dest': 'iframe' }, 401],
    ['a script’s call', { 'sec-fetch-mode': 'cors', accept: 'text/html' }, 401],
    ['a program', { accept: '*/*' }, 401],
    ['a program with a bad token', { ...NAVIGATION, authorization: 'Bearer nonsense' }, 401],
  ])('sends %s without identity to the right place', (_, headers, status) => {
    const head = headOf('GET', '/dash?x=1', { headers });
    const answer = adapter.refuse(refusalOf(head, get, { kind: 'problem', problem: problemOf('unauthenticated') }));
    expect(answer.status).toBe(status);
    if (status === 302) expect(answer.headers['location']).toBe('https://access.test/login?return=%2Fdash%3Fx%3D1');
    else expect(answer.headers['www-authenticate']).toBe('Bearer');
  });

  it('never sends anybody to sign in for a write, or on the way back from signing in', () => {
    const reason = { kind: 'problem', problem: problemOf('unauthenticated') } as const;
    const post = headOf('POST', '/x', { headers: NAVIGATION });
    expect(adapter.refuse(refusalOf(post, adapter.match(post), reason)).status).toBe(401);
    const back = headOf('GET', '/.fairlead/session?code=1', { headers: NAVIGATION });
    expect(adapter.refuse(refusalOf(back, get, reason)).status).toBe(401);
  });

  it.each<[ProblemKind, number, number]>([
    ['fault', 503, 1012],
    ['upstream', 502, 1012],
    ['denied', 403, 1008],
    ['unauthenticated', 401, 1008],
    ['too_large', 413, 1009],
  ])('of kind %s has status %i, or closes a socket with %i', (kind, status, closeCode) => {
    const head = headOf('GET', '/x', { upgrade: true });
    const answer = adapter.refuse(refusalOf(head, adapter.match(head), { kind: 'problem', problem: problemOf(kind) }));
    expect([answer.status, answer.closeCode]).toEqual([status, closeCode]);
    expect(answer.headers['retry-after']).toBe(kind === 'fault' ? '2' : undefined);
  });
});

describe('the identity that a web service gets', () => {
  it('names caller, groups and decision', async () => {
    const changes = await adapter.forward(callOf('GET', '/'), decisionOf('allow'));
    expect(changes.set).toEqual({
      'x-fairlead-decision': DECISION_ID,
      'x-fairlead-caller': 'user:ada@acme.com',
      'x-fairlead-subject': 'user:ada@acme.com',
      'x-fairlead-user': 'ada@acme.com',
      'x-fairlead-groups': 'engineers',
    });
  });

  it('leaves no header of these names to the client, whoever calls', async () => {
    for (const caller of [ADA, callerOf(ANONYMOUS), callerOf({ kind: 'agent', name: 'copilot' })]) {
      const changes = await adapter.forward(callOf('GET', '/', caller), decisionOf('allow'));
      const gone = new Set([...changes.remove, ...Object.keys(changes.set)]);
      expect(IDENTITY_HEADERS.filter((name) => !gone.has(name))).toEqual([]);
    }
  });

  it('tells who acts for whom', async () => {
    const caller = { ...ADA, actors: [{ kind: 'agent', name: 'copilot' } as const] };
    const changes = await adapter.forward(callOf('GET', '/', caller), decisionOf('allow'));
    expect(changes.set['x-fairlead-actor']).toBe('agent:copilot');
    expect(changes.set['x-fairlead-caller']).toBe('agent:copilot for user:ada@acme.com');
  });

  it('is one field of one meaning, whatever a name holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        const text = headerText(name);
        expect(text).toMatch(/^[\x21-\x2b\x2d-\x7e]?(?:[\x20-\x2b\x2d-\x7e]*[\x21-\x2b\x2d-\x7e])?$/);
        expect(decodeURIComponent(text)).toBe(name.toWellFormed());
      }),
    );
  });

  it('is signed for this service alone, once per caller and half minute', async () => {
    let now = 1_800_000_000_000;
    const signed: unknown[] = [];
    const signing = createHttpAdapter(contextOf({ name: 'grafana', now: () => now }), {
      sign: async (claims) => {
        signed.push(claims);
        return `jws-${signed.length}`;
      },
    });
    const assertion = async (caller = ADA) =>
      (await signing.forward(callOf('GET', '/', caller), decisionOf('allow'))).set['x-fairlead-assertion'];
    expect(await assertion()).toBe('jws-1');
    now += 20_000;
    expect(await assertion()).toBe('jws-1');
    expect(await assertion({ ...ADA, membership: { groups: [], complete: true } })).toBe('jws-2');
    now += 20_000;
    expect(await assertion()).toBe('jws-3');
    expect(signed[0]).toEqual({
      aud: 'grafana',
      sub: 'user:ada@acme.com',
      groups: ['engineers'],
      groups_complete: true,
      iat: 1_800_000_000,
      exp: 1_800_000_060,
    });
  });

  it('is not sent at all when it cannot be signed, and is tried anew', async () => {
    let isBroken = true;
    const signing = createHttpAdapter(context, {
      sign: async () => {
        if (isBroken) throw new Problem({ code: 'KEY_UNAVAILABLE', kind: 'fault', message: 'no key' });
        return 'jws';
      },
    });
    await expect(signing.forward(callOf('GET', '/'), decisionOf('allow'))).rejects.toMatchObject({ code: 'KEY_UNAVAILABLE' });
    isBroken = false;
    expect((await signing.forward(callOf('GET', '/'), decisionOf('allow'))).set['x-fairlead-assertion']).toBe('jws');
  });
});

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callerText, subjectText } from '../core/caller.ts';
import {
  clusterEntry,
  oidcEntry,
  PEER,
  type Room,
  room,
  SCORER,
  type TestClock,
  type TestIssuer,
  testClock,
  testIssuer,
} from './fixture.ts';
import type { Identified } from './port.ts';

let clock: TestClock;
let cluster: TestIssuer;
let built: Room;

beforeEach(async () => {
  clock = testClock();
  cluster = await testIssuer(clock);
  built = await room([clusterEntry(cluster.issuer)], { clock });
});
afterEach(() => cluster.close());

async function identify(claims: Record<string, unknown> = {}, where: Room = built): Promise<Identified> {
  return where.identity.authenticator.identifyToken(await cluster.sign({ ...SCORER, ...claims }), {
    peer: PEER,
    target: 'prefect',
  });
}

async function code(claims: Record<string, unknown>): Promise<string> {
  const identified = await identify(claims);
  return identified.kind === 'refused' ? identified.problem.code : identified.kind;
}

describe('a workload by token', () => {
  it('is named by its service account; the home cluster needs no name', async () => {
    const identified = await identify();
    expect(identified).toMatchObject({
      kind: 'caller',
      disclose: 'none',
      caller: { source: 'prod', claims: { pod: 'scorer-7d9' } },
    });
    expect(identified.kind === 'caller' && callerText(identified.caller)).toBe('workload:fraud/scorer');
    const away = await room([{ ...clusterEntry(cluster.issuer), home: false }], { clock });
    const far = await identify({}, away);
    expect(far.kind === 'caller' && subjectText(far.caller.subject)).toBe('workload:prod:fraud/scorer');
  });

  it.each([
    ['another namespace', { 'kubernetes.io': { ...SCORER['kubernetes.io'], namespace: 'kube-system' } }],
    ['another service account', { 'kubernetes.io': { ...SCORER['kubernetes.io'], serviceaccount: { name: 'admin' } } }],
    ['no private claim', { 'kubernetes.io': undefined }],
    ['a private claim that is a text', { 'kubernetes.io': 'fraud' }],
    ['a person as subject', { sub: 'ada' }],
    ['a subject in capitals', { sub: 'system:serviceaccount:Fraud:scorer' }],
  ])('with %s is refused', async (_what, claims) => {
    expect(await code(claims)).toBe('TOKEN_CLAIMS');
  });

  it.each(['https://kubernetes.default.svc', 'https://kubernetes.default.svc.cluster.local', 'ISSUER'])(
    'JWT-5: that the API server would take too (%s) is refused, also beside our own audience',
    async (audience) => {
      const name = audience === 'ISSUER' ? cluster.issuer : audience;
      expect(await code({ aud: ['fairlead', name] })).toBe('TOKEN_AUDIENCE');
      expect(await code({ aud: [name] })).toBe('TOKEN_AUDIENCE');
    },
  );

  it('is held, not refused, when the token is right but for its expiry, and health tells', async () => {
    const now = clock.now() / 1000;
    const identified = await identify({ iat: now - 7_200, exp: now - 3_600 });
    expect(identified).toMatchObject({ kind: 'refused', held: true, problem: { code: 'TOKEN_EXPIRED' } });
    expect(built.health.states.get('identity:prod:tokens')).toBe('degraded');
    expect((await identify()).kind).toBe('caller');
    expect(built.health.states.get('identity:prod:tokens')).toBe('ok');
  });

  it('is refused, not held, when an expired token is wrong otherwise or revoked', async () => {
    const now = clock.now() / 1000;
    const expired = { iat: now - 7_200, exp: now - 3_600 };
    for (const wrong of [{ aud: 'x' }, { sub: 'x' }]) {
      const identified = await identify({ ...expired, ...wrong });
      expect(identified.kind).toBe('refused');
      expect(identified).not.toHaveProperty('held');
    }
    await built.identity.revocations.revoke({ subject: 'workload:fraud/scorer', by: 'user:root' });
    const identified = await identify(expired);
    expect(identified).toMatchObject({ kind: 'refused', problem: { code: 'CREDENTIAL_REVOKED' } });
    expect(identified).not.toHaveProperty('held');
  });
});

describe('the live check of `tokenReview`', () => {
  const answers: { authenticated: boolean; username: string; audiences: string[] }[] = [];
  let asked: string[][];
  let fails: boolean;

  beforeEach(async () => {
    asked = [];
    fails = false;
    answers.length = 0;
    built = await room([clusterEntry(cluster.issuer, { tokenReview: true })], {
      clock,
      reviewer: () => async (token, audiences) => {
        asked.push([token, ...audiences]);
        if (fails) throw new Error('no route to host');
        return answers.at(-1) ?? { authenticated: true, username: SCORER.sub, audiences: ['fairlead'] };
      },
    });
  });

  const confirm = (identified: Identified, operationClass: 'read' | 'poll' | 'write' | 'act' | 'secret' | 'invoke' = 'act') =>
    built.identity.authenticator.confirm?.(identified, operationClass);

  it('is asked for write, act, secret and invoke, at most every 30 s, with the token and our audience', async () => {
    const identified = await identify();
    for (const operationClass of ['read', 'poll'] as const) expect(await confirm(identified, operationClass)).toBeUndefined();
    expect(asked).toEqual([]);
    for (const operationClass of ['write', 'act', 'secret', 'invoke'] as const) {
      expect(await confirm(identified, operationClass)).toBeUndefined();
    }
    expect(asked).toHaveLength(1);
    expect(asked[0]?.[1]).toBe('fairlead');
    clock.nowMs += 30_000;
    await confirm(identified);
    expect(asked).toHaveLength(2);
  });

  it.each([
    ['says no', { authenticated: false, username: '', audiences: [] }],
    ['names another', { authenticated: true, username: 'system:serviceaccount:fraud:other', audiences: ['fairlead'] }],
    ['is about another audience', { authenticated: true, username: SCORER.sub, audiences: ['x'] }],
    ['names no audience', { authenticated: true, username: SCORER.sub, audiences: [] }],
  ])('refuses when the cluster %s', async (_what, answer) => {
    answers.push(answer);
    expect(await confirm(await identify())).toMatchObject({ code: 'CREDENTIAL_REVOKED', kind: 'unauthenticated' });
  });

  it('is our own fault when the cluster does not answer, and is asked again', async () => {
    const identified = await identify();
    fails = true;
    expect(await confirm(identified)).toMatchObject({ code: 'IDENTITY_UNAVAILABLE', kind: 'fault' });
    fails = false;
    expect(await confirm(identified)).toBeUndefined();
  });

  it('does not concern sources without it', async () => {
    built = await room([clusterEntry(cluster.issuer)], { clock });
    expect(await confirm(await identify())).toBeUndefined();
    expect(asked).toEqual([]);
  });
});

describe('a review over the API of a cluster', () => {
  let api: TestIssuer;
  let body = '';
  let seen: (string | undefined)[] = [];
  let status: unknown;
  beforeAll(async () => {
    api = await testIssuer(testClock(), '/api');
    api.answer = (request, response) => {
      seen = [request.method, request.url, request.headers.authorization];
      request.on('data', (chunk) => {
        body += String(chunk);
      });
      request.on('end', () => response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify({ status })));
      return true;
    };
  });
  afterAll(() => api.close());

  it('posts a TokenReview with the pod credential and reads its status', async () => {
    const entry = clusterEntry(cluster.issuer, {
      tokenReview: true,
      apiServer: api.issuer.replace('/api', ''),
      jwksToken: { secret: 'file:///run/token' },
    });
    built = await room([entry], { clock });
    const identified = await identify();
    status = { authenticated: true, user: { username: SCORER.sub }, audiences: ['fairlead'] };
    expect(await built.identity.authenticator.confirm?.(identified, 'act')).toBeUndefined();
    expect(seen).toEqual(['POST', '/apis/authentication.k8s.io/v1/tokenreviews', 'Bearer a-client-secret']);
    expect(JSON.parse(body)).toMatchObject({ kind: 'TokenReview', spec: { audiences: ['fairlead'] } });
    clock.nowMs += 30_000;
    // As a real API server answers: nothing is said of `authenticated`, and the user is there without a name.
    status = { user: {}, error: '[invalid bearer token, service account fraud/scorer has been deleted]' };
    expect(await built.identity.authenticator.confirm?.(identified, 'act')).toMatchObject({ code: 'CREDENTIAL_REVOKED' });
    clock.nowMs += 30_000;
    status = 'broken';
    expect(await built.identity.authenticator.confirm?.(identified, 'act')).toMatchObject({ code: 'IDENTITY_UNAVAILABLE' });
  });
});

describe('people and workloads together', () => {
  it('JWT-2: the issuer of workloads names no people, and the issuer of people no workloads', async () => {
    const people = await testIssuer(clock, '/people');
    built = await room([oidcEntry(people.issuer), clusterEntry(cluster.issuer)], { clock });
    const input = { peer: PEER, target: 'prefect' };
    const asPerson = await built.identity.authenticator.identifyToken(
      await cluster.sign({ sub: 'x', email: 'ada@acme.example' }),
      input,
    );
    const asWorkload = await built.identity.authenticator.identifyToken(await people.sign(SCORER), input);
    expect([asPerson, asWorkload].map((one) => one.kind)).toEqual(['refused', 'refused']);
    await people.close();
  });
});

import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { callerText } from '../core/caller.ts';
import {
  ADA,
  clusterEntry,
  oidcEntry,
  PEER,
  type Room,
  room,
  type TestIssuer,
  testClock,
  testIssuer,
  testLog,
} from './fixture.ts';
import { membershipOf } from './membership.ts';
import type { Identified } from './port.ts';

const clock = testClock();
let okta: TestIssuer;
let other: TestIssuer;
let cluster: TestIssuer;
let built: Room;

beforeAll(async () => {
  [okta, other, cluster] = await Promise.all([testIssuer(clock), testIssuer(clock), testIssuer(clock, '/cluster')]);
});
afterAll(() => Promise.all([okta, other, cluster].map((one) => one.close())));
beforeEach(async () => {
  built = await open();
});

function open(changed: Record<string, unknown> = {}, owns?: Record<string, unknown>): Promise<Room> {
  const entry = oidcEntry(okta.issuer, owns === undefined ? {} : { owns });
  return room(
    [
      { ...entry, oidc: { ...(entry['oidc'] as object), ...changed } },
      { ...oidcEntry(other.issuer), name: 'partner', owns: { users: ['*@partner.example'], groups: ['p-*'] } },
      clusterEntry(cluster.issuer),
    ],
    { clock },
  );
}

async function identify(claims: Record<string, unknown>, issuer = okta): Promise<Identified> {
  return built.identity.authenticator.identifyToken(await issuer.sign({ ...ADA, ...claims }), { peer: PEER, target: 'prefect' });
}

async function code(claims: Record<string, unknown>, issuer = okta): Promise<string> {
  const identified = await identify(claims, issuer);
  return identified.kind === 'refused' ? identified.problem.code : identified.kind;
}

async function caller(claims: Record<string, unknown>) {
  const identified = await identify(claims);
  if (identified.kind !== 'caller') throw new Error(identified.kind === 'refused' ? identified.problem.code : identified.kind);
  return identified.caller;
}

describe('a person by token', () => {
  it('is named by the user claim, with groups, address and name', async () => {
    const identified = await identify({ name: 'Ada L.' });
    expect(identified).toMatchObject({
      kind: 'caller',
      disclose: 'rule',
      caller: {
        subject: { kind: 'user', name: 'ada@acme.example' },
        actors: [],
        source: 'okta',
        membership: { groups: ['data'], complete: true },
        claims: { email: 'ada@acme.example', name: 'Ada L.', subject: 'u-1' },
      },
      credential: { kind: 'bearer', viaCookie: false },
    });
  });

  it('JWT-2: of one provider is never a person of another', async () => {
    expect(await code({}, other)).toBe('TOKEN_USER_NOT_OWNED');
    expect(await code({ email: 'p@partner.example' }, other)).toBe('caller');
    expect(await code({ email: 'p@partner.example' })).toBe('TOKEN_USER_NOT_OWNED');
    expect(await code({ iss: other.issuer })).toBe('TOKEN_SIGNATURE');
    expect(built.log.lines.map(({ event }) => event)).toContain('identity.user_not_owned');
  });

  it('JWT-2: keeps to the same subject of the same provider only: `sub` never stands in for the user claim', async () => {
    expect(await code({ email: undefined, sub: 'ada@acme.example' })).toBe('TOKEN_USER_INVALID');
  });

  it('JWT-2: whose token was issued to another client for our own client id is refused', async () => {
    expect(await code({ azp: 'fairlead' })).toBe('caller');
    expect(await code({ azp: 'evil-app' })).toBe('TOKEN_CLIENT');
    expect(await code({ client_id: 'evil-app' })).toBe('TOKEN_CLIENT');
    expect(await code({ azp: ['fairlead'] })).toBe('TOKEN_CLIENT');
    built = await open({ audience: ['api'], clients: ['cli'] });
    expect(await code({ aud: 'api', azp: 'cli' })).toBe('caller');
    expect(await code({ aud: 'api', azp: 'evil-app' })).toBe('TOKEN_CLIENT');
    expect(await code({ aud: 'api' })).toBe('TOKEN_CLIENT');
  });

  it.each([false, 'false', 0, null, 'yes'])('JWT-6: with an address whose verification is %j is refused', async (verified) => {
    expect(await code({ email_verified: verified })).toBe('TOKEN_EMAIL_UNVERIFIED');
  });

  it.each(['a@evil.com@acme.example', '"a"@acme.example', 'a@evil.com\u3002acme.example', ' a@acme.example', '@acme.example'])(
    'JWT-6: with the address %j is refused',
    async (email) => {
      expect(await code({ email })).toBe('TOKEN_USER_INVALID');
    },
  );

  it('JWT-6: is the same person in any case, and conditions see no other spelling', async () => {
    const { subject, claims } = await caller({ email: 'ADA@Acme.Example' });
    expect([subject, claims['email']]).toEqual([{ kind: 'user', name: 'ada@acme.example' }, 'ada@acme.example']);
    built = await open({ userClaim: 'login' }, { users: ['*'] });
    expect((await caller({ login: 'ada', email: 'x@evil.com@acme.example' })).claims).not.toHaveProperty('email');
    expect((await caller({ login: 'ada', email: 'boss@acme.example', email_verified: false })).claims).not.toHaveProperty(
      'email',
    );
  });

  it('is refused when the token has expired, and not held as a worker would be', async () => {
    const now = clock.now() / 1000;
    const identified = await identify({ iat: now - 700, exp: now - 100 });
    expect(identified).toMatchObject({ kind: 'refused', problem: { code: 'TOKEN_EXPIRED', status: 401 } });
    expect(identified).not.toHaveProperty('held');
  });

  it('from an issuer that is not configured is refused', async () => {
    const stranger = await testIssuer(clock, '/stranger');
    expect(await code({}, stranger)).toBe('TOKEN_ISSUER');
    expect(stranger.hits).toEqual([]);
    await stranger.close();
  });
});

describe('groups', () => {
  it('outside what the source owns are dropped and reported', async () => {
    built = await open({}, { users: ['*@acme.example'], groups: ['acme-*'] });
    expect((await caller({ groups: ['acme-data', 'root'] })).membership).toEqual({ groups: ['acme-data'], complete: true });
    expect(built.log.lines).toContainEqual({
      event: 'identity.groups_dropped',
      fields: { source: 'okta', dropped: 1, sample: ['root'] },
    });
  });

  it("that would pass for another source's are dropped", async () => {
    const groups = ['partner/admins', 'okta/admins', 'prod/x', 'free/x'];
    expect((await caller({ groups })).membership.groups).toEqual(['free/x']);
  });

  it.each([
    ['missing', { groups: undefined }],
    ['elsewhere', { groups: undefined, _claim_names: { groups: 'src1' }, _claim_sources: { src1: { endpoint: 'https://x' } } }],
    ['elsewhere in part', { groups: ['data'], _claim_names: { groups: 'src1' } }],
    ['said to be many', { groups: ['data'], hasgroups: true }],
    ['of another form', { groups: { data: true } }],
    ['partly of another form', { groups: ['data', 7] }],
  ])('that are %s leave the membership incomplete', async (_what, claims) => {
    expect((await caller(claims)).membership.complete).toBe(false);
  });

  it('of a sign-in with thousands of them leave the membership incomplete', () => {
    const groups = Array.from({ length: 2_001 }, (_, index) => `g${index}`);
    const input = {
      claims: { groups },
      groupsClaim: 'groups',
      ownedGroups: ['*'],
      source: 'okta',
      sourceNames: ['okta'],
      log: testLog(),
    };
    expect(membershipOf(input)).toMatchObject({ complete: false });
  });

  it('are complete when the list is empty, a single text, or not for this source to say', async () => {
    expect((await caller({ groups: [] })).membership).toEqual({ groups: [], complete: true });
    expect((await caller({ groups: 'data' })).membership).toEqual({ groups: ['data'], complete: true });
    built = await open({}, { users: ['*@acme.example'] });
    expect((await caller({ groups: ['data'] })).membership).toEqual({ groups: [], complete: true });
  });
});

describe('JWT-8: delegation', () => {
  const scorer = () => ({ iss: cluster.issuer, sub: 'system:serviceaccount:fraud:scorer' });

  it('names the current actor first', async () => {
    const found = await caller({ act: { sub: 'copilot', act: { sub: 'copilot-inner' } } });
    expect(callerText(found)).toBe('agent:copilot for user:ada@acme.example');
    expect(found.actors).toHaveLength(2);
    expect(callerText(await caller({ act: scorer() }))).toBe('workload:fraud/scorer for user:ada@acme.example');
  });

  it.each([
    ['an actor that the source does not own', { sub: 'root-agent' }],
    ['an actor without a name', {}],
    ['an actor that is a text', 'copilot'],
    ['a list of actors', [{ sub: 'copilot' }]],
    ['no actor after all', null],
    ['a workload without its cluster', { sub: 'system:serviceaccount:fraud:scorer' }],
    ['a name that looks like a chain', { sub: 'copilot for user:x' }],
    ['a bad actor further in', { sub: 'copilot', act: { sub: 'root-agent' } }],
    [
      'too long a chain',
      { sub: 'copilot', act: { sub: 'copilot', act: { sub: 'copilot', act: { sub: 'copilot', act: { sub: 'copilot' } } } } },
    ],
  ])('with %s refuses the token, and never leaves the actor out', async (_what, act) => {
    expect(['TOKEN_ACTOR_INVALID', 'TOKEN_AGENT_INVALID']).toContain(await code({ act }));
  });

  it('by a workload that the source may not vouch for refuses the token', async () => {
    expect(await code({ act: { ...scorer(), sub: 'system:serviceaccount:kube-system:admin' } })).toBe('TOKEN_ACTOR_INVALID');
    expect(await code({ act: { ...scorer(), iss: okta.issuer } })).toBe('TOKEN_ACTOR_INVALID');
  });

  it('by an agent claim makes the agent an actor beside a person, and the subject without one', async () => {
    built = await open({ agentClaim: 'agent' });
    expect(callerText(await caller({ agent: 'copilot' }))).toBe('agent:copilot for user:ada@acme.example');
    expect(callerText(await caller({ agent: 'copilot', email: undefined }))).toBe('agent:copilot');
    expect(await code({ agent: 'stranger', email: undefined })).toBe('TOKEN_ACTOR_INVALID');
    expect(await code({ email: undefined })).toBe('TOKEN_USER_INVALID');
  });

  it('does not widen the audience', async () => {
    expect(await code({ act: { sub: 'copilot' }, aud: 'another' })).toBe('TOKEN_AUDIENCE');
  });
});

import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  ADA,
  clusterEntry,
  head,
  oidcEntry,
  PEER,
  type Room,
  room,
  SCORER,
  TARGET,
  type TestClock,
  type TestIssuer,
  testClock,
  testIssuer,
} from './fixture.ts';
import type { Identified } from './port.ts';

let clock: TestClock;
let okta: TestIssuer;
let cluster: TestIssuer;
let built: Room;
type Known = Extract<Identified, { kind: 'caller' }>;

beforeEach(async () => {
  clock = testClock();
  okta = await testIssuer(clock);
  cluster = await testIssuer(clock, '/cluster');
  built = await room([oidcEntry(okta.issuer), clusterEntry(cluster.issuer)], { clock });
});
afterEach(async () => {
  await okta.close();
  await cluster.close();
});

function identify(token: string, target = 'prefect'): Promise<Identified> {
  const { authenticator } = built.identity;
  return authenticator.identify({
    head: head({ headers: [['authorization', `Bearer ${token}`]] }),
    peer: PEER,
    target,
    origin: TARGET,
  });
}

async function known(token: string): Promise<Known> {
  const identified = await identify(token);
  if (identified.kind !== 'caller') throw new Error(identified.kind === 'refused' ? identified.problem.code : identified.kind);
  return identified;
}

async function code(token: string, target?: string): Promise<string> {
  const identified = await identify(token, target);
  return identified.kind === 'refused' ? identified.problem.code : identified.kind;
}

const ada = async () => known(await okta.sign(ADA));
const DAY = 86_400_000;

describe('a token for programs', () => {
  it('has the prefix that stock clients expect, and speaks for who made it', async () => {
    const who = await ada();
    const { token, details } = await built.identity.programTokens.mint({ ...who, ttlMs: DAY, label: 'laptop' });
    expect(token.reveal()).toMatch(/^pnu_[A-Za-z0-9_-]{43}$/);
    expect(await known(token.reveal())).toMatchObject({
      caller: who.caller,
      disclose: 'rule',
      credential: { kind: 'program_token', id: details.id, ancestors: [who.credential.id], viaCookie: false },
    });
    const worker = await built.identity.programTokens.mint({ ...(await known(await cluster.sign(SCORER))), ttlMs: DAY });
    expect(worker.token.reveal()).toMatch(/^pnb_/);
  });

  it('is kept as its SHA-256 only, and prints as nothing', async () => {
    const { token, details } = await built.identity.programTokens.mint({ ...(await ada()), ttlMs: DAY });
    const text = token.reveal();
    await identify(text);
    expect(built.store.text()).not.toContain(text.slice(4));
    expect(`${token} ${JSON.stringify(token)} ${inspect(token)} ${JSON.stringify(details)}`).not.toContain(text.slice(4));
  });

  it('ends with its time', async () => {
    const { token } = await built.identity.programTokens.mint({ ...(await ada()), ttlMs: DAY });
    clock.nowMs += DAY - 1;
    expect(await code(token.reveal())).toBe('caller');
    clock.nowMs += 1;
    expect(await code(token.reveal())).toBe('TOKEN_UNKNOWN');
  });

  it('JWT-5: made for one target is refused on another, and on the control origin', async () => {
    const { token } = await built.identity.programTokens.mint({ ...(await ada()), ttlMs: DAY, targets: ['prefect'] });
    expect(await code(token.reveal(), 'prefect')).toBe('caller');
    expect(await code(token.reveal(), 'web')).toBe('TOKEN_AUDIENCE');
    expect(await code(token.reveal(), 'fairlead')).toBe('TOKEN_AUDIENCE');
  });

  it('REV-4: is refused at once when it is revoked, though it is cached, and its streams are told', async () => {
    const { programTokens, revocations } = built.identity;
    const { token, details } = await programTokens.mint({ ...(await ada()), ttlMs: DAY });
    const seen = await known(token.reveal());
    const closed: boolean[] = [];
    revocations.onRevoked((isRevoked) => closed.push(isRevoked(seen.caller, seen.credential)));
    expect(await programTokens.revoke(details.id, 'user:root')).toBe(true);
    expect(closed).toEqual([true]);
    expect(await code(token.reveal())).toBe('CREDENTIAL_REVOKED');
    clock.nowMs += 60_000;
    expect(await code(token.reveal())).toBe('TOKEN_UNKNOWN');
    expect(await programTokens.revoke(details.id, 'user:root')).toBe(false);
  });

  it('REV-4: falls with its owner, its sign-in, and the token it came from', async () => {
    const { programTokens, revocations } = built.identity;
    const first = await programTokens.mint({ ...(await ada()), ttlMs: DAY });
    const second = await programTokens.mint({ ...(await known(first.token.reveal())), ttlMs: DAY });
    expect(await code(second.token.reveal())).toBe('caller');
    await programTokens.revoke(first.details.id, 'user:root');
    expect(await code(second.token.reveal())).toBe('CREDENTIAL_REVOKED');
    const who = await ada();
    const third = await programTokens.mint({ ...who, ttlMs: DAY });
    await revocations.revoke({ token: who.credential.id, by: 'user:root' });
    expect(await code(third.token.reveal())).toBe('CREDENTIAL_REVOKED');
    clock.nowMs += 1_000;
    const later = { ...who, credential: { ...who.credential, id: 'f'.repeat(64) } };
    const fourth = await programTokens.mint({ ...later, ttlMs: DAY });
    await revocations.revoke({ subject: 'user:ada@acme.example', by: 'user:root' });
    expect(await code(fourth.token.reveal())).toBe('CREDENTIAL_REVOKED');
  });

  it('REV-4: cannot be made from a credential that was just revoked', async () => {
    const who = await ada();
    await built.identity.revocations.revoke({ subject: 'user:ada@acme.example', by: 'user:root' });
    clock.nowMs += 60_000;
    await expect(built.identity.programTokens.mint({ ...who, ttlMs: DAY })).rejects.toMatchObject({ code: 'CREDENTIAL_REVOKED' });
  });

  it('JWT-8: never outlives the token it was made from, and the chain has an end', async () => {
    const { programTokens } = built.identity;
    let from = await ada();
    const first = await programTokens.mint({ ...from, ttlMs: 60_000 });
    from = await known(first.token.reveal());
    const second = await programTokens.mint({ ...from, ttlMs: DAY });
    expect(second.details.expiresAtMs).toBe(first.details.expiresAtMs);
    const grow = async () => {
      for (let round = 0; round < 20; round++) {
        from = await known((await programTokens.mint({ ...from, ttlMs: DAY })).token.reveal());
      }
    };
    await expect(grow()).rejects.toMatchObject({ code: 'TOKEN_SUBJECT_INVALID' });
  });

  it.each([0, -1, 999, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 91 * DAY])('does not live for %d ms', async (ttlMs) => {
    const who = await ada();
    await expect(built.identity.programTokens.mint({ ...who, ttlMs })).rejects.toMatchObject({ code: 'TOKEN_TTL_INVALID' });
  });

  it('is not made for nobody', async () => {
    const who = await ada();
    const caller = { ...who.caller, subject: { kind: 'anonymous' } as const };
    await expect(built.identity.programTokens.mint({ caller, ttlMs: DAY })).rejects.toMatchObject({
      code: 'TOKEN_SUBJECT_INVALID',
    });
  });

  it('is listed by owner, without a way to use it', async () => {
    const { programTokens } = built.identity;
    await programTokens.mint({ ...(await ada()), ttlMs: DAY, label: 'laptop' });
    await programTokens.mint({ ...(await known(await cluster.sign(SCORER))), ttlMs: DAY });
    expect(await programTokens.list()).toHaveLength(2);
    expect((await programTokens.list('user:ada@acme.example')).map(({ label }) => label)).toEqual(['laptop']);
  });
});

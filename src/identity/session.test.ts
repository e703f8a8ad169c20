import { describe, expect, it } from 'vitest';
import { sessionsSchema } from './config.ts';
import { isOwnCookie, sessionCookieName, stateCookieName } from './cookie-name.ts';
import { CONTROL, cookiePair, head, memoryStore, PEER, randomness, TARGET, testClock, testLog } from './fixture.ts';
import { openRevocations } from './revocation.ts';
import { createSessions, sessionCredential } from './session.ts';

const ADA = {
  subject: { kind: 'user', name: 'ada@acme.example' },
  actors: [],
  source: 'okta',
  membership: { groups: ['data'], complete: true },
  claims: {},
} as const;

async function open(given: { idle?: string; absolute?: string } = {}) {
  const clock = testClock();
  const store = memoryStore(clock);
  const log = testLog();
  const revocations = await openRevocations({ store, clock, log, keepMs: 1e9 });
  const sessions = createSessions({ store, clock, randomness, log, config: sessionsSchema.parse(given), revocations });
  const start = async (more: Partial<Parameters<typeof sessions.start>[0]> = {}) => {
    const started = await sessions.start({ origin: TARGET, caller: ADA, authenticatedAtMs: clock.now(), ...more });
    return { ...started, value: cookiePair(started.setCookie).split('=')[1] ?? '' };
  };
  return { clock, store, sessions, revocations, start };
}

const HOUR = 3_600_000;

describe('a session', () => {
  it('SESS-5: is a random name in an HttpOnly, Secure, SameSite cookie, and the store does not know that name', async () => {
    const { start, store } = await open();
    const { setCookie, value } = await start();
    expect(setCookie).toMatch(/^__Host-fl_[0-9a-f]{16}=[A-Za-z0-9_-]{43}; Path=\/; Secure; HttpOnly; SameSite=Lax$/);
    expect(store.text()).not.toContain(value);
    const plain = await start({ origin: 'http://127.0.0.1:8080' });
    expect(plain.setCookie).toMatch(/^fl_[0-9a-f]{16}=[^;]+; Path=\/; HttpOnly; SameSite=Lax$/);
  });

  it('is found on its own origin only', async () => {
    const { sessions, start } = await open();
    const { value, id } = await start();
    expect(await sessions.find(value, TARGET)).toMatchObject({ id, caller: ADA, origin: TARGET });
    expect(await sessions.find(value, CONTROL)).toBeUndefined();
    expect(await sessions.find(id, TARGET)).toBeUndefined();
  });

  it('SESS-1: gets a new name at each sign-in, and the name from before is dead', async () => {
    const { sessions, start } = await open();
    const before = await start();
    await sessions.find(before.value, TARGET);
    const after = await start({ previous: before.value });
    expect(after.value).not.toBe(before.value);
    expect(await sessions.find(before.value, TARGET)).toBeUndefined();
    expect(await sessions.find(after.value, TARGET)).toBeDefined();
    const planted = 'f'.repeat(43);
    await start({ previous: planted });
    expect(await sessions.find(planted, TARGET)).toBeUndefined();
  });

  it('ends when it is not used, and lives on while it is', async () => {
    const { clock, sessions, start } = await open();
    const { value } = await start();
    for (let round = 0; round < 3; round++) {
      clock.nowMs += 7 * HOUR;
      expect(await sessions.find(value, TARGET)).toBeDefined();
    }
    const idle = await start();
    clock.nowMs += 8 * HOUR;
    expect(await sessions.find(idle.value, TARGET)).toBeUndefined();
  });

  it('ends at its absolute end however it is used', async () => {
    const { clock, sessions, start } = await open({ idle: '1h', absolute: '2h' });
    const { value } = await start();
    for (let minutes = 30; minutes < 120; minutes += 30) {
      clock.nowMs += HOUR / 2;
      expect(await sessions.find(value, TARGET)).toBeDefined();
    }
    clock.nowMs += HOUR / 2;
    expect(await sessions.find(value, TARGET)).toBeUndefined();
  });

  it('SESS-4: ends on the server at sign-out, with all that came from the same sign-in', async () => {
    const { sessions, start, revocations, store } = await open();
    const root = await start({ origin: CONTROL });
    const derived = await start({ parent: root.id });
    const sibling = await start({ parent: root.id, origin: 'https://web.acme.example' });
    const stranger = await start();
    for (const { value } of [derived, stranger]) await sessions.find(value, TARGET);
    const ended: unknown[] = [];
    revocations.onRevoked((isRevoked) => ended.push(isRevoked));
    const found = await sessions.find(derived.value, TARGET);
    if (found === undefined) throw new Error('no session');
    const cleared = await sessions.end({ origin: TARGET, credential: sessionCredential(found) });
    expect(cleared).toContain(`${sessionCookieName(TARGET)}=; Path=/; Max-Age=0`);
    expect(await sessions.find(root.value, CONTROL)).toBeUndefined();
    expect(await sessions.find(derived.value, TARGET)).toBeUndefined();
    expect(await sessions.find(sibling.value, 'https://web.acme.example')).toBeUndefined();
    expect(await sessions.find(stranger.value, TARGET)).toBeDefined();
    expect(await store.get('session', root.id)).toBeUndefined();
    const isRevoked = ended[0] as (caller: unknown, credential: unknown) => boolean;
    expect(isRevoked({ ...ADA, peer: PEER }, sessionCredential(found))).toBe(true);
  });

  it('SESS-4: that has ended refuses the calls that came by it and are still on their way, and no token made under it', async () => {
    const { sessions, start, revocations } = await open();
    const root = await start({ origin: CONTROL });
    const derived = await start({ parent: root.id });
    const [found, below] = [await sessions.find(root.value, CONTROL), await sessions.find(derived.value, TARGET)];
    if (found === undefined || below === undefined) throw new Error('no session');
    const token = { ...sessionCredential(below), kind: 'program_token', id: 'f'.repeat(64), ancestors: [root.id] } as const;
    const ended = () => [found, below].map((one) => revocations.isRevoked({ ...ADA, peer: PEER }, sessionCredential(one)));
    expect(ended()).toEqual([false, false]);
    await sessions.endById(root.id);
    expect(ended()).toEqual([true, true]);
    expect(revocations.isRevoked({ ...ADA, peer: PEER }, token)).toBe(false);
  });

  it('SESS-4: that was ended is not brought back by a use noted late', async () => {
    const { clock, sessions, start, store } = await open();
    const { value, id } = await start();
    const found = await sessions.find(value, TARGET);
    if (found === undefined) throw new Error('no session');
    const put = store.put.bind(store);
    let release = () => {};
    store.put = async (...args) => {
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return put(...args);
    };
    clock.nowMs += 120_000;
    await sessions.find(value, TARGET);
    await sessions.end({ origin: TARGET, credential: sessionCredential(found) });
    release();
    await new Promise((resolve) => setTimeout(resolve, 1));
    expect(await store.get('session', id)).toBeUndefined();
    expect(await sessions.find(value, TARGET)).toBeUndefined();
  });

  it('is listed once with the origins that it reaches, by subject, until it has ended or was left idle', async () => {
    const { clock, sessions, start } = await open({ idle: '1h', absolute: '3h' });
    const root = await start({ origin: CONTROL });
    await start({ parent: root.id });
    const bob = { ...ADA, subject: { kind: 'user', name: 'bob@acme.example' } } as const;
    const other = await start({ origin: CONTROL, caller: bob });
    const listed = await sessions.list('user:ada@acme.example');
    expect(listed).toEqual([
      {
        id: root.id,
        caller: ADA,
        origins: [CONTROL, TARGET],
        authenticatedAtMs: clock.now(),
        idleEndsAtMs: clock.now() + HOUR,
        endsAtMs: clock.now() + 3 * HOUR,
      },
    ]);
    expect(await sessions.list()).toHaveLength(2);
    expect(await sessions.list('user:eve@acme.example')).toEqual([]);
    clock.nowMs += HOUR / 2;
    const late = await start({ origin: TARGET, parent: root.id });
    clock.nowMs += HOUR / 2;
    // Left idle at the control origin and used at a target: the sign-in lives.
    expect((await sessions.list()).map(({ id }) => id)).toEqual([root.id]);
    expect(await sessions.find(other.value, CONTROL)).toBeUndefined();
    expect(await sessions.find(late.value, TARGET)).toBeDefined();
  });

  it('is ended by its id, or by the id of what came from it, with its streams', async () => {
    for (const which of ['root', 'derived'] as const) {
      const { sessions, start, revocations } = await open();
      const made = { root: await start({ origin: CONTROL }), derived: { id: '', value: '' } };
      made.derived = await start({ parent: made.root.id });
      const stranger = await start({ origin: CONTROL });
      const found = await sessions.find(made.derived.value, TARGET);
      if (found === undefined) throw new Error('no session');
      const cut: boolean[] = [];
      revocations.onRevoked((isRevoked) => cut.push(isRevoked({ ...ADA, peer: PEER }, sessionCredential(found))));
      expect(await sessions.endById(made[which].id)).toBe(true);
      expect(cut).toEqual([true]);
      expect(await sessions.find(made.root.value, CONTROL)).toBeUndefined();
      expect(await sessions.find(made.derived.value, TARGET)).toBeUndefined();
      expect(await sessions.find(stranger.value, CONTROL)).toBeDefined();
      expect(await sessions.endById(made.root.id)).toBe(false);
      expect((await sessions.list()).map(({ id }) => id)).toEqual([stranger.id]);
    }
  });

  it('derived from another never outlives it', async () => {
    const { clock, sessions, start } = await open({ idle: '1h', absolute: '2h' });
    const root = await start({ origin: CONTROL });
    clock.nowMs += HOUR / 2;
    const derived = await start({ parent: root.id, absoluteEndMs: clock.now() + HOUR / 4 });
    clock.nowMs += HOUR / 4;
    expect(await sessions.find(derived.value, TARGET)).toBeUndefined();
  });
});

describe("the room's cookie names", () => {
  it('are known as our own, so that they never reach an upstream', () => {
    for (const origin of [TARGET, 'http://127.0.0.1:8080']) {
      expect([sessionCookieName(origin), stateCookieName(origin)].every(isOwnCookie)).toBe(true);
    }
    expect(isOwnCookie('fl_anything')).toBe(true);
    expect(['flavour', 'theme', 'x_fl_1', '__Host-session'].some(isOwnCookie)).toBe(false);
  });

  it('differ for ports of one host', () => {
    expect(sessionCookieName('http://127.0.0.1:8080')).not.toBe(sessionCookieName('http://127.0.0.1:8081'));
  });

  it('give the value that stands once, and nothing when it stands twice', async () => {
    const { sessions } = await open();
    const name = sessionCookieName(TARGET);
    expect(sessions.cookieValue(head({ headers: [['cookie', `${name}=a; b=c`]] }), TARGET)).toBe('a');
    expect(sessions.cookieValue(head({ headers: [['cookie', `${name}=a; ${name}=b`]] }), TARGET)).toBeUndefined();
    expect(sessions.cookieValue(head({}), TARGET)).toBeUndefined();
  });
});

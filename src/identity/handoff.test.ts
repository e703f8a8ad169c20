import { beforeEach, describe, expect, it } from 'vitest';
import type { RequestHead } from '../wire/call.ts';
import { parseQuery } from '../wire/query.ts';
import { stateCookieName } from './cookie-name.ts';
import { CONTROL, cookiePair, head, oidcEntry, PEER, type Room, room, TARGET } from './fixture.ts';

let built: Room;
beforeEach(async () => {
  built = await room([oidcEntry('https://okta.example')]);
});

const CALLER = {
  subject: { kind: 'user', name: 'ada@acme.example' },
  actors: [],
  peer: PEER,
  source: 'okta',
  membership: { groups: ['data'], complete: true },
  claims: {},
} as const;
const INVALID = { code: 'HANDOFF_INVALID', kind: 'invalid', status: 400 };

const queryOf = (location: string) => parseQuery(new URL(location).search.slice(1));
const at = (location: string, cookie?: string): RequestHead => {
  const url = new URL(location);
  return head({ target: url.pathname + url.search, headers: cookie === undefined ? [] : [['cookie', cookie]] });
};

function begin(returnTo = '/runs?limit=5', cookie?: string) {
  const headers = cookie === undefined ? [] : [['cookie', cookie] as const];
  const begun = built.identity.handoff.begin({ origin: TARGET, returnTo, head: head({ headers }) });
  return { ...begun, cookie: cookiePair(begun.setCookie) };
}

/** A session on the control origin. */
async function signedIn() {
  const { sessions, authenticator } = built.identity;
  const { setCookie } = await sessions.start({ origin: CONTROL, caller: CALLER, authenticatedAtMs: built.clock.now() });
  const headers = [['cookie', cookiePair(setCookie)]] as const;
  const identified = await authenticator.identify({ head: head({ headers }), peer: PEER, target: 'fairlead', origin: CONTROL });
  if (identified.kind !== 'caller') throw new Error('not signed in');
  return { caller: identified.caller, credential: identified.credential };
}

async function issue(location: string, who?: Awaited<ReturnType<typeof signedIn>>): Promise<string> {
  return (await built.identity.handoff.issue({ query: queryOf(location), ...(who ?? (await signedIn())) })).location;
}

const redeem = (location: string, cookie?: string, origin = TARGET) =>
  built.identity.handoff.redeem({ origin, head: at(location, cookie) });

describe('the way from the control origin to a target', () => {
  it('gives the target a session of its own and leads back to the page', async () => {
    const begun = begin();
    expect(begun.location).toMatch(
      /^https:\/\/access\.acme\.example\/login\/handoff\?to=https%3A%2F%2Fprefect\.acme\.example&challenge=/,
    );
    expect(begun.setCookie).toContain('HttpOnly');
    const there = await issue(begun.location);
    expect(there).toMatch(/^https:\/\/prefect\.acme\.example\/\.fairlead\/session\?code=[A-Za-z0-9_-]{43}$/);
    const { location, setCookies } = await redeem(there, begun.cookie);
    expect(location).toBe(`${TARGET}/runs?limit=5`);
    expect(setCookies[1]).toContain('Max-Age=0');
    const headers = [['cookie', cookiePair(setCookies[0] ?? '')]] as const;
    const identified = await built.identity.authenticator.identify({
      head: head({ headers }),
      peer: PEER,
      target: 'prefect',
      origin: TARGET,
    });
    expect(identified).toMatchObject({ kind: 'caller', caller: { subject: CALLER.subject, membership: CALLER.membership } });
  });

  it('takes a code once', async () => {
    const begun = begin();
    const there = await issue(begun.location);
    await redeem(there, begun.cookie);
    await expect(redeem(there, begun.cookie)).rejects.toMatchObject(INVALID);
  });

  it('CSRF-2: takes a code only from the browser that was sent away', async () => {
    const begun = begin();
    const there = await issue(begun.location);
    const stranger = begin();
    await expect(redeem(there, stranger.cookie)).rejects.toMatchObject(INVALID);
    const without = await issue(begun.location);
    await expect(redeem(without)).rejects.toMatchObject(INVALID);
  });

  it('takes a code on its own origin only, and for a minute', async () => {
    const begun = begin();
    const there = await issue(begun.location);
    const web = 'https://web.acme.example';
    const planted = `${stateCookieName(web)}=${begun.cookie.split('=')[1]}`;
    await expect(redeem(there, planted, web)).rejects.toMatchObject(INVALID);
    const late = await issue(begun.location);
    built.clock.nowMs += 60_000;
    await expect(redeem(late, begun.cookie)).rejects.toMatchObject(INVALID);
  });

  it('CSRF-1: leads to configured targets only', async () => {
    const { location } = begin();
    for (const to of [
      'https://evil.example',
      `${TARGET}.evil.example`,
      `${TARGET}@evil.example`,
      '//evil.example',
      '',
      CONTROL,
      `${TARGET}/`,
    ]) {
      const url = new URL(location);
      url.searchParams.set('to', to);
      await expect(issue(url.href)).rejects.toMatchObject(INVALID);
    }
  });

  it('CSRF-1: leads back to local paths only, whoever wrote the link', async () => {
    const begun = begin('//evil.example');
    const url = new URL(begun.location);
    url.searchParams.set('return', '/\\evil.example');
    const { location } = await redeem(await issue(url.href), begun.cookie);
    expect(location).toBe(`${TARGET}/`);
  });

  it('keeps one state cookie for several tabs', async () => {
    const first = begin('/a');
    const second = begin('/b', first.cookie);
    expect(second.cookie).toBe(first.cookie);
    const [there, here] = [await issue(first.location), await issue(second.location)];
    expect((await redeem(here, first.cookie)).location).toBe(`${TARGET}/b`);
    expect((await redeem(there, first.cookie)).location).toBe(`${TARGET}/a`);
  });

  it('is open to a session only, not to a token', async () => {
    const who = await signedIn();
    const { location } = begin();
    await expect(issue(location, { ...who, credential: { ...who.credential, kind: 'program_token' } })).rejects.toMatchObject(
      INVALID,
    );
  });

  it('SESS-4: ends with the sign-in it came from', async () => {
    const who = await signedIn();
    const begun = begin();
    const { setCookies } = await redeem(await issue(begun.location, who), begun.cookie);
    const headers = [['cookie', cookiePair(setCookies[0] ?? '')]] as const;
    const call = { head: head({ headers }), peer: PEER, target: 'prefect', origin: TARGET };
    expect((await built.identity.authenticator.identify(call)).kind).toBe('caller');
    await built.identity.sessions.end({ origin: CONTROL, credential: who.credential });
    expect(await built.identity.authenticator.identify(call)).toMatchObject({
      kind: 'refused',
      problem: { code: 'SESSION_ENDED' },
    });
    const pending = begin();
    const there = await issue(pending.location, who);
    await expect(redeem(there, pending.cookie)).rejects.toMatchObject({ code: 'CREDENTIAL_REVOKED' });
  });

  it('REV-1: is closed by a revocation in between, and the session it gave by one afterwards', async () => {
    const who = await signedIn();
    const begun = begin();
    const [first, second] = [await issue(begun.location, who), await issue(begun.location, who)];
    const { setCookies } = await redeem(first, begun.cookie);
    built.clock.nowMs += 5_000;
    await built.identity.revocations.revoke({ session: who.credential.id, by: 'user:root' });
    await expect(redeem(second, begun.cookie)).rejects.toMatchObject({ code: 'CREDENTIAL_REVOKED' });
    const headers = [['cookie', cookiePair(setCookies[0] ?? '')]] as const;
    const identified = await built.identity.authenticator.identify({
      head: head({ headers }),
      peer: PEER,
      target: 'prefect',
      origin: TARGET,
    });
    expect(identified).toMatchObject({ kind: 'refused', problem: { code: 'CREDENTIAL_REVOKED' } });
  });
});

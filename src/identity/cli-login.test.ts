import { beforeEach, describe, expect, it } from 'vitest';
import { parseQuery } from '../wire/query.ts';
import { randomText, sha256Base64url } from './digest.ts';
import { oidcEntry, PEER, type Room, randomness, room } from './fixture.ts';
import type { Credential } from './port.ts';

let built: Room;
beforeEach(async () => {
  built = await room([oidcEntry('https://okta.example')]);
});

const CALLER = {
  subject: { kind: 'user', name: 'ada@acme.example' },
  actors: [],
  peer: PEER,
  source: 'okta',
  membership: { groups: [], complete: true },
  claims: {},
} as const;
const verifier = randomText(randomness);
const QUERY = `port=43211&state=${'s'.repeat(20)}&challenge=${sha256Base64url(verifier)}&label=laptop`;

const session = (): Credential => ({ kind: 'session', id: 'a'.repeat(64), issuedAtMs: built.clock.now(), viaCookie: true });
const read = (query = QUERY) => built.identity.cliLogin.read(parseQuery(query));
const approve = (credential = session()) => built.identity.cliLogin.approve({ request: read(), caller: CALLER, credential });
const exchange = (code: string, by = verifier) => built.identity.cliLogin.exchange({ code, verifier: by });
const INVALID = { code: 'CLI_LOGIN_INVALID', kind: 'invalid' };

describe('sign-in of a command', () => {
  it('SESS-6: sends a one-time code to the listener on loopback, and a token only to whoever holds the verifier', async () => {
    const url = new URL((await approve()).location);
    expect(url.origin + url.pathname).toBe('http://127.0.0.1:43211/callback');
    expect(url.searchParams.get('state')).toBe('s'.repeat(20));
    const code = url.searchParams.get('code') ?? '';
    const { token, details } = await exchange(code);
    expect(token.reveal()).toMatch(/^pnu_/);
    expect(url.href).not.toContain(token.reveal());
    expect(details).toMatchObject({ label: 'laptop', ancestors: ['a'.repeat(64)], caller: { subject: CALLER.subject } });
    await expect(exchange(code)).rejects.toMatchObject(INVALID);
  });

  it('is lost by a wrong verifier, also for the right one afterwards', async () => {
    const code = new URL((await approve()).location).searchParams.get('code') ?? '';
    await expect(exchange(code, randomText(randomness))).rejects.toMatchObject(INVALID);
    await expect(exchange(code)).rejects.toMatchObject(INVALID);
  });

  it('ends after a minute', async () => {
    const code = new URL((await approve()).location).searchParams.get('code') ?? '';
    built.clock.nowMs += 60_000;
    await expect(exchange(code)).rejects.toMatchObject(INVALID);
  });

  it('is not completed for a person revoked in between', async () => {
    const code = new URL((await approve()).location).searchParams.get('code') ?? '';
    await built.identity.revocations.revoke({ subject: 'user:ada@acme.example', by: 'user:root' });
    built.clock.nowMs += 1_000;
    await expect(exchange(code)).rejects.toMatchObject({ code: 'CREDENTIAL_REVOKED' });
  });

  it('is approved by a browser session only: a token cannot make itself another', async () => {
    await expect(approve({ ...session(), kind: 'program_token' })).rejects.toMatchObject(INVALID);
  });

  it('CSRF-6: reading the request changes nothing', () => {
    read();
    expect(built.store.text()).toBe('[]');
  });

  it.each([
    '',
    QUERY.replace('43211', '80'),
    QUERY.replace('43211', '70000'),
    QUERY.replace('43211', '43211@evil.example'),
    QUERY.replace('43211', '4e4'),
    QUERY.replace(/challenge=[^&]+/, 'challenge=short'),
    QUERY.replace(/state=s+/, 'state='),
    QUERY.replace(/state=s+/, 'state=a%26code%3Dx-------------'),
    QUERY.replace('laptop', '%1b%5b2J'),
    QUERY.replace('laptop', 'x'.repeat(100)),
  ])('refuses the request %j', (query) => {
    expect(() => read(query)).toThrow(expect.objectContaining(INVALID));
  });

  it('refuses a parameter that stands twice', () => {
    expect(() => read(`${QUERY}&port=1`)).toThrow(expect.objectContaining({ code: 'QUERY_AMBIGUOUS' }));
  });
});

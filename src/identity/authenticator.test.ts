import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { sessionCookieName } from './cookie-name.ts';
import {
  ADA,
  clusterEntry,
  cookiePair,
  head,
  oidcEntry,
  PEER,
  type Room,
  room,
  SCORER,
  signingKey,
  TARGET,
  type TestClock,
  type TestIssuer,
  testClock,
  testIssuer,
  UPGRADE,
} from './fixture.ts';
import type { Identified } from './port.ts';

let clock: TestClock;
let okta: TestIssuer;
let cluster: TestIssuer;
let built: Room;

beforeAll(async () => {
  clock = testClock();
  okta = await testIssuer(clock);
  cluster = await testIssuer(clock, '/cluster');
});
afterAll(async () => {
  await okta.close();
  await cluster.close();
});
beforeEach(async () => {
  built = await room([oidcEntry(okta.issuer), clusterEntry(cluster.issuer)], {
    clock,
    sharedSecret: (target, authorization) => target === 'prefect' && authorization === 'Basic cHJlZmVjdDpzZWNyZXQ=',
  });
});

type Headers = readonly (readonly [string, string])[];

function identify(headers: Headers, more: { method?: string; origin?: string; target?: string } = {}): Promise<Identified> {
  const { method = 'GET', origin = TARGET, target = 'prefect' } = more;
  return built.identity.authenticator.identify({ head: head({ method, headers }), peer: PEER, target, origin });
}

const codeOf = (identified: Identified) => (identified.kind === 'refused' ? identified.problem.code : identified.kind);
const code = async (...args: Parameters<typeof identify>) => codeOf(await identify(...args));

/** A person's session on an origin; gives the cookie header's value. */
async function session(claims: Record<string, unknown> = {}, origin = TARGET): Promise<string> {
  const identified = await identify([['authorization', `Bearer ${await okta.sign({ ...ADA, ...claims })}`]]);
  if (identified.kind !== 'caller') throw new Error(codeOf(identified));
  const started = await built.identity.sessions.start({ origin, caller: identified.caller, authenticatedAtMs: clock.now() });
  return cookiePair(started.setCookie);
}

const bearer = async (claims: Record<string, unknown> = {}): Promise<readonly [string, string]> => [
  'authorization',
  `Bearer ${await okta.sign({ ...ADA, ...claims })}`,
];

describe('who calls', () => {
  it('is nobody without a credential, and foreign cookies change nothing', async () => {
    expect(await identify([])).toMatchObject({ kind: 'anonymous', caller: { subject: { kind: 'anonymous' }, peer: PEER } });
    expect(await code([['cookie', 'theme=dark; fl_0123456789abcdef=x; __Host-fl_x=y']])).toBe('anonymous');
  });

  it.each(['Bearer', 'bearer', 'BEARER', 'bEaReR'])('is told by the scheme %s', async (scheme) => {
    expect(await code([['authorization', `${scheme} ${await okta.sign(ADA)}`]])).toBe('caller');
  });

  it.each(['', 'Bearer', 'Bearer ', 'Bearer a b', 'Bearer a,b', 'Bearer "a"', ' ', 'Bearer\ta', `Bearer ${'a'.repeat(40_000)}`])(
    'JWT-9: is not told by %.20j, which is refused instead of ignored',
    async (value) => {
      expect(await code([['authorization', value]])).toBe('TOKEN_MALFORMED');
    },
  );

  it.each(['x', 'null', 'undefined', 'a.b.c', 'pnu_x', `pnu_${'a'.repeat(36)}`, `pnb_${'A'.repeat(43)}`])(
    'JWT-9: is not told by any bearer value such as %j',
    async (token) => {
      const identified = await identify([['authorization', `Bearer ${token}`]]);
      expect(identified).toMatchObject({ kind: 'refused', problem: { kind: 'unauthenticated', status: 401 } });
    },
  );

  it.each(['Basic YTpi', 'Digest x', 'Negotiate abc', 'AWS4-HMAC-SHA256 x', 'DPoP a.b.c'])('is not told by %j', async (value) => {
    const found = await code([['authorization', value]]);
    expect(['SCHEME_UNSUPPORTED', 'TOKEN_MALFORMED']).toContain(found);
  });

  it("is the target's own secret when the whole header equals it", async () => {
    const headers: Headers = [['authorization', 'Basic cHJlZmVjdDpzZWNyZXQ=']];
    expect(await identify(headers)).toMatchObject({
      kind: 'caller',
      disclose: 'none',
      caller: { subject: { kind: 'shared_secret', target: 'prefect' }, source: '' },
      credential: { id: 'shared-secret:prefect' },
    });
    expect(await code(headers, { target: 'web' })).toBe('SCHEME_UNSUPPORTED');
  });
});

describe('SESS-2: two credentials', () => {
  it('on one call are refused with 400, also when they agree', async () => {
    const cookie = await session();
    const token = await bearer();
    const twice: Headers[] = [
      [token, ['cookie', cookie]],
      [token, token],
      [['cookie', `${cookie}; ${cookie}`]],
      [
        ['cookie', cookie],
        ['cookie', `a=b; ${cookie}`],
      ],
      [['cookie', `${cookie}; ${cookie.split('=')[0]}=other`]],
      [
        ['authorization', 'Basic cHJlZmVjdDpzZWNyZXQ='],
        ['cookie', cookie],
      ],
      [['authorization', ''], token],
    ];
    for (const headers of twice) {
      const identified = await identify(headers);
      expect(identified).toMatchObject({ kind: 'refused', problem: { code: 'CREDENTIALS_AMBIGUOUS', status: 400 } });
    }
  });

  it('CSRF-4: on an upgrade, the cookie of one person and the token of another, are refused', async () => {
    const cookie = await session();
    const token = await bearer({ email: 'bob@acme.example' });
    expect(await code([...UPGRADE, ['origin', TARGET], ['cookie', cookie], token])).toBe('CREDENTIALS_AMBIGUOUS');
  });

  it('are not two when the second belongs to another origin of the same host', async () => {
    const cookie = await session({}, 'http://127.0.0.1:8081');
    const own = await session({}, 'http://127.0.0.1:8080');
    expect(await code([['cookie', `${cookie}; ${own}`]], { origin: 'http://127.0.0.1:8080' })).toBe('caller');
    expect(await code([['cookie', cookie]], { origin: 'http://127.0.0.1:8080' })).toBe('anonymous');
  });
});

describe('SESS-3: a cookie', () => {
  it('under https carries a prefix that no sibling domain can set; one without it is not ours', async () => {
    const cookie = await session();
    expect(cookie).toMatch(/^__Host-fl_[0-9a-f]{16}=[A-Za-z0-9_-]{43}$/);
    expect(await code([['cookie', cookie.replace('__Host-', '')]])).toBe('anonymous');
    expect(await code([['cookie', `${cookie.replace('__Host-', '')}; ${cookie}`]])).toBe('caller');
  });

  it('of one origin says nothing on another, even under the other name', async () => {
    const other = 'https://web.acme.example';
    const value = (await session()).split('=')[1] ?? '';
    expect(await code([['cookie', `${sessionCookieName(other)}=${value}`]], { origin: other })).toBe('SESSION_ENDED');
  });

  it('with any other value is refused as ended', async () => {
    for (const value of ['', 'x', 'a'.repeat(43), '../session', '%00']) {
      expect(await code([['cookie', `${sessionCookieName(TARGET)}=${value}`]])).toBe('SESSION_ENDED');
    }
  });
});

describe('CSRF-3: calls that a browser signs by itself', () => {
  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'PROPFIND'])('%s must come from a page of the same origin', async (method) => {
    const cookie: readonly [string, string] = ['cookie', await session()];
    const good: Headers[] = [
      [['origin', TARGET]],
      [['sec-fetch-site', 'same-origin']],
      [
        ['origin', 'null'],
        ['sec-fetch-site', 'same-origin'],
      ],
    ];
    for (const headers of good) expect(await code([cookie, ...headers], { method })).toBe('caller');
    const bad: Headers[] = [
      [],
      [['origin', 'https://evil.example']],
      [['origin', 'null']],
      [['origin', '']],
      [['origin', `${TARGET}:8443`]],
      [['origin', TARGET.replace('https', 'http')]],
      [['origin', `${TARGET}.evil.example`]],
      [['origin', TARGET.toUpperCase()]],
      [
        ['origin', 'https://evil.example'],
        ['sec-fetch-site', 'same-origin'],
      ],
      [['sec-fetch-site', 'same-site']],
      [['sec-fetch-site', 'none']],
      [
        ['origin', 'null'],
        ['sec-fetch-site', 'cross-site'],
      ],
    ];
    for (const headers of bad) {
      const identified = await identify([cookie, ...headers], { method });
      expect(identified).toMatchObject({ kind: 'refused', problem: { code: 'ORIGIN_MISMATCH', status: 403 } });
    }
  });

  it('a socket must come from a page of the same origin, with the cookie; without it nobody is named', async () => {
    const cookie: readonly [string, string] = ['cookie', await session()];
    expect(await code([...UPGRADE, cookie, ['origin', 'https://evil.example']])).toBe('ORIGIN_MISMATCH');
    expect(await code([...UPGRADE, cookie])).toBe('ORIGIN_MISMATCH');
    expect(await code([...UPGRADE, cookie, ['origin', TARGET]])).toBe('caller');
    expect(await code([...UPGRADE, ['origin', 'https://evil.example']])).toBe('anonymous');
  });

  it('two Origin headers are refused', async () => {
    const cookie: readonly [string, string] = ['cookie', await session()];
    expect(await code([cookie, ['origin', TARGET], ['origin', 'https://evil.example']], { method: 'POST' })).toBe(
      'HEADER_AMBIGUOUS',
    );
  });

  it('reads and calls by token need no origin', async () => {
    expect(await code([['cookie', await session()]])).toBe('caller');
    expect(await code([await bearer(), ['origin', 'https://evil.example']], { method: 'POST' })).toBe('caller');
  });
});

describe('JWT-7: one person', () => {
  it('has the same name, groups and source by session, by token and by program token', async () => {
    const byToken = await identify([await bearer()]);
    const bySession = await identify([['cookie', await session()]]);
    if (byToken.kind !== 'caller' || bySession.kind !== 'caller') throw new Error('not identified');
    const { token } = await built.identity.programTokens.mint({ ...byToken, ttlMs: 60_000 });
    const byProgram = await identify([['authorization', `Bearer ${token.reveal()}`]]);
    expect(bySession.caller).toEqual(byToken.caller);
    expect(byProgram).toMatchObject({ kind: 'caller', caller: byToken.caller, disclose: 'rule' });
  });
});

describe('what was known before', () => {
  it('is refused when its source is gone or no longer owns the name', async () => {
    const cookie = await session();
    const { store } = built;
    built = await room([clusterEntry(cluster.issuer)], { clock, store });
    expect(await code([['cookie', cookie]])).toBe('CREDENTIAL_SOURCE_GONE');
    built = await room([oidcEntry(okta.issuer, { owns: { users: ['*@new.example'] } })], { clock, store });
    expect(await code([['cookie', cookie]])).toBe('CREDENTIAL_SOURCE_GONE');
  });
});

describe('a verified token', () => {
  it('counts until it expires, also from the cache', async () => {
    const now = clock.now() / 1000;
    const headers: Headers = [await bearer({ iat: now - 600, exp: now + 5 })];
    expect(await code(headers)).toBe('caller');
    clock.nowMs += 36_000;
    expect(await code(headers)).toBe('TOKEN_EXPIRED');
  });

  it('is refused once its key is gone, though it was verified a moment ago', async () => {
    const headers: Headers = [await bearer()];
    clock.nowMs += 11_000;
    for (let round = 0; round < 2; round++) expect(await code(headers)).toBe('caller');
    const { key, keys } = okta;
    okta.key = await signingKey('k2');
    okta.keys = [okta.key.jwk];
    clock.nowMs += 11_000;
    expect(await code(headers)).toBe('caller');
    expect(await code([await bearer()])).toBe('caller');
    expect(await code(headers)).toBe('TOKEN_SIGNATURE');
    okta.key = key;
    okta.keys = keys;
  });

  it('gives one credential object while it is cached, so that caches hang on it', async () => {
    const headers: Headers = [await bearer()];
    await identify([await bearer({ jti: 'fetches the keys' })]);
    const [first, second] = [await identify(headers), await identify(headers)];
    expect(first.kind === 'caller' && second.kind === 'caller' && first.credential === second.credential).toBe(true);
  });
});

describe('REV-4: while caches are warm', () => {
  it('a revoked person, session or token is refused at the next call', async () => {
    const token = await bearer();
    const cookie: readonly [string, string] = ['cookie', await session()];
    const other: readonly [string, string] = ['cookie', await session()];
    for (const credential of [token, cookie, other]) expect(await code([credential])).toBe('caller');
    const known = await identify([cookie]);
    if (known.kind !== 'caller') throw new Error('not identified');
    await built.identity.revocations.revoke({ session: known.credential.id, by: 'user:root' });
    expect(await code([cookie])).toBe('CREDENTIAL_REVOKED');
    for (const credential of [token, other]) expect(await code([credential])).toBe('caller');
    await built.identity.revocations.revoke({ subject: 'user:ada@acme.example', by: 'user:root' });
    for (const credential of [token, other]) expect(await code([credential])).toBe('CREDENTIAL_REVOKED');
  });

  it('JWT-2: a token that was refused is not remembered as good, nor a good one as refused', async () => {
    const good = await bearer();
    const [scheme, ...rest] = good[1].split('.');
    const bad: readonly [string, string] = ['authorization', [scheme, rest[0], 'A'.repeat(86)].join('.')];
    for (let round = 0; round < 2; round++) {
      expect(await code([bad])).toBe('TOKEN_SIGNATURE');
      expect(await code([good])).toBe('caller');
    }
  });
});

describe('faults of ours', () => {
  it('never look like a refused credential', async () => {
    const gone = await testIssuer(clock, '/gone');
    built = await room([oidcEntry(gone.issuer)], { clock });
    const token = await gone.sign(ADA);
    await gone.close();
    const identified = await identify([['authorization', `Bearer ${token}`]]);
    expect(identified).toMatchObject({ kind: 'refused', problem: { code: 'IDENTITY_UNAVAILABLE', kind: 'fault', status: 503 } });
  });

  it('of the store are told as such', async () => {
    const cookie = await session();
    built.store.get = () => Promise.reject(new Error('disk on fire'));
    clock.nowMs += 5_000;
    const identified = await identify([['cookie', cookie]]);
    expect(identified).toMatchObject({ kind: 'refused', problem: { kind: 'fault', status: 503 } });
  });
});

describe('a refused token', () => {
  it('is neither logged, nor stored, nor told', async () => {
    const now = clock.now() / 1000;
    const forged = await okta.sign(ADA, { key: { ...okta.key, privateKey: cluster.key.privateKey } });
    const tokens = [
      `pnu_${'k'.repeat(36)}`,
      `pnb_${'K'.repeat(43)}`,
      'a-foreign-secret-key',
      forged,
      await okta.sign({ ...ADA, aud: 'x' }),
      await okta.sign({ ...ADA, email: 'x@y@acme.example' }),
      await okta.sign({ ...ADA, iat: now - 900, exp: now - 600 }),
      await cluster.sign({ ...SCORER, iat: now - 900, exp: now - 600 }),
    ];
    for (const token of tokens) {
      for (let round = 0; round < 2; round++) {
        const identified = await identify([['authorization', `Bearer ${token}`]]);
        if (identified.kind !== 'refused') throw new Error('expected a refusal');
        const { problem } = identified;
        const told = [problem.message, problem.hint, problem.stack, String(problem.cause), JSON.stringify(problem)].join();
        const written = `${JSON.stringify(built.log.lines)}${built.store.text()}${told}`;
        for (const part of token.split('.')) expect(written).not.toContain(part);
      }
    }
  });
});

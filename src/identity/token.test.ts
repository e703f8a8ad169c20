import { createHmac } from 'node:crypto';
import fc from 'fast-check';
import { exportSPKI, importJWK } from 'jose';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runs } from '../../test/support/runs.ts';
import { Problem } from '../core/problem.ts';
import { ALGORITHMS } from './algorithm.ts';
import { type SigningKey, signingKey, type TestIssuer, testClock, testHealth, testIssuer, testLog } from './fixture.ts';
import { createJsonFetch } from './json-fetch.ts';
import { createIssuerKeys, type IssuerKeys } from './keys.ts';
import { parseToken, type TokenRules, verifyToken } from './token.ts';

const clock = testClock();
let issuer: TestIssuer;
let keys: IssuerKeys;
let rules: TokenRules;
let rsa: SigningKey;

beforeAll(async () => {
  issuer = await testIssuer(clock);
  rsa = await signingKey('r1', 'RS256');
  issuer.keys.push(rsa.jwk);
  keys = createIssuerKeys({
    source: 'okta',
    issuer: issuer.issuer,
    origins: [],
    fetchJson: createJsonFetch(),
    clock,
    log: testLog(),
    health: testHealth(),
  });
  rules = {
    issuer: issuer.issuer,
    audience: ['fairlead', 'fairlead-api'],
    algorithms: [...ALGORITHMS],
    skewMs: 30_000,
    maxLifetimeMs: 86_400_000,
    keys,
  };
});
afterAll(() => issuer.close());

const seconds = () => clock.now() / 1000;

async function codeOf(text: string | Promise<string>, changed: Partial<TokenRules> = {}): Promise<string> {
  try {
    const verified = await verifyToken(parseToken(await text), { ...rules, ...changed }, clock.now());
    return verified.isExpired ? 'EXPIRED' : 'GOOD';
  } catch (error) {
    if (error instanceof Problem && error.kind === 'unauthenticated') return error.code;
    throw error;
  }
}

const base64url = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');
const claims = (more: Record<string, unknown> = {}) => ({
  iss: issuer.issuer,
  aud: 'fairlead',
  sub: 'u-1',
  iat: seconds(),
  exp: seconds() + 600,
  ...more,
});

describe('JWT-1: algorithm and header tricks', () => {
  it('an unsigned token is refused in every spelling of `none`', async () => {
    for (const alg of ['none', 'None', 'NONE', 'nOnE', '', undefined, null, ['RS256'], 'RS256 ']) {
      const head = base64url({ alg, kid: 'k1' });
      for (const signature of ['', 'AAAA']) {
        expect(await codeOf(`${head}.${base64url(claims())}.${signature}`)).toBe('TOKEN_ALGORITHM');
      }
    }
    expect(await codeOf(`${base64url({ alg: 'ES256', kid: 'k1' })}.${base64url(claims())}.`)).toBe('TOKEN_MALFORMED');
  });

  it('a public key is never taken for a shared secret', async () => {
    const publicKey = await importJWK(rsa.jwk, 'RS256', { extractable: true });
    const secrets = [await exportSPKI(publicKey as CryptoKey), JSON.stringify(rsa.jwk)];
    for (const secret of secrets) {
      for (const alg of ['HS256', 'RS256']) {
        const signed = `${base64url({ alg, kid: 'r1' })}.${base64url(claims())}`;
        const code = await codeOf(`${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`);
        expect(code).toBe(alg === 'HS256' ? 'TOKEN_ALGORITHM' : 'TOKEN_SIGNATURE');
      }
    }
  });

  it('an algorithm that the source does not list is refused, though the key fits', async () => {
    const token = issuer.sign(claims(), { key: rsa });
    expect(await codeOf(token)).toBe('GOOD');
    expect(await codeOf(token, { algorithms: ['ES256'] })).toBe('TOKEN_ALGORITHM');
  });

  it('a key is used with its own algorithm only', async () => {
    expect(
      await codeOf(issuer.sign(claims(), { key: { ...rsa, jwk: { ...rsa.jwk, alg: 'PS256' } } }).catch(() => 'x.x.x')),
    ).not.toBe('GOOD');
    const signed = (await issuer.sign(claims(), { key: rsa })).split('.');
    expect(await codeOf([base64url({ alg: 'PS256', kid: 'r1' }), signed[1], signed[2]].join('.'))).toBe('TOKEN_SIGNATURE');
  });

  it.each(['../../etc/passwd', 'https://evil.example/keys', "' OR 1=1 --", '/dev/null', 'k1\u0000'])(
    'the key id %j is only ever looked up',
    async (kid) => {
      const before = issuer.hits.length;
      expect(await codeOf(issuer.sign(claims(), { header: { kid } }))).toBe('TOKEN_SIGNATURE');
      expect(issuer.hits.slice(before).every((url) => url.endsWith('/keys') || url.endsWith('/openid-configuration'))).toBe(true);
    },
  );

  it('a key id that is no text, or far too long, is refused', async () => {
    for (const kid of [7, {}, null, 'k'.repeat(300)]) {
      const head = base64url({ alg: 'ES256', kid });
      expect(await codeOf(`${head}.${base64url(claims())}.AAAA`)).toBe('TOKEN_MALFORMED');
    }
  });

  it('keys that the token brings or points to are not looked at', async () => {
    const own = await signingKey('mine');
    const hits = issuer.hits.length;
    for (const header of [
      { jwk: own.jwk, kid: undefined },
      { jku: `${issuer.issuer}/evil`, kid: 'k1' },
      { x5u: `${issuer.issuer}/evil`, kid: 'k1' },
      { x5c: ['MIIB'], kid: 'k1' },
    ]) {
      expect(await codeOf(issuer.sign(claims(), { key: own, header: { ...header, alg: 'ES256' } }))).toBe('TOKEN_SIGNATURE');
    }
    expect(issuer.hits.slice(hits)).not.toContain('/evil');
  });

  it('a critical extension, or an unencoded payload, is refused', async () => {
    for (const more of [{ crit: ['exp'], exp: 1 }, { crit: [] }, { crit: ['b64'], b64: false }, { b64: true }]) {
      const head = base64url({ alg: 'ES256', kid: 'k1', ...more });
      expect(await codeOf(`${head}.${base64url(claims())}.AAAA`)).toBe('TOKEN_MALFORMED');
    }
  });

  it('only types that speak for a caller are accepted', async () => {
    for (const typ of ['JWT', 'jwt', 'at+jwt', 'application/at+jwt']) {
      expect(await codeOf(issuer.sign(claims(), { header: { typ } }))).toBe('GOOD');
    }
    for (const typ of ['logout+jwt', 'dpop+jwt', 'secevent+jwt', 'kb+jwt', 'JWS', '', 3]) {
      expect(await codeOf(issuer.sign(claims(), { header: { typ } }))).toBe('TOKEN_TYPE');
    }
  });

  it('a logout token without a type is known by its events', async () => {
    const events = { 'http://schemas.openid.net/event/backchannel-logout': {} };
    expect(await codeOf(issuer.sign(claims({ events })))).toBe('TOKEN_TYPE');
  });

  it('a token bound to a key is no bearer token', async () => {
    expect(await codeOf(issuer.sign(claims({ cnf: { jkt: 'x' } })))).toBe('TOKEN_BOUND');
  });

  it('a changed payload, signature or header is refused', async () => {
    const [header, , signature] = (await issuer.sign(claims())).split('.');
    expect(await codeOf(`${header}.${base64url(claims({ sub: 'root' }))}.${signature}`)).toBe('TOKEN_SIGNATURE');
  });
});

describe('JWT-2: whom a token is from and for', () => {
  it('a list of audiences is enough when one of them is ours; none, or another, is not', async () => {
    expect(await codeOf(issuer.sign(claims({ aud: ['x', 'fairlead-api'] })))).toBe('GOOD');
    for (const aud of ['x', ['x', 'y'], [], '', undefined, ['Fairlead'], 'fairlead ', { fairlead: true }, [['fairlead']], 7]) {
      expect(await codeOf(issuer.sign(claims({ aud })))).toBe('TOKEN_AUDIENCE');
    }
  });

  it('a token of another issuer is refused even when the same key signed it', async () => {
    expect(await codeOf(issuer.sign(claims({ iss: `${issuer.issuer}/` })))).toBe('TOKEN_ISSUER');
    expect(await codeOf(issuer.sign(claims({ iss: undefined })))).toBe('TOKEN_ISSUER');
    expect(await codeOf(issuer.sign(claims({ iss: [issuer.issuer] })))).toBe('TOKEN_ISSUER');
  });

  it('a subject is required', async () => {
    for (const sub of [undefined, '', 7, null, 'x'.repeat(256)])
      expect(await codeOf(issuer.sign(claims({ sub })))).toBe('TOKEN_CLAIMS');
  });
});

describe('JWT-3: time limits', () => {
  it('allow 30 s of difference between clocks, and no more', async () => {
    const now = seconds();
    expect(await codeOf(issuer.sign(claims({ exp: now - 29 })))).toBe('GOOD');
    expect(await codeOf(issuer.sign(claims({ exp: now - 30, iat: now - 600 })))).toBe('EXPIRED');
    expect(await codeOf(issuer.sign(claims({ nbf: now + 30 })))).toBe('GOOD');
    expect(await codeOf(issuer.sign(claims({ nbf: now + 31 })))).toBe('TOKEN_NOT_YET_VALID');
    expect(await codeOf(issuer.sign(claims({ iat: now + 30 })))).toBe('GOOD');
    expect(await codeOf(issuer.sign(claims({ iat: now + 31 })))).toBe('TOKEN_NOT_YET_VALID');
  });

  it('cap a token that would live for ten years', async () => {
    const now = seconds();
    const exp = now + 315_360_000;
    const verified = await verifyToken(parseToken(await issuer.sign(claims({ exp }))), rules, clock.now());
    expect(verified.expiresAtMs).toBe(clock.now() + 86_400_000);
    expect(await codeOf(issuer.sign(claims({ exp, iat: now - 86_431 })))).toBe('EXPIRED');
  });

  it('require both ends, as numbers that are times', async () => {
    for (const value of [undefined, null, '1', -1, 1e15, {}, true]) {
      expect(await codeOf(issuer.sign(claims({ exp: value })))).toBe('TOKEN_CLAIMS');
      expect(await codeOf(issuer.sign(claims({ iat: value })))).toBe('TOKEN_CLAIMS');
    }
    expect(await codeOf(issuer.sign(claims({ nbf: 'soon' })))).toBe('TOKEN_CLAIMS');
  });
});

describe('a token as text', () => {
  it.each(['', '.', '..', '...', 'a.b', 'a.b.c.d.e', 'a.b.c', '=.=.=', `${'a'.repeat(20_000)}.b.c`])(
    '%.20j is refused',
    async (text) => {
      expect(['TOKEN_MALFORMED', 'TOKEN_ALGORITHM']).toContain(await codeOf(text));
    },
  );

  it('has one spelling only: padding, other alphabets, spare bits and double members are refused', async () => {
    const [header = '', payload = '', signature = ''] = (await issuer.sign(claims())).split('.');
    expect(await codeOf(`${header}.${payload}.${signature}=`)).toBe('TOKEN_MALFORMED');
    expect(await codeOf(`${header}.${payload}.${signature.replace(/.$/, '+')}`)).toBe('TOKEN_MALFORMED');
    const last = signature.at(-1) ?? '';
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    const spare = alphabet[(alphabet.indexOf(last) & ~15) | ((alphabet.indexOf(last) + 1) & 15)] ?? '';
    expect(await codeOf(`${header}.${payload}.${signature.slice(0, -1)}${spare}`)).toBe('TOKEN_MALFORMED');
    const twice = base64url(`{"iss":"${issuer.issuer}","aud":"x","aud":"fairlead","sub":"a"}`);
    expect(await codeOf(`${header}.${twice}.${signature}`)).toBe('TOKEN_MALFORMED');
  });

  it('is known by one id, however its signature is written', async () => {
    const [header, payload] = (await issuer.sign(claims())).split('.');
    const again = await issuer.sign(claims());
    expect(parseToken(`${header}.${payload}.AAAA`).id).toBe(parseToken(again).id);
    expect(parseToken(`${header}.${payload}.AAAA`).digest).not.toBe(parseToken(again).digest);
  });

  it('never stands in a refusal', () => {
    const part = fc.oneof(fc.string(), fc.json().map(base64url), fc.base64String());
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.tuple(part, part, part).map((parts) => parts.join('.')),
        ),
        (text) => {
          try {
            const parsed = parseToken(text);
            expect(ALGORITHMS).toContain(parsed.algorithm);
          } catch (error) {
            if (!(error instanceof Problem)) throw error;
            expect(error.kind).toBe('unauthenticated');
            if (text.length > 12) expect(`${error.message}${error.hint ?? ''}${String(error.cause ?? '')}`).not.toContain(text);
          }
        },
      ),
      { numRuns: runs(500) },
    );
  });
});

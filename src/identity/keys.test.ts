import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Secret } from '../core/secret.ts';
import {
  signingKey,
  type TestClock,
  type TestHealth,
  type TestIssuer,
  testClock,
  testHealth,
  testIssuer,
  testLog,
} from './fixture.ts';
import { createJsonFetch } from './json-fetch.ts';
import { COOLDOWN_MS, createIssuerKeys, type IssuerKeys, type IssuerKeysOptions, STALE_LIMIT_MS } from './keys.ts';

let clock: TestClock;
let issuer: TestIssuer;
let health: TestHealth;
let keys: IssuerKeys;
const UNAVAILABLE = expect.objectContaining({ code: 'IDENTITY_UNAVAILABLE', kind: 'fault', status: 503 });

beforeEach(async () => {
  clock = testClock();
  issuer = await testIssuer(clock);
  health = testHealth();
  keys = open();
});
afterEach(() => issuer.close());

function open(more: Partial<IssuerKeysOptions> = {}): IssuerKeys {
  const { issuer: name } = issuer;
  return createIssuerKeys({
    source: 'okta',
    issuer: name,
    origins: [],
    fetchJson: createJsonFetch(),
    clock,
    log: testLog(),
    health,
    ...more,
  });
}

function find(kid: string | undefined, issuedAtMs = clock.now()): Promise<readonly CryptoKey[]> {
  return keys.candidates({ kid, algorithm: 'ES256', issuedAtMs });
}

const fetches = () => issuer.hits.filter((url) => url === '/keys').length;
const down = () => {
  issuer.answer = (_request, response) => {
    response.writeHead(500).end();
    return true;
  };
};
const up = () => {
  issuer.answer = () => false;
};

describe('JWT-4: the keys of an issuer', () => {
  it('are asked for as a key set too, since a Kubernetes API server has no other form of them', async () => {
    const accepted: (string | undefined)[] = [];
    issuer.answer = (request, response) => {
      if (request.url !== '/keys') return false;
      accepted.push(request.headers.accept);
      const isFit = request.headers.accept?.split(', ').includes('application/jwk-set+json');
      if (!isFit) response.writeHead(406).end();
      return !isFit;
    };
    expect(await find('k1')).toHaveLength(1);
    expect(accepted).toEqual(['application/json, application/jwk-set+json']);
  });

  it('are found by discovery, and fetched once', async () => {
    expect(await find('k1')).toHaveLength(1);
    expect(await find('k1')).toHaveLength(1);
    expect(issuer.hits).toEqual(['/.well-known/openid-configuration', '/keys']);
    expect(health.states.get('identity:okta')).toBe('ok');
  });

  it('rotate: a key id that is not known yet is looked for', async () => {
    await find('k1');
    const version = keys.version();
    issuer.key = await signingKey('k2');
    issuer.keys = [issuer.key.jwk];
    clock.nowMs += COOLDOWN_MS;
    expect(await find('k2')).toHaveLength(1);
    expect(keys.version()).toBeGreaterThan(version);
    expect(await find('k1', clock.now() - 600_000)).toEqual([]);
  });

  it('DOS-6: a flood of unknown key ids makes one outbound fetch per cool-down', async () => {
    await find('k1');
    clock.nowMs += COOLDOWN_MS;
    const asked = Array.from({ length: 200 }, (_, index) => find(`unknown-${index}`).catch((error: unknown) => error));
    for (const answer of await Promise.all(asked)) expect(answer).toEqual([]);
    expect(fetches()).toBe(2);
    clock.nowMs += COOLDOWN_MS - 1;
    await Promise.all(Array.from({ length: 200 }, (_, index) => find(`more-${index}`, clock.now() - 3_600_000)));
    expect(fetches()).toBe(2);
    expect(await find('k1')).toHaveLength(1);
  });

  it('a key that may be younger than the last fetch is our doubt, not a refusal', async () => {
    await find('k1');
    issuer.key = await signingKey('k2');
    issuer.keys = [issuer.key.jwk];
    clock.nowMs += 1_000;
    await expect(find('k2')).rejects.toEqual(UNAVAILABLE);
    clock.nowMs += COOLDOWN_MS;
    expect(await find('k2')).toHaveLength(1);
  });

  it('an outage is bridged with the keys at hand until their limit, then told as our fault', async () => {
    await find('k1');
    down();
    clock.nowMs += STALE_LIMIT_MS - 1;
    expect(await find('k1')).toHaveLength(1);
    expect(health.states.get('identity:okta')).toBe('degraded');
    clock.nowMs += 1;
    await expect(find('k1')).rejects.toEqual(UNAVAILABLE);
    up();
    clock.nowMs += COOLDOWN_MS;
    expect(await find('k1')).toHaveLength(1);
    expect(health.states.get('identity:okta')).toBe('ok');
  });

  it('an outage at the start is our fault, for known and unknown keys alike', async () => {
    down();
    await expect(find('k1')).rejects.toEqual(UNAVAILABLE);
    await expect(find('nobody')).rejects.toEqual(UNAVAILABLE);
    expect(issuer.hits).toHaveLength(1);
    expect(health.states.get('identity:okta')).toBe('failed');
    up();
    clock.nowMs += 1_000;
    expect(await find('k1')).toHaveLength(1);
  });

  it('a certificate authority that cannot be read troubles its own source only', async () => {
    const broken = open({ source: 'broken', fetchJson: createJsonFetch({ caFile: '/nowhere/ca.pem' }) });
    await expect(broken.candidates({ kid: 'k1', algorithm: 'ES256', issuedAtMs: clock.now() })).rejects.toEqual(UNAVAILABLE);
    expect(await find('k1')).toHaveLength(1);
    expect([health.states.get('identity:broken'), health.states.get('identity:okta')]).toEqual(['failed', 'ok']);
  });

  it('an old removed key is gone once the keys are read again', async () => {
    await find('k1');
    issuer.keys = [(await signingKey('k2')).jwk];
    clock.nowMs += 10 * 60_000;
    expect(await find('k1', clock.now() - 3_600_000)).toEqual([]);
  });
});

describe('what is not fetched or not believed', () => {
  it.each([
    ['a redirect', (url: string) => ({ status: 302, headers: { location: `${url}/keys` }, body: '' })],
    ['another issuer', (url: string) => ({ status: 200, headers: {}, body: { issuer: `${url}/x`, jwks_uri: `${url}/keys` } })],
    [
      'an issuer with a slash more',
      (url: string) => ({ status: 200, headers: {}, body: { issuer: `${url}/`, jwks_uri: `${url}/keys` } }),
    ],
    [
      'keys on another origin',
      (url: string) => ({ status: 200, headers: {}, body: { issuer: url, jwks_uri: 'http://127.0.0.1:9/keys' } }),
    ],
    [
      'keys at the metadata address',
      (url: string) => ({ status: 200, headers: {}, body: { issuer: url, jwks_uri: 'http://169.254.169.254/' } }),
    ],
    ['keys in a file', (url: string) => ({ status: 200, headers: {}, body: { issuer: url, jwks_uri: 'file:///etc/passwd' } })],
    ['no JSON', () => ({ status: 200, headers: {}, body: '<html>' })],
    ['too much', () => ({ status: 200, headers: {}, body: `"${'x'.repeat(600_000)}"` })],
    ['a list', () => ({ status: 200, headers: {}, body: [] })],
  ])('discovery with %s', async (_what, make) => {
    issuer.answer = (request, response) => {
      if (request.url !== '/.well-known/openid-configuration') return false;
      const { status, headers, body } = make(issuer.issuer);
      response.writeHead(status, headers as Record<string, string>);
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
      return true;
    };
    await expect(find('k1')).rejects.toEqual(UNAVAILABLE);
    expect(fetches()).toBe(0);
  });

  it.each([
    ['a symmetric key', { kty: 'oct', k: 'c2VjcmV0', kid: 'k1', alg: 'ES256' }],
    ['a key for encryption', 'enc'],
    ['a key that cannot be read', { kty: 'EC', crv: 'P-256', x: 'AA', y: 'AA', kid: 'k1' }],
    ['a key of another kind', { kty: 'RSA', n: 'AQAB', e: 'AQAB', kid: 'k1' }],
  ])('%s does not verify', async (_what, jwk) => {
    issuer.keys = [(jwk === 'enc' ? { ...issuer.key.jwk, use: 'enc' } : jwk) as never];
    expect(await find('k1', clock.now() - 600_000)).toEqual([]);
  });

  it('a key set of thousands is refused whole', async () => {
    issuer.keys = Array.from({ length: 101 }, () => issuer.key.jwk);
    await expect(find('k1')).rejects.toEqual(UNAVAILABLE);
  });

  it('private parts that an issuer publishes by mistake are not used', async () => {
    const { privateKey } = issuer.key;
    const { exportJWK } = await import('jose');
    issuer.keys = [{ ...(await exportJWK(privateKey)), kid: 'k1', alg: 'ES256' }];
    expect((await find('k1'))[0]?.type).toBe('public');
  });
});

describe('a configured place of keys', () => {
  it('is read without discovery, with the token that the cluster wants', async () => {
    const seen: (string | undefined)[] = [];
    issuer.answer = (request) => {
      seen.push(request.headers.authorization);
      return false;
    };
    const cluster = open({ jwksUri: `${issuer.issuer}/keys`, bearer: async () => new Secret('pod-token') });
    expect(await cluster.candidates({ kid: 'k1', algorithm: 'ES256', issuedAtMs: clock.now() })).toHaveLength(1);
    expect(issuer.hits).toEqual(['/keys']);
    expect(seen).toEqual(['Bearer pod-token']);
  });
});

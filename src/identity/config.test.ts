import { describe, expect, it } from 'vitest';
import { checkSources, identitySchema, sessionsSchema } from './config.ts';

const okta = {
  name: 'okta',
  oidc: { issuer: 'https://acme.okta.com', clientId: 'fairlead', audience: ['fairlead'] },
  owns: { users: ['*@acme.com'], groups: ['*'] },
};
const prod = { name: 'prod', kubernetes: { issuer: 'https://oidc.prod.acme.com', audience: ['fairlead'] }, home: true };

function problems(...list: readonly unknown[]): string[] {
  const parsed = identitySchema.safeParse(list);
  return parsed.success ? [] : parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`);
}

function overlaps(...list: readonly unknown[]): string[] {
  return checkSources(identitySchema.parse(list)).map(({ code, path }) => `${code} ${path}`);
}

describe('the `identity:` list', () => {
  it('reads the example of the documentation and fills in what is left out', () => {
    const [first, second] = identitySchema.parse([okta, { ...prod, kubernetes: { ...prod.kubernetes, tokenReview: true } }]);
    expect(first?.oidc).toMatchObject({ userClaim: 'email', groupsClaim: 'groups', clockSkew: 30_000, maxLifetime: 86_400_000 });
    expect(first?.disclose).toBe('none');
    expect(first?.oidc?.algorithms).not.toContain('HS256');
    expect(second?.kubernetes).toMatchObject({ tokenReview: true, audience: ['fairlead'] });
  });

  it.each([
    ['no audience', { ...okta, oidc: { ...okta.oidc, audience: [] } }],
    ['an audience left out', { ...okta, oidc: { issuer: 'https://a.example', clientId: 'x' } }],
    ['an issuer in the clear', { ...okta, oidc: { ...okta.oidc, issuer: 'http://acme.okta.com' } }],
    ['an issuer with a password', { ...okta, oidc: { ...okta.oidc, issuer: 'https://u:p@acme.okta.com' } }],
    ['a symmetric algorithm', { ...okta, oidc: { ...okta.oidc, algorithms: ['HS256'] } }],
    ['the algorithm `none`', { ...okta, oidc: { ...okta.oidc, algorithms: ['none'] } }],
    ['a secret as a value', { ...okta, oidc: { ...okta.oidc, clientSecret: 'hunter2' } }],
    ['a long clock skew', { ...okta, oidc: { ...okta.oidc, clockSkew: '10m' } }],
    ['an unknown field', { ...okta, color: 'red' }],
    ['nothing owned', { ...okta, owns: {} }],
    ['a pattern with a star inside', { ...okta, owns: { users: ['a*b'] } }],
    ['both kinds', { ...okta, kubernetes: prod.kubernetes }],
    ['neither kind', { name: 'x', owns: { users: ['*'] } }],
    ["the API server's audience", { ...prod, kubernetes: { ...prod.kubernetes, audience: ['https://kubernetes.default.svc'] } }],
    ['people of a cluster', { ...prod, owns: { users: ['*'] } }],
    ['a home that is no cluster', { ...okta, home: true }],
  ])('refuses %s', (_what, entry) => {
    expect(problems(entry)).not.toEqual([]);
  });

  it('refuses a mesh source by name instead of ignoring it', () => {
    expect(problems({ ...okta, mtls: { trustDomain: 'acme.prod' } }).join()).toContain('`mtls` sources cannot be enforced');
  });

  it('allows plain http on loopback only', () => {
    expect(problems({ ...okta, oidc: { ...okta.oidc, issuer: 'http://127.0.0.1:8085' } })).toEqual([]);
    expect(problems({ ...okta, oidc: { ...okta.oidc, issuer: 'http://127.0.0.1.evil.example' } })).not.toEqual([]);
  });
});

describe('sources beside one another', () => {
  const other = { ...okta, name: 'entra', oidc: { ...okta.oidc, issuer: 'https://login.example' } };

  it('must not own the same people, groups or agents', () => {
    const clash = { ...other, owns: { users: ['ada@acme.com', '*@b.com'], groups: ['x'] } };
    expect(overlaps(okta, clash)).toEqual([
      'IDENTITY_OWNS_OVERLAP identity[1].owns.users[0]',
      'IDENTITY_OWNS_OVERLAP identity[1].owns.groups[0]',
    ]);
    expect(overlaps(okta, { ...other, owns: { users: ['*@b.com'] } })).toEqual([]);
  });

  it('must not share a name, an issuer or the place of the home cluster', () => {
    const far = { users: ['*@b.com'] };
    expect(overlaps(okta, { ...other, owns: far, name: 'okta' })).toEqual(['IDENTITY_NAME_TWICE identity[1].name']);
    expect(overlaps(okta, { ...okta, owns: far, name: 'two' })).toEqual(['IDENTITY_ISSUER_TWICE identity[1].oidc.issuer']);
    const second = { ...prod, name: 'b', kubernetes: { ...prod.kubernetes, issuer: 'https://b.example' } };
    expect(overlaps(prod, second)).toEqual(['IDENTITY_HOME_TWICE identity[1].home']);
  });
});

describe('the `sessions:` section', () => {
  it('has defaults and reads durations', () => {
    expect(sessionsSchema.parse({})).toEqual({ idle: 28_800_000, absolute: 86_400_000, tokens: 7_776_000_000 });
    expect(sessionsSchema.parse({ idle: '10m', absolute: '1h' })).toMatchObject({ idle: 600_000, absolute: 3_600_000 });
  });

  it('refuses an idle time beyond the absolute one, and texts that are no durations', () => {
    expect(sessionsSchema.safeParse({ idle: '2h', absolute: '1h' }).success).toBe(false);
    expect(sessionsSchema.safeParse({ idle: '8' }).success).toBe(false);
  });
});

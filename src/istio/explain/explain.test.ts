import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../wire/call.ts';
import { NEWEST } from '../profile.ts';
import type { RequestDraft } from '../request/draft.ts';
import { findTargets } from '../target/target.ts';
import { modelOf } from '../testing.ts';
import { explain } from './explain.ts';
import type { Explanation } from './explanation.ts';

const CART = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: cart, namespace: shop}
spec: {template: {metadata: {labels: {app: cart}}, spec: {serviceAccountName: cart, containers: [{ports: [{containerPort: 8080}]}]}}}
---
apiVersion: v1
kind: Service
metadata: {name: cart, namespace: shop}
spec: {selector: {app: cart}, ports: [{name: http, port: 80, targetPort: 8080}, {name: tcp-admin, port: 9000}]}
`;

const POLICY = (name: string, spec: string, annotations = '{}') => `
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ${name}, namespace: shop, annotations: ${annotations}}
spec: ${spec}
`;

const FRONT: RequestDraft['peer'] = { uris: ['spiffe://cluster.local/ns/web/sa/front'], dns: [], subject: '' };

interface Asked {
  readonly to?: string;
  readonly port?: number;
  readonly config?: JsonObject;
  readonly authoriser?: 'allow' | 'deny';
}

function ask(text: string, draft: RequestDraft, { to = 'svc/cart', port, config, authoriser }: Asked = {}): Explanation {
  const model = modelOf(CART + text, config);
  const [target] = findTargets(model, to, { namespace: 'shop', ...(port === undefined ? {} : { port }) });
  if (target === undefined) return expect.fail('there is no target');
  return explain({
    model,
    target,
    draft,
    profile: NEWEST,
    now: 1_700_000_000,
    ...(authoriser === undefined ? {} : { authoriser }),
  });
}

describe('an explanation', () => {
  it('of a DENY rule names the rule, the value that hit and what was seen', () => {
    const spec = '{action: DENY, rules: [{to: [{operation: {paths: [/a, /admin*], methods: [GET]}}]}]}';
    const { decided, verdict, matches } = ask(POLICY('no-admin', spec), { path: '/admin/x?y', peer: FRONT });
    expect([decided, verdict.v, verdict.s]).toEqual(['deny-rule', 'deny', 403]);
    expect(matches).toHaveLength(1);
    expect(matches[0]).toMatchObject({
      policy: 'shop/no-admin',
      rule: 0,
      action: 'DENY',
      logged: true,
      id: 'ns[shop]-policy[no-admin]-rule[0]',
    });
    expect(matches[0]?.held.map(({ field, wanted, observed }) => [field, wanted, observed])).toEqual([
      ['to[0].operation.methods[0]', ['GET'], 'GET'],
      ['to[0].operation.paths[1]', ['/admin*'], '/admin/x'],
    ]);
  });

  it('marks the rule that Envoy logs, which is the first by its text, and lists all that match', () => {
    const rules = Array.from(
      { length: 11 },
      (_, index) => `{to: [{operation: {methods: [${index === 2 || index === 10 ? 'GET' : 'PUT'}]}}]}`,
    );
    const { matches } = ask(POLICY('many', `{action: DENY, rules: [${rules.join(', ')}]}`), {});
    expect(matches.map(({ rule, logged }) => [rule, logged])).toEqual([
      [10, true],
      [2, false],
    ]);
  });

  it('of a default denial names the ALLOW policies that made it, and what each rule lacks, the nearest first', () => {
    const policies =
      POLICY(
        'far',
        '{rules: [{from: [{source: {namespaces: [ops]}}], to: [{operation: {methods: [POST]}}], when: [{key: "request.headers[x-role]", values: [admin]}]}]}',
      ) +
      POLICY(
        'near',
        '{rules: [{from: [{source: {namespaces: [ops]}}, {source: {principals: [cluster.local/ns/web/sa/front]}}], to: [{operation: {methods: [POST, PUT]}}]}]}',
      ) +
      POLICY('none', '{}');
    const { decided, allowPolicies, nearest, verdict } = ask(policies, { method: 'GET', path: '/', peer: FRONT });
    expect([decided, verdict.id]).toEqual(['no-allow-rule', 'none']);
    expect(allowPolicies.map(({ policy }) => policy)).toEqual(['shop/far', 'shop/near', 'shop/none']);
    expect(
      nearest.map(({ policy, lacking }) => [policy, lacking.map(({ field, wanted, observed }) => [field, wanted, observed])]),
    ).toEqual([
      ['shop/near', [['to[0].operation.methods', ['POST', 'PUT'], 'GET']]],
      [
        'shop/far',
        [
          ['to[0].operation.methods', ['POST'], 'GET'],
          ['from[0].source.namespaces', ['ops'], 'spiffe://cluster.local/ns/web/sa/front'],
          ['when[0] request.headers[x-role]', ['admin'], undefined],
        ],
      ],
      ['shop/none', [['rules', [], undefined]]],
    ]);
  });

  it('counts a rule about another path as far, however little else it lacks', () => {
    const policies =
      POLICY('a', '{rules: [{to: [{operation: {paths: [/other]}}]}]}') +
      POLICY(
        'b',
        '{rules: [{from: [{source: {namespaces: [ops]}}], to: [{operation: {paths: [/asked]}}], when: [{key: "request.headers[x]", values: [y]}]}]}',
      );
    expect(ask(policies, { path: '/asked', peer: FRONT }).nearest.map(({ policy }) => policy)).toEqual(['shop/b', 'shop/a']);
  });

  it('says which term held because the caller has no identity', () => {
    const { matches } = ask(POLICY('ids', '{action: DENY, rules: [{from: [{source: {notPrincipals: ["*"]}}]}]}'), {
      peer: 'none',
    });
    expect(matches[0]?.held).toMatchObject([{ field: 'from[0].source.notPrincipals', negated: true, observed: undefined }]);
  });

  it('of a 401 names the RequestAuthentication and why', () => {
    const jwt = `
---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: idp, namespace: shop}
spec: {jwtRules: [{issuer: https://idp.example, audiences: [cart]}]}
`;
    const token = (claims: JsonObject): RequestDraft => ({
      tokens: [{ claims, signed: true, in: { header: 'authorization', prefix: 'Bearer ' } }],
    });
    const wrong = ask(jwt, token({ iss: 'https://other.example', sub: 's' }));
    expect([wrong.decided, wrong.verdict.s]).toEqual(['token', 401]);
    expect(wrong.token).toMatchObject({ policy: 'shop/idp', issuer: 'https://idp.example' });
    expect(wrong.token?.why).toContain('iss `https://other.example`, and the rules know `https://idp.example`');
    const audience = ask(jwt, token({ iss: 'https://idp.example', sub: 's', aud: 'x' }));
    expect([audience.verdict.s, audience.token?.why]).toEqual([403, expect.stringContaining('aud `x`')]);
    const old = ask(jwt, token({ iss: 'https://idp.example', sub: 's', aud: 'cart', exp: 1 }));
    expect(old.token?.why).toContain('exp is 1, and it is 1700000000');
    expect(ask(jwt, token({ iss: 'https://idp.example', sub: 's', aud: 'cart' }))).toMatchObject({
      decided: 'no-allow-policy',
      token: undefined,
    });
  });

  it('of a CUSTOM rule says who is asked, and shows both answers', () => {
    const config = {
      extensionProviders: [{ name: 'guard', envoyExtAuthzGrpc: { service: 'guard.ops.svc.cluster.local', port: 9000 } }],
    };
    const policies = POLICY('ask', '{action: CUSTOM, provider: {name: guard}, rules: [{}]}') + POLICY('nobody', '{}');
    const open = ask(policies, { peer: FRONT }, { config });
    expect([open.decided, open.verdict.v]).toEqual(['unknown', 'unknown']);
    expect(open.custom).toMatchObject([
      {
        provider: 'guard',
        asks: 'guard.ops.svc.cluster.local:9000',
        branches: { allowed: { v: 'deny', id: 'none' }, denied: { v: 'deny', by: 'ext_authz_denied' } },
      },
    ]);
    const said = ask(policies, { peer: FRONT }, { config, authoriser: 'deny' });
    expect([said.decided, said.custom[0]?.branches]).toEqual(['custom', undefined]);
    expect(ask(policies, { peer: FRONT })).toMatchObject({ decided: 'broken-custom', verdict: { v: 'deny', s: 403 } });
  });

  it('leaves out what is not asked any more after a refusal', () => {
    const config = {
      extensionProviders: [{ name: 'guard', envoyExtAuthzGrpc: { service: 'guard.ops.svc.cluster.local', port: 9000 } }],
    };
    const policies =
      POLICY('ask', '{action: CUSTOM, provider: {name: guard}, rules: [{}]}') +
      POLICY('audit', '{action: AUDIT, rules: [{}]}') +
      POLICY('soon', '{action: DENY, rules: [{}]}', '{istio.io/dry-run: "true"}');
    const matched = ({ matches }: Explanation) => matches.map(({ action }) => action);
    const denied = ask(policies, { peer: FRONT }, { config, authoriser: 'deny' });
    expect([matched(denied), denied.dryRun]).toEqual([['CUSTOM'], undefined]);
    const broken = ask(policies, { peer: FRONT });
    expect([broken.decided, matched(broken), broken.dryRun]).toEqual(['broken-custom', ['CUSTOM'], undefined]);
    const open = ask(policies, { peer: FRONT }, { config });
    expect([matched(open), open.dryRun?.ifEnforced.v]).toEqual([['CUSTOM', 'AUDIT'], 'deny']);
  });

  it('says what dry-run policies would change', () => {
    const dry = '{istio.io/dry-run: "true"}';
    const { verdict, dryRun } = ask(POLICY('soon', '{rules: [{to: [{operation: {methods: [PUT]}}]}]}', dry), { method: 'GET' });
    expect([verdict.v, dryRun?.ifEnforced.v, dryRun?.rules[0]?.lacking[0]?.field]).toEqual([
      'allow',
      'deny',
      'to[0].operation.methods',
    ]);
    expect(ask('', {}).dryRun).toBeUndefined();
  });

  it('says what mutual TLS does: strict refuses plain text, disabled hides who calls', () => {
    const peer = (mode: string) => `
---
apiVersion: security.istio.io/v1
kind: PeerAuthentication
metadata: {name: default, namespace: shop}
spec: {mtls: {mode: ${mode}}}
`;
    expect(ask(peer('STRICT'), { peer: 'none' })).toMatchObject({
      decided: 'mtls',
      verdict: { v: 'deny', by: 'mtls' },
      matches: [],
      mtls: { mode: 'STRICT', policy: 'shop/default', effect: 'refused' },
    });
    expect(ask(peer('STRICT'), { peer: FRONT })).toMatchObject({ decided: 'no-allow-policy', mtls: { effect: 'none' } });
    const only = POLICY('only', '{rules: [{from: [{source: {namespaces: [web]}}]}]}');
    expect(ask(peer('DISABLE') + only, { peer: FRONT })).toMatchObject({
      decided: 'no-allow-rule',
      mtls: { effect: 'identity-ignored' },
    });
  });

  it('tells what a plain TCP port makes of HTTP rules', () => {
    const policies =
      POLICY('get', '{rules: [{to: [{operation: {methods: [GET]}}]}]}') +
      POLICY('no-put', '{action: DENY, rules: [{to: [{operation: {methods: [PUT]}}]}]}');
    const { transport, decided, notes } = ask(policies, { method: 'GET', peer: FRONT }, { port: 9000 });
    expect([transport, decided]).toEqual(['tcp', 'deny-rule']);
    const texts = notes.map(({ text }) => text);
    expect(texts).toContainEqual(expect.stringContaining('port 9000 is declared as one that is not HTTP'));
    expect(texts).toContainEqual(expect.stringContaining('ALLOW shop/get rule[0] does not reach the proxy'));
    expect(texts).toContainEqual(expect.stringContaining('DENY shop/no-put rule[0] is wider than written'));
  });

  it('of ztunnel tells which rules never match there', () => {
    const ambient = `
---
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {istio.io/dataplane-mode: ambient}}
`;
    const policies =
      POLICY('get', '{rules: [{to: [{operation: {methods: [GET]}}]}]}') +
      POLICY('no-put', '{action: DENY, rules: [{to: [{operation: {methods: [PUT]}}]}]}') +
      POLICY('no-ops', '{action: DENY, rules: [{from: [{source: {namespaces: [ops]}}]}]}');
    const answer = ask(ambient + policies, { method: 'PUT', peer: FRONT });
    expect([answer.target.proxy, answer.transport, answer.decided]).toEqual(['ztunnel', 'tcp', 'no-allow-rule']);
    expect(answer.matches).toEqual([]);
    expect(answer.allowPolicies.map(({ policy }) => policy)).toEqual(['shop/get']);
    const texts = answer.notes.map(({ text }) => text);
    expect(texts).toContainEqual(
      expect.stringMatching(/DENY shop\/no-put rule\[0\] never matches here: .* is nothing that ztunnel reads/),
    );
    expect(texts).toContainEqual(expect.stringContaining('ALLOW shop/get rule[0] does not reach the proxy'));
    const ops = ask(ambient + policies, { peer: { uris: ['spiffe://cluster.local/ns/ops/sa/x'], dns: [], subject: '' } });
    expect(ops).toMatchObject({ decided: 'deny-rule', matches: [{ policy: 'shop/no-ops' }] });
  });

  it('says where the webhook would have refused a policy that is evaluated all the same', () => {
    const { verdict, notes } = ask(POLICY('odd', '{action: DENY, rules: [{to: [{operation: {ports: ["99999"]}}]}]}'), {
      peer: FRONT,
    });
    expect(verdict.v).toBe('deny');
    expect(notes).toContainEqual({
      code: 'validation',
      text: expect.stringContaining('would refuse AuthorizationPolicy shop/odd'),
      place: expect.anything(),
    });
  });

  it('shows the path that is matched where it is another', () => {
    const { sentPath, verdict } = ask('', { path: '/a/../b' });
    expect([sentPath, verdict.path]).toEqual(['/a/../b', '/b']);
    expect(ask('', { path: '/b?c' }).sentPath).toBeUndefined();
  });

  it('notes what was filled in only where a rule looks at it', () => {
    const texts = (text: string) => ask(text, { path: '/' }, { port: 80 }).notes.map(({ text: note }) => note);
    expect(texts(POLICY('m', '{rules: [{to: [{operation: {methods: [GET]}}]}]}'))).toEqual([
      expect.stringContaining('no method was named'),
    ]);
    const ids = texts(
      POLICY('i', '{rules: [{from: [{source: {namespaces: [a], ipBlocks: [10.0.0.0/8]}}], to: [{operation: {hosts: [a]}}]}]}'),
    );
    expect(ids).toEqual([
      expect.stringContaining('--from)'),
      expect.stringContaining('--from-ip'),
      expect.stringContaining('--host'),
    ]);
  });

  it('does not repeat what a header carries that holds credentials', () => {
    const policies = POLICY('h', '{rules: [{when: [{key: "request.headers[authorization]", values: [x]}]}]}');
    const { nearest } = ask(policies, { headers: [['Authorization', 'Basic c2VjcmV0']] });
    expect(JSON.stringify(nearest)).not.toContain('c2VjcmV0');
    expect(nearest[0]?.lacking[0]?.observed).toBe('(a value of 14 characters)');
  });
});

import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../wire/call.ts';
import { modelOf } from '../testing.ts';
import { diffModels } from './diff.ts';
import { DIFF_DEFAULTS, type DiffOptions, type DiffResult } from './result.ts';

interface Configs {
  readonly before?: JsonObject;
  readonly after?: JsonObject;
  readonly options?: Partial<DiffOptions>;
}

function compared(before: string, after: string, { before: old, after: now, options }: Configs = {}): DiffResult {
  return diffModels(modelOf(before, old), modelOf(after, now ?? old), { profile: 'envoy-1.40', ...DIFF_DEFAULTS, ...options });
}

/** Findings in short: `gained http: callers | requests | before -> after`. */
function short({ findings }: DiffResult): readonly string[] {
  return findings.map(
    ({ change, transport, callers, requests, before, after }) =>
      `${change} ${transport}: ${callers} | ${requests} | ${before.text} -> ${after.text}`,
  );
}

const http = (result: DiffResult) =>
  short({ ...result, findings: result.findings.filter(({ transport }) => transport === 'http') });

function policy(name: string, spec: string, metadata = ''): string {
  return `---\nkind: AuthorizationPolicy\napiVersion: security.istio.io/v1\nmetadata: {name: ${name}, namespace: shop${metadata}}\nspec: ${spec}\n`;
}

const CART = `
kind: Deployment
apiVersion: apps/v1
metadata: {name: cart, namespace: shop}
spec: {template: {metadata: {labels: {app: cart}}, spec: {containers: [{name: main, ports: [{containerPort: 8080}]}]}}}
`;
const HTTP_SERVICE = `---
kind: Service
apiVersion: v1
metadata: {name: cart, namespace: shop}
spec: {selector: {app: cart}, ports: [{name: http, port: 80, targetPort: 8080}]}
`;
const SHOP = CART + HTTP_SERVICE;
const OPA = { extensionProviders: [{ name: 'opa', envoyExtAuthzGrpc: { service: 'opa.opa.svc.cluster.local', port: 9191 } }] };
const IDP = (rule: string) =>
  `---\nkind: RequestAuthentication\napiVersion: security.istio.io/v1\nmetadata: {name: idp, namespace: shop}\nspec: {jwtRules: [${rule}]}\n`;

describe('a comparison', () => {
  it('says nothing where nothing changes, and that it compared everything', () => {
    const rules = SHOP + policy('a', '{rules: [{to: [{operation: {methods: [GET]}}]}]}');
    expect(compared(rules, rules)).toMatchObject({ findings: [], notes: [], bounds: [], compared: { different: 0 } });
  });

  it('tells the added method alone, with the line of the rule on each side', () => {
    const rules = (methods: string) =>
      SHOP +
      policy(
        'a',
        `{selector: {matchLabels: {app: cart}}, rules: [{from: [{source: {principals: [td/ns/web/sa/front]}}], to: [{operation: {methods: ${methods}, paths: [/cart/*]}}]}]}`,
      );
    const result = compared(rules('[GET]'), rules('[GET, POST]'));
    expect(http(result)).toEqual(['gained http: td/ns/web/sa/front | POST /cart/* | refused with 403 -> allowed']);
    expect(result.findings[0]).toMatchObject({
      example: { facts: { method: 'POST', path: '/cart/other', peer: { uris: ['spiffe://td/ns/web/sa/front'] } } },
      before: { because: [{ text: 'no rule of ALLOW shop/a matches' }] },
      after: { because: [{ text: 'ALLOW shop/a rule[0]' }] },
    });
  });

  it('tells an ALLOW policy that is the first one: everything else is refused then', () => {
    const rule = policy('a', '{rules: [{from: [{source: {namespaces: [web]}}]}]}');
    expect(http(compared(SHOP, SHOP + rule))).toEqual([
      'lost http: any caller except namespace web | any request | allowed -> refused with 403',
    ]);
    expect(http(compared(SHOP + rule, SHOP))).toEqual([
      'gained http: any caller except namespace web | any request | refused with 403 -> allowed',
    ]);
  });

  it('tells a DENY that an earlier DENY covers only as far as it reaches further', () => {
    const first = policy('a', '{action: DENY, rules: [{to: [{operation: {paths: [/admin/*]}}]}]}');
    const second = (path: string) => policy('b', `{action: DENY, rules: [{to: [{operation: {paths: [${path}]}}]}]}`);
    expect(http(compared(SHOP + first, SHOP + first + second('/admin/users')))).toEqual([]);
    expect(http(compared(SHOP + first, SHOP + first + second('/admin*')))).toEqual([
      'lost http: any caller | /admin* except /admin/* | allowed -> refused with 403',
    ]);
  });

  it('tells another action', () => {
    const rules = (action: string) => SHOP + policy('a', `{action: ${action}, rules: [{to: [{operation: {methods: [GET]}}]}]}`);
    expect(http(compared(rules('DENY'), rules('ALLOW')))).toEqual([
      'gained http: any caller | GET | refused with 403 -> allowed',
      'lost http: any caller | methods except GET | allowed -> refused with 403',
    ]);
  });

  it('tells a provider that is asked now, one that is asked no longer, and one that cannot be used', () => {
    const custom = policy('a', '{action: CUSTOM, provider: {name: opa}, rules: [{to: [{operation: {paths: [/pay]}}]}]}');
    expect(http(compared(SHOP, SHOP + custom, { before: OPA }))).toEqual([
      'changed http: any caller | /pay | allowed -> decided by provider opa',
    ]);
    expect(http(compared(SHOP + custom, SHOP, { before: OPA }))).toEqual([
      'changed http: any caller | /pay | decided by provider opa -> allowed',
    ]);
    const broken = compared(SHOP + custom, SHOP + custom, { before: OPA, after: {} });
    expect(http(broken)).toEqual(['lost http: any caller | /pay | decided by provider opa -> refused with 403']);
    expect(broken.findings[0]?.after.because[0]?.text).toBe('CUSTOM shop/a rule[0], whose provider opa cannot be used');
  });

  it('is silent on dry runs and AUDIT but for a note, and tells a dry run that becomes real', () => {
    const deny = (dry: boolean, path: string) =>
      SHOP +
      policy(
        'a',
        `{action: DENY, rules: [{to: [{operation: {paths: [${path}]}}]}]}`,
        dry ? ', annotations: {istio.io/dry-run: "true"}' : '',
      );
    const dry = compared(deny(true, '/a'), deny(true, '/b'));
    expect(dry).toMatchObject({
      findings: [],
      notes: [{ text: 'DENY shop/a is a dry run and changed: what is logged changes, and no answer' }],
    });
    const real = compared(deny(true, '/a'), deny(false, '/a'));
    expect(http(real)).toEqual(['lost http: any caller | /a | allowed -> refused with 403']);
    expect(real.notes).toMatchObject([{ text: 'DENY shop/a is no longer a dry run: it is enforced now' }]);
    const audit = compared(SHOP, SHOP + policy('a', '{action: AUDIT, rules: [{}]}'));
    expect(audit).toMatchObject({
      findings: [],
      notes: [{ text: expect.stringContaining('AUDIT shop/a is for AUDIT and new') }],
    });
  });

  it('finds the path that a template leaves and a prefix does not', () => {
    const deny = (path: string) => SHOP + policy('a', `{action: DENY, rules: [{to: [{operation: {paths: ["${path}"]}}]}]}`);
    const result = compared(deny('/*'), deny('/{**}'));
    expect(http(result)).toEqual(['gained http: any caller | /* except /{**} | refused with 403 -> allowed']);
    expect(result.findings[0]?.example.facts.path).toMatch(/\[/);
    expect(http(compared(deny('/{**}'), deny('/{**}/{*}')))).toHaveLength(1);
  });

  it('takes namespaces, accounts, trust domains and principals for the one name that they are', () => {
    const rules = (source: string) => SHOP + policy('a', `{rules: [{from: [{source: ${source}}]}]}`);
    const added = (first: string, second: string) => http(compared(rules(first), rules(second)));
    expect(added('{principals: [td/ns/ops/*]}', '{principals: [td/ns/ops/*], namespaces: [ops]}')).toEqual([]);
    expect(added('{principals: [td/ns/ops/*]}', '{principals: [td/ns/ops/*], notNamespaces: [ops]}')).toEqual([
      'lost http: td/ns/ops/* | any request | allowed -> refused with 403',
    ]);
    expect(added('{serviceAccounts: [ops/bot]}', '{namespaces: [ops]}')).toEqual([
      'gained http: namespace ops except service account ops/bot | any request | refused with 403 -> allowed',
    ]);
    expect(added('{principals: ["*"]}', '{}')).toEqual([
      'gained http: callers without a certificate | any request | refused with 403 -> allowed',
    ]);
  });

  it('says what is rare about a request that needs it', () => {
    const rules = (source: string) => SHOP + policy('a', `{rules: [{from: [{source: ${source}}]}]}`);
    // No name of the namespace is the excluded one; a certificate with both names is.
    const result = compared(rules('{namespaces: [ops]}'), rules('{namespaces: [ops], notPrincipals: [td/ns/web/sa/front]}'));
    const findings = result.findings.filter(({ transport }) => transport === 'http');
    expect(findings.map(({ change, rare }) => [change, rare])).toEqual([['lost', 'a certificate with more than one name']]);
    expect(findings[0]?.example.facts.peer?.uris).toHaveLength(2);
    const headers = (values: string) =>
      SHOP + policy('a', `{rules: [{when: [{key: "request.headers[x-a]", values: ["1"]}${values}]}]}`);
    const twice = compared(headers(''), headers(', {key: "request.headers[x-a]", notValues: ["2"]}'));
    expect(twice.findings.map(({ change, rare }) => [change, rare])).toEqual([['lost', 'a header that is sent twice']]);
    expect(
      compared(headers(''), headers(', {key: "request.headers[x-a]", notValues: ["2"]}'), { options: { profile: 'envoy-1.36' } })
        .findings,
    ).toEqual([]);
  });

  it('compares addresses by their blocks', () => {
    const rules = (blocks: string) => SHOP + policy('a', `{rules: [{from: [{source: {ipBlocks: ${blocks}}}]}]}`);
    const result = compared(rules('[10.0.0.0/8]'), rules('[10.0.0.0/9, 10.128.0.0/10]'));
    expect(http(result)).toEqual([
      'lost http: any caller, from address 10.0.0.0/8 except 10.0.0.0/9 and 10.128.0.0/10 | any request | allowed -> refused with 403',
    ]);
    expect(result.findings[0]?.example.facts.directIp).toMatch(/^10\.(19[2-9]|2\d\d)\./);
    expect(http(compared(rules('[10.0.0.0/8]'), rules('[10.0.0.0/9, 10.128.0.0/9]')))).toEqual([]);
    expect(http(compared(rules('["0.0.0.0/0"]'), rules('["0.0.0.0/0", "::/0"]')))).toHaveLength(1);
  });
});

describe('tokens in a comparison', () => {
  const rule = '{issuer: https://idp.example, jwks: "{}"}';

  it('tells who is refused with 401 once tokens are judged', () => {
    expect(http(compared(SHOP, SHOP + IDP(rule)))).toEqual([
      'lost http: any caller, with a badly signed token of https://idp.example or a token of https://stranger.example | any request | allowed -> refused with 401: the token does not count',
    ]);
  });

  it('tells another audience, issuer and place', () => {
    expect(http(compared(SHOP + IDP(rule), SHOP + IDP('{issuer: https://idp.example, jwks: "{}", audiences: [shop]}')))[0]).toBe(
      'lost http: any caller, with a token of https://idp.example, with claim aud except shop | any request | allowed -> refused with 403: the audience of the token does not count',
    );
    expect(http(compared(SHOP + IDP(rule), SHOP + IDP('{issuer: https://new.example, jwks: "{}"}')))).toEqual([
      'gained http: any caller, with a token of https://new.example | any request | refused with 401: the token does not count -> allowed',
      'lost http: any caller, with a token of https://idp.example | any request | allowed -> refused with 401: the token does not count',
    ]);
    const moved = http(
      compared(SHOP + IDP(rule), SHOP + IDP('{issuer: https://idp.example, jwks: "{}", fromHeaders: [{name: x-token}]}')),
    );
    expect(moved.some((text) => text.includes('in header x-token'))).toBe(true);
  });

  it('tells that claims are seen no longer', () => {
    const allow = policy('a', '{rules: [{from: [{source: {requestPrincipals: ["https://idp.example/*"]}}]}]}');
    expect(http(compared(SHOP + IDP(rule) + allow, SHOP + allow))[0]).toBe(
      'lost http: any caller, with request principal https://idp.example/* | any request | allowed -> refused with 403',
    );
  });

  it('knows that CUSTOM stands before the tokens, and that a payload is no text', () => {
    const custom = policy(
      'a',
      '{action: CUSTOM, provider: {name: opa}, rules: [{when: [{key: "request.auth.claims[sub]", values: [ada]}]}]}',
    );
    expect(http(compared(SHOP + IDP(rule), SHOP + IDP(rule) + custom, { before: OPA }))).toEqual([]);
    const payload = policy('a', '{action: DENY, rules: [{when: [{key: request.auth.claims, values: [x]}]}]}');
    expect(http(compared(SHOP + IDP(rule), SHOP + IDP(rule) + payload))).toEqual([]);
  });

  it('says that rules on the header of a token hang on its text', () => {
    const deny = (value: string) =>
      policy(
        'a',
        `{action: DENY, rules: [{when: [{key: "request.headers[authorization]", values: ["${value}"]}, {key: "request.auth.claims[sub]", values: [ada]}]}]}`,
      );
    const forwarded = IDP('{issuer: https://idp.example, jwks: "{}", forwardOriginalToken: true}');
    const result = compared(SHOP + forwarded, SHOP + forwarded + deny('Bearer eyJ*'));
    expect(http(result)).toEqual([]);
    expect(result.bounds).toEqual(['not searched to the end: values of header authorization']);
  });

  it('notes what is done with tokens and is no verdict', () => {
    const result = compared(
      SHOP + IDP(rule),
      SHOP +
        IDP('{issuer: https://idp.example, jwks: "{\\"keys\\":[]}", forwardOriginalToken: true, outputPayloadToHeader: x-jwt}'),
    );
    expect(result.findings).toEqual([]);
    expect(result.notes.map(({ text }) => text.split(': ')[1])).toEqual([
      'its keys come from elsewhere; tokens that only the old keys sign are refused, which no example can show',
      'the workload gets the token now',
      'the payload is put in header x-jwt',
    ]);
  });

  it('says that a header which is made from claims was taken as sent', () => {
    const filled = IDP('{issuer: https://idp.example, jwks: "{}", outputClaimToHeaders: [{header: x-user, claim: sub}]}');
    const when = (value: string) => policy('a', `{rules: [{when: [{key: "request.headers[x-user]", values: [${value}]}]}]}`);
    expect(compared(SHOP + filled + when('ada'), SHOP + filled + when('bob')).bounds).toContain(
      'rules on header x-user, which RequestAuthentication fills from the token, were compared as if callers sent it',
    );
  });
});

describe('the mesh in a comparison', () => {
  const mtls = (spec: string) =>
    `---\nkind: PeerAuthentication\napiVersion: security.istio.io/v1\nmetadata: {name: p, namespace: shop}\nspec: ${spec}\n`;

  it('tells plain text that is refused, by port too', () => {
    expect(http(compared(SHOP + mtls('{mtls: {mode: PERMISSIVE}}'), SHOP + mtls('{mtls: {mode: STRICT}}')))).toEqual([
      'lost http: callers without a certificate | any request | allowed -> refused: plain text where mutual TLS is required',
    ]);
    const ports = (mode: string) =>
      mtls(`{selector: {matchLabels: {app: cart}}, mtls: {mode: PERMISSIVE}, portLevelMtls: {9090: {mode: ${mode}}}}`);
    expect(http(compared(SHOP + ports('PERMISSIVE'), SHOP + ports('STRICT')))).toEqual([
      'lost http: callers without a certificate | any request, port 9090 | allowed -> refused: plain text where mutual TLS is required',
    ]);
  });

  it('tells another trust domain and is silent on an alias that is written out', () => {
    const rule = (principals: string) => SHOP + policy('a', `{rules: [{from: [{source: {principals: ${principals}}}]}]}`);
    const moved = http(
      compared(rule('[cluster.local/ns/web/sa/front]'), rule('[cluster.local/ns/web/sa/front]'), {
        before: { trustDomain: 'old.example' },
        after: { trustDomain: 'new.example' },
      }),
    );
    expect(moved).toEqual([
      'gained http: new.example/ns/web/sa/front | any request | refused with 403 -> allowed',
      'lost http: old.example/ns/web/sa/front | any request | allowed -> refused with 403',
    ]);
    const written = compared(
      rule('[cluster.local/ns/web/sa/front]'),
      rule('[new.example/ns/web/sa/front, old.example/ns/web/sa/front]'),
      {
        before: { trustDomain: 'new.example', trustDomainAliases: ['old.example'] },
        after: { trustDomain: 'new.example' },
      },
    );
    expect(short(written)).toEqual([]);
  });

  it('tells another path normalisation by a spelling, and that spellings are not enumerated', () => {
    const deny = SHOP + policy('a', '{action: DENY, rules: [{to: [{operation: {paths: [/admin/*]}}]}]}');
    const mode = (normalization: string) => ({ pathNormalization: { normalization } });
    const result = compared(deny, deny, { before: mode('BASE'), after: mode('MERGE_SLASHES') });
    expect(result.findings).toMatchObject([{ change: 'lost', example: { facts: { path: expect.stringContaining('//') } } }]);
    expect(result.bounds.join()).toContain('spellings of paths');
    expect(compared(deny, deny, { before: mode('BASE'), after: mode('DEFAULT') })).toMatchObject({ findings: [], bounds: [] });
  });

  it('gives examples that the normalisation leaves as they are', () => {
    const deny = (path: string) => SHOP + policy('a', `{action: DENY, rules: [{to: [{operation: {paths: ["${path}"]}}]}]}`);
    // A path with an escaped letter never arrives as it is written, so a rule on it decides nothing.
    expect(short(compared(SHOP, deny('/%61dmin'), {})).filter((text) => text.includes(' http'))).toEqual([]);
    expect(http(compared(SHOP, deny('/admin'), {}))).toHaveLength(1);
  });

  it('tells another root namespace', () => {
    const inRoot = `---\nkind: AuthorizationPolicy\napiVersion: security.istio.io/v1\nmetadata: {name: none, namespace: mesh-root}\nspec: {}\n`;
    const result = compared(SHOP + inRoot, SHOP + inRoot, { after: { rootNamespace: 'mesh-root' } });
    expect(http(result)).toEqual(['lost http: any caller | any request | allowed -> refused with 403']);
    expect(result.findings[0]?.workloads.map(({ title }) => title)).toContain('Deployment shop/cart');
  });

  it('tells TCP apart, and leaves it out where every port is HTTP', () => {
    const deny = policy('a', '{action: DENY, rules: [{to: [{operation: {methods: [DELETE]}}]}]}');
    const only = (text: string) =>
      compared(text, text + deny).findings.filter(({ workloads }) =>
        workloads.some(({ title }) => title === 'Deployment shop/cart'),
      );
    expect(only(CART).map(({ transport, requests, after }) => [transport, requests, after.text])).toEqual([
      ['http', 'DELETE', 'refused with 403'],
      ['tcp', 'any connection', 'connection closed'],
    ]);
    expect(only(SHOP).map(({ transport }) => transport)).toEqual(['http']);
    // Also where the Service is gone afterwards, as in a folder of policies alone.
    expect(
      compared(SHOP + deny, '')
        .findings.filter(({ workloads }) => workloads.some(({ isKnown }) => isKnown))
        .map(({ transport }) => transport),
    ).toEqual(['http']);
  });
});

describe('the workloads of a comparison', () => {
  const deny = (attachment: string, path = '/a') =>
    policy('a', `{${attachment}action: DENY, rules: [{to: [{operation: {paths: [${path}]}}]}]}`);
  const titles = (result: DiffResult) => [
    ...new Set(
      result.findings
        .filter(({ transport }) => transport === 'http')
        .flatMap(({ workloads }) => workloads.map(({ title }) => title)),
    ),
  ];

  it('are those of policies where no workload is in the files', () => {
    expect(titles(compared('', deny('selector: {matchLabels: {app: web}}, ')))).toEqual(['pods with app=web in shop']);
    expect(titles(compared('', deny('')))).toEqual(['other workloads in shop']);
  });

  it('are those of the selector before and of the one after', () => {
    const result = compared(
      SHOP + deny('selector: {matchLabels: {app: cart}}, '),
      SHOP + deny('selector: {matchLabels: {app: web}}, '),
    );
    expect(
      result.findings
        .filter(({ transport }) => transport === 'http')
        .map(({ change, workloads }) => [change, workloads.map(({ title }) => title)]),
    ).toEqual([
      ['gained', ['Deployment shop/cart']],
      ['lost', ['pods with app=web in shop']],
    ]);
  });

  it('include pods that two selectors select', () => {
    const allow = policy('b', '{selector: {matchLabels: {tier: front}}, rules: [{to: [{operation: {paths: [/b]}}]}]}');
    const all = policy('a', '{selector: {matchLabels: {app: web}}, rules: [{}]}');
    // Without `a`, pods with both labels are left with `b` alone.
    expect(titles(compared(allow + all, allow))).toEqual(['pods with app=web,tier=front in shop']);
  });

  it('are Gateways and waypoints that policies refer to', () => {
    const ref = (group: string, kind: string, name: string) =>
      `targetRefs: [{group: "${group}", kind: ${kind}, name: ${name}}], `;
    expect(titles(compared('', deny(ref('gateway.networking.k8s.io', 'Gateway', 'front'))))).toEqual(['Gateway shop/front']);
    expect(titles(compared('', deny(ref('', 'Service', 'cart'))))).toEqual(['waypoint of Service shop/cart']);
    expect(titles(compared('', deny(ref('networking.istio.io', 'ServiceEntry', 'api'))))).toEqual([
      'waypoint of ServiceEntry shop/api',
    ]);
  });

  it('have the rules of ztunnel where the mesh is ambient', () => {
    const ambient = SHOP.replace('labels: {app: cart}', 'labels: {app: cart, istio.io/dataplane-mode: ambient}');
    const allow = (source: string) => policy('a', `{rules: [{from: [{source: ${source}}]}]}`);
    const result = compared(ambient + allow('{namespaces: [web]}'), ambient + allow('{namespaces: [web, ops]}'));
    const own = result.findings.filter(({ workloads }) => workloads.some(({ title }) => title === 'Deployment shop/cart'));
    expect(own).toMatchObject([
      {
        change: 'gained',
        transport: 'tcp',
        callers: 'namespace ops',
        example: { facts: { peer: { uris: ['spiffe://cluster.local/ns/ops/sa/default'] } } },
      },
    ]);
  });
});

describe('the bounds of a comparison', () => {
  const many = (method: string) =>
    SHOP +
    Array.from({ length: 20 }, (_, index) =>
      policy(`p${index}`, `{action: DENY, rules: [{to: [{operation: {methods: [${method}], paths: [/p${index}]}}]}]}`),
    ).join('');

  it('are said when more is found than is told', () => {
    const result = compared(many('GET'), many('POST'), { options: { limit: 5 } });
    expect(result.findings).toHaveLength(5);
    expect(result.bounds).toEqual(['there are more findings than the 5 that are given']);
  });

  it('are said when the search ended early, whatever was found', () => {
    const result = compared(many('GET'), many('POST'), { options: { budget: 3 } });
    expect(result.bounds).toEqual(['the search ended after 3 steps']);
  });

  it('are said for a rule with too many combinations', () => {
    const wide = (count: number) =>
      Array.from({ length: count }, (_, index) => `{source: {namespaces: [n${index}], ipBlocks: [10.0.${index}.0/24]}}`).join(
        ', ',
      );
    const tall = (count: number) =>
      Array.from({ length: count }, (_, index) => `{operation: {methods: [M${index}], paths: [/p${index}]}}`).join(', ');
    const rules = (count: number) => SHOP + policy('a', `{rules: [{from: [${wide(count)}], to: [${tall(count)}]}]}`);
    expect(compared(rules(200), rules(201)).bounds).toContain(
      'not searched to the end: rule 0 of shop/a, which has too many combinations',
    );
    expect(compared(rules(20), rules(21))).toMatchObject({ bounds: [], compared: { unconfirmed: 0 } });
  });
});

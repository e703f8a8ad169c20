import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runVerb } from '../../../test/support/cli.ts';

const ROOT = resolve(import.meta.dirname, '../../..');
let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-istio-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** On the example shop, unless other files are named. */
function istio(...argv: readonly string[]) {
  const files = argv.includes('-f') ? [] : ['-f', 'examples/istio'];
  return runVerb(['istio', ...argv, ...files], { cwd: ROOT });
}

const CART = ['explain', '-n', 'shop', '--to', 'svc/cart'];
const READ = [...CART, '--from', 'web/front', '--method', 'GET', '--path', '/cart/1'];

function write(name: string, text: string): string {
  const file = join(folder, name);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, text);
  return file;
}

describe('istio explain', () => {
  it('ends with 0 for what is allowed, with 2 for what is not, whoever refuses it', async () => {
    expect(await istio(...READ)).toMatchObject({ code: 0, stdout: expect.stringContaining('ALLOWED  GET /cart/1'), stderr: '' });
    expect(await istio(...CART, '--from', 'web/front', '--method', 'POST', '--path', '/cart/1')).toMatchObject({ code: 2 });
    const plain = await istio(...CART, '--from', 'none', '--method', 'GET', '--path', '/cart/1');
    expect(plain).toMatchObject({
      code: 2,
      stdout: expect.stringContaining('Mutual TLS is STRICT, and the caller shows no certificate'),
    });
    expect(await istio(...READ, '--path', '/cart/%00')).toMatchObject({
      code: 2,
      stdout: expect.stringContaining('path_normalization_failed'),
    });
  });

  it('takes files without -f as well, as lint and who-can do', async () => {
    const bare = (...argv: readonly string[]) => runVerb(['istio', ...argv, 'examples/istio'], { cwd: ROOT });
    expect(await bare(...READ)).toEqual(await istio(...READ));
    expect(await bare('lint')).toEqual(await istio('lint'));
    const who = ['who-can', 'GET', '/cart/1', '-n', 'shop', '--to', 'svc/cart'];
    expect(await bare(...who)).toEqual(await istio(...who));
    expect(await runVerb(['istio', 'lint', 'no-such-folder'], { cwd: ROOT })).toMatchObject({ code: 3 });
  });

  it('names policy, rule, field, value and line', async () => {
    const { stdout } = await istio(...READ, '--path', '/cart/admin');
    expect(stdout).toContain('rbac_access_denied_matched_policy[ns[shop]-policy[no-admin]-rule[0]]');
    expect(stdout).toMatch(/DENY shop\/no-admin rule\[0\] {2}examples\/istio\/policies\.yaml:\d+/);
    expect(stdout).toMatch(
      /to\[0\]\.operation\.paths\[0\] {2}\/cart\/admin\* {2}\(saw \/cart\/admin\) {2}examples\/istio\/policies\.yaml:\d+/,
    );
  });

  it('says the same as JSON, in one shape', async () => {
    const { stdout } = await istio(...READ, '-o', 'json');
    const [answer, ...others] = JSON.parse(stdout).answers;
    expect(others).toEqual([]);
    expect(Object.keys(answer)).toEqual([
      'target',
      'profile',
      'transport',
      'verdict',
      'decided',
      'matches',
      'allowPolicies',
      'nearest',
      'custom',
      'mtls',
      'notes',
    ]);
    expect(answer).toMatchObject({ decided: 'allow-rule', verdict: { v: 'allow', s: 200 }, profile: 'envoy-1.40' });
    expect(answer.matches[0].held[0].place).toMatchObject({ file: 'examples/istio/policies.yaml', line: expect.any(Number) });
  });

  it('reads the request from a file, and lets options stand over it', async () => {
    const request = write('request.http', 'POST /cart/1 HTTP/1.1\r\nHost: cart\r\n\r\n');
    const read = await istio(...CART, '--from', 'web/front', '--request', request);
    expect(read).toMatchObject({ code: 2, stdout: expect.stringContaining('Read as the head of an HTTP request.') });
    expect(await istio(...CART, '--from', 'web/front', '--request', request, '--method', 'GET')).toMatchObject({ code: 0 });
    const log = await istio(...CART, '--from', 'web/front', '--request', 'examples/istio/denied.txt');
    expect(log.stdout).toContain('The log says 403, rbac_access_denied_matched_policy[none]: as below.');
    const other = await istio(...CART, '--from', 'ops/reports', '--request', 'examples/istio/denied.txt', '--method', 'GET');
    expect(other).toMatchObject({ code: 0, stdout: expect.stringContaining('not as below') });
  });

  it('takes claims from the option or from a file, and tells what became of the token', async () => {
    const claims = { iss: 'https://idp.shop.example', sub: 'ada', aud: 'cart', groups: ['customers'] };
    const post = [...CART, '--from', 'web/front', '--method', 'POST', '--path', '/cart/1'];
    expect(await istio(...post, '--jwt-claims', JSON.stringify(claims))).toMatchObject({ code: 0 });
    expect(await istio(...post, '--jwt-claims', `@${write('claims.json', JSON.stringify(claims))}`)).toMatchObject({ code: 0 });
    const unsigned = await istio(...post, '--jwt-claims', JSON.stringify(claims), '--jwt-invalid');
    expect(unsigned).toMatchObject({ code: 2, stdout: expect.stringContaining('RequestAuthentication shop/customers') });
    expect(unsigned.stdout).toContain('401');
  });

  it('answers with the profile that was asked for', async () => {
    const path = '/cart/..;a/admin/1';
    const newest = await istio(...READ, '--path', path);
    const older = await istio(...READ, '--path', path, '--profile', '1.29');
    expect([newest.stdout.includes('profile envoy-1.40'), older.stdout.includes('profile envoy-1.38')]).toEqual([true, true]);
    expect(await istio(...READ, '--profile', '0.1')).toMatchObject({ code: 64 });
  });

  it('ends with 1 where an external authoriser decides whom nobody asked, unless somebody says what it answers', async () => {
    const text = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: ask, namespace: shop}
spec: {action: CUSTOM, provider: {name: guard}, rules: [{}]}
`;
    const config = 'extensionProviders: [{name: guard, envoyExtAuthzGrpc: {service: guard.ops.svc.cluster.local, port: 9000}}]\n';
    const argv = [
      'explain',
      '-n',
      'shop',
      '--to',
      'app=cart',
      '-f',
      write('custom/ask.yaml', text),
      '--mesh-config',
      write('mesh-config', config),
    ];
    const open = await istio(...argv);
    expect(open).toMatchObject({ code: 1, stdout: expect.stringContaining('DEPENDS') });
    expect(open.stdout).toMatch(/if it allows: allowed\n {2}if it denies: denied, 403/);
    expect(await istio(...argv, '--authoriser', 'allow')).toMatchObject({ code: 0 });
    expect(await istio(...argv, '--authoriser', 'deny')).toMatchObject({ code: 2 });
  });

  it('ends with 3 for what cannot be read or found, with a hint, and with 64 for wrong options', async () => {
    const cases: readonly (readonly [string, readonly string[]])[] = [
      ['WORKLOAD_UNKNOWN', ['explain', '-n', 'shop', '--to', 'svc/carts']],
      ['WORKLOAD_UNKNOWN', ['explain', '-n', 'web', '--to', 'svc/cart']],
      ['MESH_UNREADABLE', [...READ, '-f', 'nowhere']],
      ['MESH_INCOMPLETE', [...READ, '-f', write('broken.yaml', 'kind: [\n')]],
      ['REQUEST_UNREADABLE', [...READ, '--request', write('nothing', 'hello')]],
      ['REQUEST_UNREADABLE', [...READ, '--jwt-claims', '[]']],
      ['MESH_CONFIG_INVALID', [...READ, '--mesh-config', write('service.yaml', 'kind: Service\n')]],
    ];
    for (const [code, argv] of cases)
      expect(await istio(...argv), argv.join(' ')).toMatchObject({
        code: 3,
        stderr: expect.stringContaining(`[${code}]`),
        stdout: '',
      });
    expect((await istio('explain', '-n', 'shop', '--to', 'svc/carts')).stderr).toContain('did you mean `cart`?');
    const wrong = [
      ['explain'],
      [...READ, '--port', 'x'],
      [...READ, '--from', 'a b'],
      [...READ, '--header', 'x'],
      [...READ, '--proxy', 'x'],
      [...READ, '--from-ip', 'x'],
      [...READ, '-f', '-', '--request', '-'],
    ];
    for (const argv of wrong) expect((await istio(...argv)).code, argv.join(' ')).toBe(64);
  });

  it('goes on without what cannot be read when told to, and says so', async () => {
    write('partly/a.yaml', 'kind: [\n');
    write(
      'partly/b.yaml',
      'apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {selector: {app: x}, ports: [{port: 80}]}\n',
    );
    const argv = ['explain', '--to', 'svc/x', '-f', join(folder, 'partly')];
    expect(await istio(...argv)).toMatchObject({ code: 3, stdout: '' });
    expect(await istio(...argv, '--partial')).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('Not all files could be read'),
    });
  });
});

describe('what stands beside the answer', () => {
  const port = 'apiVersion: v1\nkind: Service\nmetadata: {name: x}\nspec: {selector: {app: x}, ports: [{port: 80}]}\n';

  it('is a refusal where there is no object at all: nothing would be denied', async () => {
    const argv = ['explain', '--to', 'app=x', '-f', write('empty/values.yaml', 'replicas: 1\n')];
    expect(await istio(...argv)).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('MESH_') });
    const none = ['explain', '--to', 'app=x', '-f', write('none/values.yaml', '# nothing\n')];
    expect(await istio(...none)).toMatchObject({ code: 3, stderr: expect.stringContaining('[MESH_EMPTY]') });
    const config = write(
      'config/mesh.yaml',
      'apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nspec: {meshConfig: {trustDomain: td1}}\n',
    );
    const alone = ['explain', '--to', 'app=x', '-f', config];
    expect(await istio(...alone)).toMatchObject({ code: 3, stdout: '', stderr: expect.stringContaining('[MESH_EMPTY]') });
  });

  it('names what can change every answer and was not taken into account', async () => {
    const filter = 'apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: f}\nspec: {}\n';
    const argv = ['explain', '--to', 'svc/x', '-f', write('filter/a.yaml', `${port}---\n${filter}`)];
    expect((await istio(...argv)).stdout).toContain('Not taken into account: 1 EnvoyFilter.');
    const json = await istio(...argv, '-o', 'json');
    expect(JSON.parse(json.stdout).caveats).toEqual([{ code: 'left-aside', text: expect.stringContaining('EnvoyFilter') }]);
  });

  it('never holds the text of a token, wherever it stood in the request', async () => {
    const token = `${btoa('{"alg":"RS256"}')}.${btoa('{"iss":"https://idp.shop.example"}')}.c2ln`.replaceAll('=', '');
    const mesh = `${port}---
apiVersion: security.istio.io/v1
kind: RequestAuthentication
metadata: {name: r}
spec: {jwtRules: [{issuer: https://idp.shop.example, fromParams: [t], fromCookies: [c], fromHeaders: [{name: x-token}]}]}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: p}
spec: {rules: [{to: [{operation: {paths: [/other]}}], when: [{key: "request.headers[:path]", values: [/x]}]}]}
`;
    const request = `GET /x/../y?t=${token} HTTP/1.1\nHost: a\nX-Token: ${token}\nCookie: c=${token}\nAuthorization: Bearer ${token}\n`;
    const argv = ['explain', '--to', 'svc/x', '-f', write('token/a.yaml', mesh), '--request', write('token/request', request)];
    for (const format of ['table', 'json']) {
      const { stdout, stderr } = await istio(...argv, '-o', format);
      expect(stdout).toContain('/x/../y');
      expect(`${stdout}${stderr}`).not.toContain(token.slice(0, 20));
      expect(`${stdout}${stderr}`).not.toMatch(/[\ue000-\uf8ff]/);
    }
  });

  it('is the address that a gateway believes, by the proxies before it', async () => {
    const mesh = `apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: g}
spec: {gatewayClassName: istio}
---
apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: p}
spec: {rules: [{from: [{source: {remoteIpBlocks: [198.51.100.7]}}]}]}
`;
    const argv = [
      'explain',
      '--to',
      'gateway/g',
      '-f',
      write('hops/a.yaml', mesh),
      '--header',
      'x-forwarded-for: 198.51.100.7',
      '--from-ip',
      '10.0.0.1',
    ];
    expect((await istio(...argv)).code).toBe(2);
    expect((await istio(...argv, '--trusted-hops', '1')).code).toBe(0);
    expect((await istio(...argv, '--trusted-hops', 'x')).code).toBe(64);
  });
});

describe('istio who-can', () => {
  it('lists callers by rule, with lines, and the accounts of the files', async () => {
    const { code, stdout } = await istio('who-can', 'GET', '/cart/1', '-n', 'shop', '--to', 'svc/cart');
    expect(code).toBe(0);
    expect(stdout).toMatch(/principal cluster\.local\/ns\/web\/sa\/front {2}examples\/istio\/policies\.yaml:\d+/);
    expect(stdout).toMatch(/Of 4 service accounts in these files, 2 may:\n {2}ops\/reports\n {2}web\/front/);
    const json = await istio('who-can', 'GET', '/cart/1', '-n', 'shop', '--to', 'svc/cart', '-o', 'json');
    expect(JSON.parse(json.stdout).answers[0]).toMatchObject({ mtls: 'STRICT', bounded: false, accounts: expect.any(Array) });
  });

  it('ends with 2 when nobody may', async () => {
    const { code, stdout } = await istio('who-can', 'PATCH', '/cart/1', '-n', 'shop', '--to', 'svc/cart');
    expect([code, stdout.includes('Nobody: no ALLOW rule covers this request.')]).toEqual([2, true]);
  });
});

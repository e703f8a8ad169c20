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

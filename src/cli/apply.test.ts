import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CliGateway, cliGateway, runVerb, temporaryFolder } from '../../test/support/cli.ts';
import { POLICY, person } from '../../test/support/control-gateway.ts';

const folder = temporaryFolder();
let gateway: CliGateway;
let token: string;
beforeAll(async () => {
  gateway = await cliGateway();
  token = await gateway.tokenOf(person('grace@acme.example', ['platform']));
});
afterAll(async () => {
  await gateway.close();
  folder.dispose();
});

const CONFIG = `origin: https://access.acme.example
listen: {proxy: ":8443", control: ":8444"}
tls: external
administrators: [group:platform]
identity:
  - name: okta
    oidc: {issuer: "https://unreachable.invalid", clientId: fairlead, audience: [fairlead]}
    owns: {users: ["*"], groups: ["*"]}
targets: [{name: web, hosts: [web.acme.example], http: {url: "https://unreachable.invalid"}}]
policies: [{path: ./rules}]
`;
const rules = (name: string, action = 'http.get'): string => `apiVersion: fairlead.dev/v1
kind: AccessPolicy
metadata: {name: web}
spec:
  rules:
    - {name: ${name}, who: [anyone], can: [${action}], on: ["web/**"]}
`;
const TEST = `apiVersion: fairlead.dev/v1
kind: PolicyTest
metadata: {name: web}
spec:
  cases:
    - {name: nobody reads, caller: {user: ada@acme.example}, request: {action: http.get, resource: web/x}, expect: {verdict: deny}}
`;

let made = 0;
function place(files: Readonly<Record<string, string>>): string {
  const cwd = join(folder.path, String(++made));
  mkdirSync(cwd);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(cwd, name)), { recursive: true });
    writeFileSync(join(cwd, name), text);
  }
  return cwd;
}

const apply = (cwd: string, ...argv: string[]) =>
  runVerb(['apply', ...argv], { cwd, env: { FAIRLEAD_ORIGIN: gateway.origin, FAIRLEAD_TOKEN: token } });
const active = () => gateway.activation.current();

describe('fairlead apply', () => {
  it('makes named policies active, and tells the revision', async () => {
    const cwd = place({ 'somewhere/web.yaml': rules('named') });
    const ran = await apply(cwd, 'somewhere');
    expect(ran).toEqual({ code: 0, stdout: `Active: ${active().revision}\n`, stderr: '' });
    expect(active().files).toEqual([{ path: 'somewhere/web.yaml', text: rules('named') }]);
  });

  it('takes the policies of the configuration that lies here, named as the gateway itself names them', async () => {
    const cwd = place({ 'fairlead.yaml': CONFIG, 'rules/web.yaml': rules('configured'), 'policies/web.yaml': 'not this' });
    expect((await apply(cwd)).code).toBe(0);
    expect(active().files).toEqual([{ path: 'rules/web.yaml', text: rules('configured') }]);
    const { revision } = active();
    const elsewhere = place({});
    expect((await apply(elsewhere, '-c', join(relative(elsewhere, cwd), 'fairlead.yaml'))).code).toBe(0);
    expect(active().revision).toBe(revision);
  });

  it('takes ./policies where there is no configuration', async () => {
    expect((await apply(place({ 'policies/web.yaml': rules('plain') }))).code).toBe(0);
    expect(active().files).toEqual([{ path: 'policies/web.yaml', text: rules('plain') }]);
  });

  it('refuses what names no policy, and changes nothing', async () => {
    const { revision } = active();
    const empty = place({ 'policies/README.md': 'none' });
    expect(await apply(empty)).toMatchObject({ code: 3, stderr: expect.stringContaining('[POLICY_UNREADABLE]') });
    expect((await apply(place({}))).stderr).toContain('there is no such file or folder');
    expect((await apply(empty, '-c', 'absent.yaml')).stderr).toContain('[CONFIG_UNREADABLE]');
    const both = await apply(empty, '-c', 'fairlead.yaml', 'policies');
    expect(both).toMatchObject({ code: 64, stderr: expect.stringContaining('[USAGE]') });
    const broken = place({ 'fairlead.yaml': CONFIG.replace('tls: external', 'tls: none'), 'rules/web.yaml': rules('x') });
    expect(await apply(broken)).toMatchObject({ code: 3, stderr: expect.stringMatching(/^fairlead\.yaml:3:\d+: error: /) });
    expect(active().revision).toBe(revision);
  });

  it('tells every error of the gateway with a place that can be opened, and ends with 1', async () => {
    const { revision } = active();
    const cwd = place({ 'fairlead.yaml': CONFIG, 'rules/web.yaml': rules('wrong', 'http.gte'), 'sub/x': '' });
    const { code, stdout } = await apply(join(cwd, 'sub'), '-c', '../fairlead.yaml');
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^\.\.\/rules\/web\.yaml:6:42: error: .*`http\.gte`.*\n {4}help: .*\nNot applied: the active policy stays as it is\.\n$/,
    );
    const data = JSON.parse((await apply(cwd, '-o', 'json')).stdout) as object;
    expect(data).toMatchObject({ applied: false, activatable: false, diagnostics: [{ file: 'rules/web.yaml', line: 6 }] });
    expect(active().revision).toBe(revision);
  });

  it('tells a failed test, and a rule that nothing enforces, by name', async () => {
    const failed = await apply(place({ 'policies/web.yaml': rules('tested'), 'policies/tests.yaml': TEST }));
    expect(failed.code).toBe(1);
    expect(failed.stdout).toMatch(/^policies\/tests\.yaml:6: error: test `web\/nobody reads`: expected `deny`, got `allow`/);
    const must = rules('held')
      .replace('can: [http.get]', 'must: [http.get]')
      .replace('["web/**"]', '["web/**"], require: {approval: {from: [group:a]}}');
    const held = await apply(place({ 'policies/web.yaml': must }));
    expect([held.code, held.stdout]).toEqual([1, expect.stringContaining('rule `web/held` requires `approval`')]);
  });

  it('changes nothing when another revision has become active than the one that was seen', async () => {
    const cwd = place({ 'policies/web.yaml': rules('first'), 'other/web.yaml': rules('second') });
    const seen = active().revision;
    expect((await apply(cwd, '--expect', seen)).code).toBe(0);
    const { revision } = active();
    expect(await apply(cwd, 'other', '--expect', seen)).toMatchObject({
      code: 1,
      stdout: `Not applied: ${seen} is no longer active; another revision has become so.\n`,
    });
    expect(active().revision).toBe(revision);
  });

  it('ends with 2 for those who may not', async () => {
    const cwd = place({ 'policies/web.yaml': POLICY.text });
    const ada = await gateway.tokenOf(person('ada@acme.example', ['data']));
    const ran = await runVerb(['apply'], { cwd, env: { FAIRLEAD_ORIGIN: gateway.origin, FAIRLEAD_TOKEN: ada } });
    expect(ran).toMatchObject({ code: 2, stdout: '', stderr: expect.stringContaining('[NO_RULE]') });
  });
});

describe('fairlead whoami', () => {
  it('is one line for people and the same for programs', async () => {
    const { stdout } = await gateway.grace('whoami');
    expect(stdout).toMatch(new RegExp(`^SUBJECT .*\nuser:grace@acme\\.example +okta +platform +yes +${gateway.origin}\n$`));
    const me = JSON.parse((await gateway.ada('whoami', '-o', 'json')).stdout) as object;
    expect(me).toMatchObject({ subject: 'user:ada@acme.example', administrator: false });
  });
});

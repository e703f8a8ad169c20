import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { runVerb, temporaryFolder } from '../../test/support/cli.ts';
import { configJsonSchema } from '../config/json-schema.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const folder = temporaryFolder();
afterAll(() => folder.dispose());
afterEach(() => vi.restoreAllMocks());

/** Nothing that it names exists or answers: no certificate, no secret, no issuer, no upstream. */
const CONFIG = `origin: https://access.acme.example
listen: {proxy: ":8443", control: ":8444", admin: "127.0.0.1:9090"}
tls: {cert: ./absent.pem, key: {secret: "file:///nonexistent/key"}}
store: sqlite:./absent
administrators: [group:platform]
identity:
  - name: acme
    oidc: {issuer: "https://unreachable.invalid", clientId: fairlead, audience: [fairlead]}
    owns: {users: ["*@acme.example"], groups: ["*"]}
targets: [{name: web, hosts: [web.acme.example], http: {url: "https://unreachable.invalid"}}]
policies: [{path: ./policies}]
`;

const policy = (rules: string): string =>
  `apiVersion: fairlead.dev/v1\nkind: AccessPolicy\nmetadata: {name: web}\nspec:\n  rules:\n${rules}`;
const GOOD = policy('    - {name: reads, who: [anyone], can: [http.get], on: ["web/**"]}\n');
const MISSPELT = policy('    - {name: reads, who: [anyone], can: [http.gte], on: ["wbe/**"]}\n');
const tests = (verdict: string): string => `apiVersion: fairlead.dev/v1
kind: PolicyTest
metadata: {name: web}
spec:
  cases:
    - name: a reader reads
      caller: {user: ada@acme.example}
      request: {action: http.get, resource: web/x}
      expect: {verdict: ${verdict}}
`;

let made = 0;
/** A folder with these files; `fairlead.yaml` as above when it is not among them. */
function place(files: Readonly<Record<string, string>>): string {
  const cwd = join(folder.path, String(++made));
  for (const [name, text] of Object.entries({ 'fairlead.yaml': CONFIG, ...files })) {
    mkdirSync(dirname(join(cwd, name)), { recursive: true });
    writeFileSync(join(cwd, name), text);
  }
  return cwd;
}

const check = (cwd: string, ...argv: string[]) => runVerb(['check', ...argv], { cwd });

describe('fairlead check', () => {
  it('accepts what is right, and reaches nothing', async () => {
    const reached = vi.spyOn(globalThis, 'fetch');
    const cwd = place({ 'policies/web.yaml': GOOD, 'policies/tests.yaml': tests('allow') });
    expect(await check(cwd)).toEqual({
      code: 0,
      stdout: '2 files, 1 rule, 1 test: 1 passed, 0 failed; 0 errors, 0 warnings\n',
      stderr: '',
    });
    expect(reached).not.toHaveBeenCalled();
  });

  it('tells all errors of a configuration with their places, and ends with 3', async () => {
    const broken = CONFIG.replace('store: sqlite', 'stor: sqlite').replace('clientId: fairlead, ', '');
    const { code, stdout, stderr } = await check(place({ 'fairlead.yaml': broken, 'policies/web.yaml': GOOD }));
    expect([code, stderr]).toEqual([3, '']);
    expect(stdout).toMatch(/^fairlead\.yaml:4:1: error: .*`stor`.*\n {4}help: .*`store`/);
    expect(stdout).toMatch(/^fairlead\.yaml:8:\d+: error: .*clientId/m);
    expect(stdout).toMatch(/^fairlead\.yaml: 2 errors, 0 warnings; policies were not read\n$/m);
    const data = await check(place({ 'fairlead.yaml': broken }), '-o', 'json');
    const diagnostics: unknown = expect.arrayContaining([expect.objectContaining({ line: 4 })]);
    expect(JSON.parse(data.stdout)).toMatchObject({ activatable: false, diagnostics });
  });

  it('tells all errors of policies with file, line and column, and ends with 3', async () => {
    const cwd = place({ 'policies/web.yaml': MISSPELT });
    const { code, stdout } = await check(cwd);
    expect(code).toBe(3);
    expect(stdout).toMatch(/^policies\/web\.yaml:6:42: error: .*`http\.gte`.*\n {4}help: .*`http\.get`/m);
    expect(stdout).toMatch(/^policies\/web\.yaml:6:58: error: .*`wbe`/m);
    expect(stdout).toMatch(/^1 file: 2 errors, 0 warnings\n$/m);
    expect(parse((await check(cwd, '-o', 'yaml')).stdout)).toMatchObject({ activatable: false });
  });

  it('tells a failed test with its place, and ends with 1', async () => {
    const { code, stdout } = await check(place({ 'policies/web.yaml': GOOD, 'policies/tests.yaml': tests('deny') }));
    expect(code).toBe(1);
    expect(stdout).toMatch(/^policies\/tests\.yaml:6: error: test `web\/a reader reads`: expected `deny`, got `allow`/);
    expect(stdout).toContain('0 passed, 1 failed; 0 errors, 0 warnings; this version would not activate it\n');
  });

  it('tells warnings, which change no exit code', async () => {
    const open = policy('    - {name: open, who: [anonymous], can: [http.get], on: ["web/**"]}\n');
    const { code, stdout } = await check(place({ 'policies/web.yaml': open }));
    expect(code).toBe(0);
    expect(stdout).toMatch(/^policies\/web\.yaml:6:\d+: warning: .*\[ANONYMOUS_CAN\]/);
    expect(stdout).toContain('0 errors, 1 warning\n');
  });

  it('tells that an obligation has no enforcer, by rule and name, and ends with 1', async () => {
    const held = policy(
      '    - {name: held, who: [anyone], must: [http.post], on: ["web/**"], require: {approval: {from: [group:leads]}}}\n',
    );
    const { code, stdout } = await check(place({ 'policies/web.yaml': held }));
    expect([code, stdout]).toEqual([1, expect.stringContaining('rule `web/held` requires `approval`')]);
  });

  it('reads the paths that are named in place of those of the configuration', async () => {
    const cwd = place({ 'policies/web.yaml': 'broken', 'other/web.yaml': GOOD });
    expect(await check(cwd, 'other')).toMatchObject({ code: 0, stdout: expect.stringContaining('1 file, 1 rule') });
    expect(await check(cwd, 'other', 'absent')).toMatchObject({
      code: 3,
      stderr: expect.stringContaining(`\`${join(cwd, 'absent')}\`: there is no such file or folder [POLICY_UNREADABLE]`),
    });
  });

  it('names places from where it was called, also when the configuration lies elsewhere', async () => {
    const cwd = place({ 'policies/web.yaml': MISSPELT });
    const elsewhere = place({});
    const there = relative(elsewhere, cwd);
    const { stdout } = await check(elsewhere, '-c', join(there, 'fairlead.yaml'));
    expect(stdout.startsWith(`${join(there, 'policies/web.yaml')}:6:42: error:`)).toBe(true);
  });

  it('says that there are no policies, where they are missing', async () => {
    const none = await check(place({ 'fairlead.yaml': CONFIG.replace('policies: [{path: ./policies}]\n', '') }));
    expect([none.code, none.stdout]).toEqual([0, expect.stringMatching(/^No policy files: a gateway would deny every call/)]);
    expect(await check(place({}))).toMatchObject({ code: 3, stderr: expect.stringContaining('[POLICY_UNREADABLE]') });
  });

  it('says in one sentence that the configuration is missing, or is none', async () => {
    const cwd = join(folder.path, 'empty');
    mkdirSync(cwd);
    expect(await check(cwd, 'policies')).toEqual({
      code: 3,
      stdout: '',
      stderr: `fairlead: the configuration \`fairlead.yaml\`: there is no such file [CONFIG_UNREADABLE]
  name it with \`-c FILE\`: policies are read by the targets and identity sources that it names
`,
    });
    expect((await check(cwd, '-c', '.')).stderr).toContain('this is a folder');
  });

  it('keeps what files say from the terminal', async () => {
    const hostile = policy('    - {name: reads, who: [anyone], can: ["http\\e[2J"], on: ["web/**"]}\n');
    const cwd = place({ 'policies/web.yaml': hostile });
    for (const format of ['table', 'json', 'yaml']) {
      const { code, stdout } = await check(cwd, '-o', format);
      expect(code).toBe(3);
      expect(stdout).not.toMatch(/[^\P{Cc}\n]/u);
    }
  });
});

describe('the examples', () => {
  const config = ['-c', 'examples/fairlead.yaml'];

  it('pass', async () => {
    expect(await check(ROOT, ...config)).toEqual({
      code: 0,
      stdout: '3 files, 8 rules, 12 tests: 12 passed, 0 failed; 0 errors, 0 warnings\n',
      stderr: '',
    });
  });

  it('hold one policy that this version refuses by name, apart from the others', async () => {
    const { code, stdout } = await check(ROOT, ...config, 'examples/policies', 'examples/policies-not-yet');
    expect(code).toBe(1);
    expect(stdout).toMatch(
      /^examples\/policies-not-yet\/approvals\.yaml:\d+:1: error: rule `approvals\/deletions-need-a-lead` requires `approval`/,
    );
    expect(stdout).toContain('13 passed, 0 failed');
  });
});

describe('fairlead up', () => {
  it('tells what is wrong in a configuration and starts nothing', async () => {
    const up = vi.fn(async () => 0);
    const cwd = place({ 'fairlead.yaml': CONFIG.replace('store:', 'stor:') });
    const ran = await runVerb(['up'], { cwd, functions: { up } });
    expect(ran).toMatchObject({ code: 3, stdout: '', stderr: expect.stringMatching(/^fairlead\.yaml:4:1: error: /) });
    expect(up).not.toHaveBeenCalled();
    const fine = await runVerb(['up'], { cwd: place({}), functions: { up } });
    expect([fine.code, up.mock.calls.length]).toEqual([0, 1]);
  });
});

describe('fairlead schema', () => {
  it('prints the JSON Schema of the configuration', async () => {
    const { code, stdout, stderr } = await runVerb(['schema']);
    expect([code, stderr]).toEqual([0, '']);
    expect(JSON.parse(stdout)).toEqual(configJsonSchema());
    expect(JSON.parse(stdout)).toHaveProperty('properties.targets');
  });
});

import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadConfig } from '../config/load.ts';
import { type DemoFiles, prepareFiles } from './demo-files.ts';
import { choosePorts, DEFAULT_PORTS } from './demo-ports.ts';

let folder = '';
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'fairlead demo-')), 'demo');
});
afterEach(() => {
  rmSync(join(folder, '..'), { recursive: true, force: true });
});

const FLOW = join(import.meta.dirname, '../../examples/flows/hello.py');

function prepare(env: Readonly<Record<string, string>> = {}) {
  return prepareFiles({ folder, flow: FLOW, env, randomBytes: (count) => new Uint8Array(count).fill(7) });
}

function files(env: Readonly<Record<string, string>> = {}): DemoFiles {
  const prepared = prepare(env);
  if (prepared.kind === 'failed') throw new Error(prepared.sentence);
  return prepared.files;
}

describe("the demo's files", () => {
  it('are a configuration that loads without a word, also from a folder with a space in its name', () => {
    const { configFile, ports } = files();
    const { config, diagnostics } = loadConfig(readFileSync(configFile, 'utf8'), configFile);
    expect(diagnostics).toEqual([]);
    expect(ports).toEqual(DEFAULT_PORTS);
    expect(config?.targets.map(({ name, port, mode }) => [name, port, mode])).toEqual([
      ['prefect', 8080, 'enforce'],
      ['web', 8081, 'enforce'],
    ]);
    expect(config?.origin.text).toBe('http://127.0.0.1:8444');
    expect(config?.listen.admin).toEqual({ host: '127.0.0.1', port: 9090 });
  });

  it('can be read by their owner alone, and no secret stands in the configuration', () => {
    const { configFile, prefectAuth } = files();
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(join(folder, 'prefect-auth')).mode & 0o777).toBe(0o600);
    expect(prefectAuth).toBe(`fairlead:${'07'.repeat(24)}`);
    expect(readFileSync(configFile, 'utf8')).not.toContain(prefectAuth);
  });

  it('are written once: what somebody changed stays', () => {
    const { configFile } = files();
    const policy = join(folder, 'policies', 'web.yaml');
    for (const path of [configFile, policy, join(folder, 'flows', 'hello.py')])
      writeFileSync(path, `${readFileSync(path, 'utf8')}# mine\n`);
    files();
    for (const path of [configFile, policy, join(folder, 'flows', 'hello.py')])
      expect(readFileSync(path, 'utf8')).toContain('# mine');
  });

  it('leave out no half-written file', () => {
    files();
    expect(readdirSync(folder).filter((name) => name.endsWith('.new'))).toEqual([]);
    expect(readdirSync(join(folder, 'policies')).sort()).toEqual(['prefect.yaml', 'tests.yaml', 'web.yaml']);
  });

  it('follow the ports of the environment while nobody changed them, and keep them when the environment is silent', () => {
    expect(files({ FAIRLEAD_DEMO_WEB_PORT: '18081' }).ports.web).toBe(18081);
    expect(files().ports.web).toBe(18081);
    expect(files({ FAIRLEAD_DEMO_PREFECT_SERVER_PORT: '14200', FAIRLEAD_DEMO_PROVIDER_PORT: '18085' }).ports).toMatchObject({
      prefectServer: 14200,
      provider: 18085,
      web: 18081,
    });
    const { configFile } = files();
    expect(files().ports).toMatchObject({ prefectServer: 14200, provider: 18085, web: 18081 });
    writeFileSync(configFile, `${readFileSync(configFile, 'utf8')}# mine\n`);
    expect(files().ports.web).toBe(18081);
    expect(prepare({ FAIRLEAD_DEMO_WEB_PORT: '18082' })).toMatchObject({
      kind: 'failed',
      sentence: expect.stringContaining('was changed by hand'),
    });
  });

  it('that somebody broke are told with line and column', () => {
    const { configFile } = files();
    writeFileSync(configFile, readFileSync(configFile, 'utf8').replace('targets:', 'targest:'));
    expect(prepare()).toMatchObject({
      kind: 'failed',
      sentence: expect.stringMatching(/fairlead\.yaml:\d+:\d+: error: .*targest/),
    });
  });
});

describe('ports from the environment', () => {
  it('are numbers of their own, or a sentence that names the variable', () => {
    expect(choosePorts({})).toEqual(DEFAULT_PORTS);
    expect(choosePorts({ FAIRLEAD_DEMO_WEB_PORT: '' })).toEqual(DEFAULT_PORTS);
    for (const wrong of ['0', '65536', 'x', '1e3', '-1', ' 80'])
      expect(choosePorts({ FAIRLEAD_DEMO_WEB_PORT: wrong })).toBe('FAIRLEAD_DEMO_WEB_PORT must be a port from 1 to 65535.');
    expect(choosePorts({ FAIRLEAD_DEMO_WEB_PORT: '8080' })).toBe(
      'FAIRLEAD_DEMO_PREFECT_PORT and FAIRLEAD_DEMO_WEB_PORT are both 8080: give each a port of its own.',
    );
  });
});

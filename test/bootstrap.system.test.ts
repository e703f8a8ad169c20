import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';

const BOOTSTRAP = resolve(import.meta.dirname, '../bootstrap');
/** Prints its process id and lives until it is told to end. */
const PROGRAM = `
  process.on('SIGTERM', () => { console.log('asked to end'); process.exit(5); });
  console.log('pid', process.pid, Object.keys(process.env).filter((name) => /^FAIRLEAD_(PARENT|OUTER)|^NODE_OPTIONS/.test(name)).join());
  setInterval(() => {}, 1000);`;

let base = '';
let clone = '';

beforeAll(() => {
  base = mkdtempSync(join(tmpdir(), 'fairlead boot-'));
  mkdirSync(join(base, 'dep'));
  writeFileSync(join(base, 'dep', 'package.json'), JSON.stringify({ name: 'dep', version: '1.0.0' }));
  execFileSync('npm', ['pack', '--silent', '--pack-destination', base], { cwd: join(base, 'dep') });
  const template = join(base, 'template');
  mkdirSync(template);
  const dependencies = { dep: 'file:dep-1.0.0.tgz' };
  cpSync(join(base, 'dep-1.0.0.tgz'), join(template, 'dep-1.0.0.tgz'));
  cpSync(BOOTSTRAP, join(template, 'bootstrap'), { recursive: true });
  writeFileSync(join(template, 'package.json'), JSON.stringify({ name: 'clone', version: '1.0.0', private: true, dependencies }));
  execFileSync('npm', ['install', '--package-lock-only', '--silent', '--offline'], { cwd: template });
  writeFileSync(join(template, 'program.cjs'), PROGRAM);
  writeFileSync(join(template, 'end.cjs'), 'process.exit(Number(process.argv[2]))');
});
afterAll(() => {
  rmSync(base, { recursive: true, force: true });
});
beforeEach(() => {
  clone = mkdtempSync(join(base, 'clone-'));
  cpSync(join(base, 'template'), clone, { recursive: true });
});

interface Started {
  readonly process: ChildProcess;
  readonly exit: Promise<number | string>;
  text(): string;
}

function start(args: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  const child = spawn(process.execPath, ['bootstrap/run.cjs', ...args], { cwd: clone, env: { ...process.env, ...env } });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk: Buffer) => {
      text += chunk.toString();
    });
  }
  const exit = new Promise<number | string>((ended) => child.once('close', (code, signal) => ended(code ?? signal ?? '')));
  return { process: child, exit, text: () => text };
}

async function pidOf(started: Started): Promise<number> {
  for (let turn = 0; turn < 400; turn++) {
    const found = /pid (\d+)/.exec(started.text());
    if (found !== null) return Number(found[1]);
    await sleep(50);
  }
  throw new Error(`no start: ${started.text()}`);
}

async function isGone(pid: number): Promise<boolean> {
  for (let turn = 0; turn < 100; turn++) {
    try {
      process.kill(pid, 0);
      if (/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) return true;
    } catch {
      return true;
    }
    await sleep(50);
  }
  return false;
}

describe('the bootstrap', () => {
  it('installs a fresh clone once, also when two start together, and not again', async () => {
    const both = [start(['end.cjs', '0']), start(['end.cjs', '0'])];
    expect(await Promise.all(both.map((one) => one.exit))).toEqual([0, 0]);
    const said = both.map((one) => one.text()).join('');
    expect(said.match(/packages installed in/g)).toHaveLength(1);
    expect(existsSync(join(clone, 'node_modules', 'dep', 'package.json'))).toBe(true);
    expect(readdirSync(clone).filter((name) => name.startsWith('.bootstrap'))).toEqual([]);
    const again = start(['end.cjs', '3']);
    expect(await again.exit).toBe(3);
    expect(again.text()).toBe('');
    // npm writes its record last, so without it the install counts as none.
    rmSync(join(clone, 'node_modules', '.package-lock.json'));
    const repaired = start(['end.cjs', '0']);
    expect(await repaired.exit).toBe(0);
    expect(repaired.text()).toContain('packages installed in');
  });

  it('says in one sentence that the registry cannot be reached, and leaves no lock', async () => {
    const lock = JSON.parse(readFileSync(join(clone, 'package-lock.json'), 'utf8'));
    const integrity = `sha512-${Buffer.alloc(64).toString('base64')}`;
    lock.packages[''].dependencies = { 'nothing-of-this-name': '1.0.0' };
    lock.packages = { '': lock.packages[''], 'node_modules/nothing-of-this-name': { version: '1.0.0', integrity } };
    writeFileSync(join(clone, 'package-lock.json'), JSON.stringify(lock));
    const manifest = { name: 'clone', version: '1.0.0', private: true, dependencies: { 'nothing-of-this-name': '1.0.0' } };
    writeFileSync(join(clone, 'package.json'), JSON.stringify(manifest));
    const started = start(['end.cjs', '0'], { npm_config_registry: 'http://127.0.0.1:9', npm_config_cache: join(base, 'cache') });
    expect(await started.exit).toBe(1);
    expect(started.text().trim().split('\n').at(-1)).toMatch(
      /^fairlead: installing packages failed \(npm ci ended with \d+\): is the npm registry reachable\?$/,
    );
    expect(existsSync(join(clone, '.bootstrap-lock'))).toBe(false);
  });

  it('takes over the lock of a process that is gone', async () => {
    const gone = spawn(process.execPath, ['-e', '']);
    await new Promise((ended) => gone.once('exit', ended));
    mkdirSync(join(clone, '.bootstrap-lock'));
    writeFileSync(join(clone, '.bootstrap-lock', 'pids'), `${gone.pid}\n`);
    const started = start(['end.cjs', '0']);
    expect(await started.exit).toBe(0);
    expect(started.text()).toContain('packages installed in');
  });

  it('passes SIGTERM on, and ends as the program does', async () => {
    const started = start(['program.cjs']);
    const pid = await pidOf(started);
    started.process.kill('SIGTERM');
    expect(await started.exit).toBe(5);
    expect(started.text()).toContain('asked to end');
    expect(await isGone(pid)).toBe(true);
  });

  it.runIf(process.platform === 'linux')('leaves no program behind when it is killed with SIGKILL', async () => {
    const started = start(['program.cjs']);
    const pid = await pidOf(started);
    started.process.kill('SIGKILL');
    expect(await isGone(pid)).toBe(true);
  });

  it('keeps its own variables to itself', async () => {
    const started = start(['program.cjs']);
    await pidOf(started);
    expect(/pid \d+ (.*)/.exec(started.text())?.[1]).toBe('');
    started.process.kill('SIGTERM');
    await started.exit;
  });
});

describe('the install lock', () => {
  const { takeLock } = createRequire(import.meta.url)(join(BOOTSTRAP, 'install-lock.cjs')) as {
    takeLock(
      folder: string,
      options: { longestMs: number; onWait: () => void },
    ): Promise<{ release(): void; share(pid: number): void }>;
  };

  it('is not taken from a process that still works under it, and waits no longer than it should', async () => {
    const folder = join(clone, 'lock');
    const first = await takeLock(folder, { longestMs: 0, onWait: () => {} });
    await expect(takeLock(folder, { longestMs: 500, onWait: () => {} })).rejects.toThrow('for too long');
    first.release();
    const second = await takeLock(folder, { longestMs: 0, onWait: () => {} });
    second.release();
    expect(existsSync(folder)).toBe(false);
  });
});

import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startChild } from './child.ts';
import { openLogFile } from './log-file.ts';

const WATCHER = join(import.meta.dirname, 'watcher.py');
const PYTHON = 'python3';
const ENV = { PATH: process.env['PATH'] ?? '' };

/** A tree as stubborn as they come: a child, a grandchild in a session of its own, an orphan in another; all ignore SIGTERM. */
const STUBBORN_TREE = `
import os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
ready, tell = os.pipe()
def show(name):
    print(name, os.getpid(), flush=True)
    os.write(tell, b"x")
    time.sleep(600)
    os._exit(0)
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.setsid()
        show("orphan")
    show("session")
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        show("daemon")
    os._exit(0)
print("command", os.getpid(), flush=True)
for _ in range(3):
    os.read(ready, 1)
time.sleep(600)
`;

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-child-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function isAlive(pid: number): boolean {
  try {
    // A zombie that nobody has collected yet is dead, though the signal reaches it.
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

async function until(isTrue: () => boolean, timeoutMs = 8_000): Promise<boolean> {
  const end = Date.now() + timeoutMs;
  while (Date.now() < end) {
    if (isTrue()) return true;
    await sleep(20);
  }
  return isTrue();
}

function pidsIn(lines: readonly string[]): number[] {
  return lines.flatMap((line) => (/^(command|session|orphan|daemon) \d+$/.test(line) ? [Number(line.split(' ')[1])] : []));
}

function run(code: string, onLine: (line: string) => void = () => {}, graceSeconds = 0.3) {
  const log = openLogFile(join(folder, 'child.log'));
  const command = [PYTHON, '-c', code] as const;
  return startChild({
    name: 'test',
    python: PYTHON,
    watcher: WATCHER,
    command,
    env: ENV,
    cwd: folder,
    log,
    onLine,
    graceSeconds,
  });
}

describe.runIf(process.platform === 'linux')('a child', () => {
  it('is ended with all its descendants, in whatever session they are', async () => {
    const lines: string[] = [];
    const child = run(STUBBORN_TREE, (line) => lines.push(line));
    expect(await until(() => pidsIn(lines).length === 4)).toBe(true);
    const exit = await child.stop();
    expect(exit.code).toBe(128 + 9);
    expect(pidsIn(lines).filter(isAlive)).toEqual([]);
  });

  it('leaves nothing behind when its parent is killed with SIGKILL', async () => {
    const script = join(folder, 'parent.ts');
    const source = `
      import { startChild } from ${JSON.stringify(join(import.meta.dirname, 'child.ts'))};
      const log = { path: '', line() {}, close() {} };
      startChild({ name: 't', python: ${JSON.stringify(PYTHON)}, watcher: ${JSON.stringify(WATCHER)},
        command: [${JSON.stringify(PYTHON)}, '-c', ${JSON.stringify(STUBBORN_TREE)}],
        env: ${JSON.stringify(ENV)}, cwd: '/', log, onLine: (line) => console.log(line), graceSeconds: 0.3 });
      setInterval(() => {}, 1000);`;
    writeFileSync(script, source);
    const parent = spawn(process.execPath, [script], { stdio: ['ignore', 'pipe', 'inherit'] });
    let output = '';
    parent.stdout.on('data', (chunk: Buffer) => {
      output += chunk.toString();
    });
    expect(await until(() => pidsIn(output.split('\n')).length === 4)).toBe(true);
    const pids = pidsIn(output.split('\n'));
    expect(pids.filter(isAlive)).toHaveLength(4);
    parent.kill('SIGKILL');
    expect(await until(() => !pids.some(isAlive))).toBe(true);
  });

  it('takes what it started along when it ends by itself', async () => {
    const lines: string[] = [];
    const child = run(STUBBORN_TREE.replace(/time\.sleep\(600\)\n$/, 'sys.exit(3)\n'), (line) => lines.push(line));
    expect((await child.exited).code).toBe(3);
    expect(pidsIn(lines)).toHaveLength(4);
    expect(pidsIn(lines).filter(isAlive)).toEqual([]);
  });

  it('is asked before it is forced', async () => {
    const lines: string[] = [];
    const polite = `
import signal, sys, time
def end(*_): print("ending", flush=True); sys.exit(7)
signal.signal(signal.SIGTERM, end)
print("ready", flush=True)
time.sleep(600)`;
    const child = run(polite, (line) => lines.push(line), 5);
    expect(await until(() => lines.includes('ready'))).toBe(true);
    expect((await child.stop()).code).toBe(7);
    expect(lines).toEqual(['ready', 'ending']);
  });

  it('starts with signals as they are by default, though its parent ignores them', async () => {
    const show =
      'import signal; print(*[signal.getsignal(n).name for n in (signal.SIGTERM, signal.SIGHUP)], signal.getsignal(signal.SIGINT).__name__)';
    const lines: string[] = [];
    await run(show, (line) => lines.push(line)).exited;
    expect(lines).toEqual(['SIG_DFL SIG_DFL default_int_handler']);
  });

  it('inherits no environment and no input', async () => {
    const lines: string[] = [];
    process.env['FAIRLEAD_TEST_LEAK'] = 'leaked';
    const code = 'import os, sys; print("FAIRLEAD_TEST_LEAK" in os.environ, repr(sys.stdin.read()))';
    await run(code, (line) => lines.push(line)).exited;
    delete process.env['FAIRLEAD_TEST_LEAK'];
    expect(lines).toEqual(["False ''"]);
  });

  it('that cannot be started says so and counts as ended', async () => {
    const log = openLogFile(join(folder, 'child.log'));
    const base = { name: 'test', watcher: WATCHER, env: ENV, cwd: folder, log };
    const missing = await startChild({ ...base, python: PYTHON, command: ['/nowhere/program'] }).exited;
    expect(missing).toEqual({ code: 127, lastLines: ['/nowhere/program cannot be started: No such file or directory'] });
    const noPython = await startChild({ ...base, python: '/nowhere/python', command: ['true'] }).exited;
    expect(noPython.code).toBe(127);
    expect(noPython.lastLines[0]).toMatch(/^\/nowhere\/python cannot be started/);
  });

  it('keeps its output in the log', async () => {
    await run('import sys; print("out", flush=True); print("err", file=sys.stderr)').exited;
    expect(readFileSync(join(folder, 'child.log'), 'utf8').split('\n').sort()).toEqual(['', 'err', 'out']);
  });
});

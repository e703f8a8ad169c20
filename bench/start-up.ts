// How long the packed command takes from its start to an open listener, and what it holds in memory when idle.
//
//   npm run build && node bench/start-up.ts [RUNS]
//
// Turns alternate. Prints medians and the load average, without which they say little. Asserts nothing.
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { load, median } from './support.ts';

const runs = Number(process.argv[2] ?? 9);
const IDLE_MS = 2_000;
const PORT = 29_471;
const bin = join(import.meta.dirname, '..', 'dist', 'package', 'bin', 'fairlead.cjs');
const folder = mkdtempSync(join(tmpdir(), 'fairlead-start-'));

const CONFIG = `origin: http://127.0.0.1:${PORT}
listen: {control: "127.0.0.1:${PORT}", admin: "127.0.0.1:${PORT + 1}"}
store: sqlite:./data
administrators: [user:lee@acme.example]
targets:
  - {name: prefect, port: ${PORT + 2}, prefect: {url: "http://127.0.0.1:${PORT + 4}"}}
  - {name: web, port: ${PORT + 3}, http: {url: "http://127.0.0.1:${PORT + 4}"}}
policies: [{path: ./policies}]
observe: {decisions: none}
`;
const POLICY = `apiVersion: fairlead.dev/v1
kind: AccessPolicy
metadata: {name: readers}
spec:
  owner: team@acme.example
  rules:
    - name: everybody-reads
      who: [anyone]
      can: [prefect.role.viewer]
      on: ["prefect/**"]
`;

async function main(): Promise<void> {
  if (!existsSync(bin)) throw new Error('there is no package in dist/: npm run build');
  mkdirSync(join(folder, 'policies'));
  writeFileSync(join(folder, 'fairlead.yaml'), CONFIG);
  writeFileSync(join(folder, 'policies', 'readers.yaml'), POLICY);
  const cached = { ...process.env, XDG_CACHE_HOME: join(folder, 'cache') };
  const uncached = { ...process.env, NODE_DISABLE_COMPILE_CACHE: '1' };
  const seen = {
    node: [] as number[],
    version: [] as number[],
    uncached: [] as number[],
    cached: [] as number[],
    rss: [] as number[],
  };
  // The first start makes the database and the cache, and is not counted.
  await start(cached);
  for (let run = 0; run < runs; run++) {
    seen.node.push(time(['-e', '0'], cached));
    seen.version.push(time([bin, '--version'], cached));
    seen.uncached.push((await start(uncached)).ms);
    const { ms, rssMb } = await start(cached, IDLE_MS);
    seen.cached.push(ms);
    seen.rss.push(rssMb);
  }
  console.log(`start-up, ${runs} runs; load ${load()}`);
  console.log(`node -e 0                             ${median(seen.node).toFixed(0)} ms`);
  console.log(`fairlead --version                    ${median(seen.version).toFixed(0)} ms`);
  console.log(`fairlead up to listening, first       ${median(seen.uncached).toFixed(0)} ms`);
  console.log(`fairlead up to listening, code cached ${median(seen.cached).toFixed(0)} ms`);
  console.log(`idle RSS                              ${median(seen.rss).toFixed(0)} MB`);
}

function time(args: readonly string[], env: NodeJS.ProcessEnv): number {
  const startedMs = performance.now();
  const { status } = spawnSync(process.execPath, args, { env });
  if (status !== 0) throw new Error(`${args.join(' ')} ended with ${status}`);
  return performance.now() - startedMs;
}

async function start(env: NodeJS.ProcessEnv, idleMs = 0): Promise<{ readonly ms: number; readonly rssMb: number }> {
  const startedMs = performance.now();
  const child = spawn(process.execPath, [bin, 'up'], { cwd: folder, env, stdio: 'ignore' });
  try {
    // The admin listener is the last to open.
    while (!(await isListening(PORT + 1))) {
      if (child.exitCode !== null) throw new Error('the gateway ended by itself');
      await sleep(2);
    }
    const ms = performance.now() - startedMs;
    await sleep(idleMs);
    return { ms, rssMb: rss(child) };
  } finally {
    child.kill();
    if (child.exitCode === null) await once(child, 'exit');
  }
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    socket.on('connect', () => socket.destroy());
  });
}

function rss(child: ChildProcess): number {
  return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]) / 1024;
}

try {
  await main();
} finally {
  rmSync(folder, { recursive: true, force: true });
}

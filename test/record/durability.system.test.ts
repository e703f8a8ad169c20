import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it, onTestFinished, type TestContext } from 'vitest';
import { openStorage } from '../../src/storage.ts';
import { healthBoard, quietLog, systemClock, temporaryFolder } from '../support/records.ts';

const APPENDER = join(import.meta.dirname, 'appender.ts');
const retention = { retain: 400 * 86_400_000, maxBytes: 2 ** 30 };
const environment = { ...process.env, NODE_OPTIONS: '' };

/** Skips where the machine lacks a tool, but never where the checks are meant to be whole. */
function need(context: TestContext, command: string, ...args: readonly string[]): void {
  if (spawnSync(command, args, { stdio: 'ignore' }).status === 0) return;
  if (process.env['CI'] === 'true') throw new Error(`${command} is needed here and does not work`);
  context.skip(`${command} does not work here`);
}

/** All that a process printed, as far as whole lines. */
function lines(child: ChildProcess): { all(): string[] } {
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (part) => {
    text += part;
  });
  return { all: () => text.split('\n').slice(0, -1) };
}

const named = (all: readonly string[], word: string): string[] =>
  all.filter((line) => line.startsWith(`${word} `)).map((line) => line.slice(word.length + 1));

/** Kind of the outcome of each decision in the database. */
function outcomes(dir: string): Map<string, string[]> {
  const database = new DatabaseSync(join(dir, 'fairlead.db'), { readOnly: true });
  const found = new Map<string, string[]>();
  for (const row of database.prepare('SELECT entry FROM audit_body ORDER BY seq').iterate()) {
    const entry = JSON.parse(String(row['entry']));
    if (entry.type === 'decision.v1') found.set(entry.id, found.get(entry.id) ?? []);
    if (entry.type === 'outcome.v1') found.set(entry.id, [...(found.get(entry.id) ?? []), entry.outcome.kind]);
  }
  database.close();
  return found;
}

describe('the record on disk', () => {
  it('loses no acknowledged decision to kill -9 at any instant, and each open one ends as unknown', async () => {
    const dir = join(temporaryFolder(onTestFinished), 'data');
    const acknowledged: string[] = [];
    let unknown = 0;
    for (let round = 0; round < 15; round++) {
      const child = spawn(process.execPath, [APPENDER, 'flood', dir], { stdio: ['ignore', 'pipe', 'inherit'], env: environment });
      const printed = lines(child);
      await expect.poll(() => printed.all().includes('ready'), { timeout: 20_000, interval: 5 }).toBe(true);
      await setTimeout(Math.random() * 300);
      child.kill('SIGKILL');
      await once(child, 'close');
      acknowledged.push(...named(printed.all(), 'ack'));

      const storage = await openStorage({ dir, clock: systemClock, log: quietLog, health: healthBoard(), retention });
      await storage.close();
      const found = outcomes(dir);
      expect(acknowledged.filter((id) => !found.has(id))).toEqual([]);
      // INVARIANT: after a start, each durable decision has one outcome.
      expect([...found].filter(([, kinds]) => kinds.length !== 1)).toEqual([]);
      unknown = [...found.values()].filter(([kind]) => kind === 'unknown').length;
    }
    // A run in which nothing was acknowledged, or nothing left open, would have shown nothing.
    expect(acknowledged.length).toBeGreaterThan(500);
    expect(unknown).toBeGreaterThan(15);
    process.stdout.write(`killed 15 times: ${acknowledged.length} acknowledged, ${unknown} ended as unknown\n`);
  });

  it('syncs to disk before it acknowledges', async (context) => {
    need(context, 'strace', '-V');
    const dir = temporaryFolder(onTestFinished);
    const trace = join(dir, 'trace');
    const strace = ['-f', '-e', 'trace=fdatasync,fsync,write', '-s', '8', '-o', trace];
    const args = [...strace, process.execPath, APPENDER, 'serial', join(dir, 'data'), '40'];
    const run = spawnSync('strace', args, { encoding: 'utf8', env: environment });
    expect(named(run.stdout.split('\n'), 'ack')).toHaveLength(40);
    // Between any two acknowledgements of single appends lies a sync of the log.
    const events = readFileSync(trace, 'utf8').match(/fdatasync\(|fsync\(|write\(1, "ack /g) ?? [];
    const acks = events.flatMap((event, index) => (event.startsWith('write') ? [index] : []));
    expect(acks).toHaveLength(40);
    for (const index of acks) expect(events[index - 1]).toMatch(/sync/);
  });

  it('refuses what a failed sync may have lost, goes on with a new writer, and keeps all it acknowledged', async (context) => {
    need(context, 'strace', '-V');
    const dir = join(temporaryFolder(onTestFinished), 'data');
    const inject = ['-f', '-e', 'trace=fsync,fdatasync', '-e', 'inject=fsync,fdatasync:error=EIO:when=20+25', '-o', '/dev/null'];
    const run = spawnSync('strace', [...inject, process.execPath, APPENDER, 'retry', dir, '60'], {
      encoding: 'utf8',
      env: environment,
    });
    const printed = run.stdout.split('\n');
    expect(run.status).toBe(0);
    expect(new Set(named(printed, 'refused'))).toEqual(new Set(['AUDIT_UNAVAILABLE']));
    const acknowledged = named(printed, 'ack');
    expect(acknowledged).toHaveLength(60);
    const found = outcomes(dir);
    expect(acknowledged.filter((id) => !found.has(id))).toEqual([]);
  });

  it('answers a full disk with AUDIT_UNAVAILABLE, reads on, and goes on when there is room', (context) => {
    need(context, 'unshare', '-m', 'true');
    const mount = temporaryFolder(onTestFinished);
    const script = `
      mount -t tmpfs -o size=6m,mode=0700 tmpfs ${mount} &&
      dd if=/dev/zero of=${mount}/ballast bs=1M count=2 status=none &&
      exec ${process.execPath} ${APPENDER} fill ${mount}/data ${mount}/ballast`;
    const run = spawnSync('unshare', ['-m', 'sh', '-c', script], { encoding: 'utf8', env: environment });
    expect(run.stderr).toBe('');
    const result = JSON.parse(run.stdout.trim().split('\n').at(-1) ?? '');
    expect(result).toEqual({
      full: {
        written: expect.any(Number),
        code: 'AUDIT_UNAVAILABLE',
        storeWrite: 'STORE_UNAVAILABLE',
        storeRead: 1,
        read: 'taken',
        found: true,
        health: 'failed',
      },
      after: 'written',
      gaps: [{ refused_call: 1 }],
      health: 'ok',
    });
    expect(result.full.written).toBeGreaterThan(50);
  });
});

// How fast the record takes decisions: durable ones, 64 in flight, each awaited; and reads, which are kept in memory at first.
//
//   node bench/record.ts [SECONDS] [RUNS]
//
// Prints medians over the runs, and the load average, without which they say little. Asserts nothing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { OperationClass } from '../src/core/access.ts';
import { uuidv7 } from '../src/core/id.ts';
import type { DecisionRecord, Recorder } from '../src/core/record.ts';
import { openStorage } from '../src/storage.ts';
import { load, median } from './support.ts';

const seconds = Number(process.argv[2] ?? 2);
const runs = Number(process.argv[3] ?? 5);
const IN_FLIGHT = 64;

const clock = { now: () => Date.now() };
const randomness = { bytes: (count: number) => crypto.getRandomValues(new Uint8Array(count)) };
const quiet = { info() {}, warn() {}, error: (event: string, fields?: object) => console.error(event, fields) };
const health = { set() {} };

function decision(operation: OperationClass, number: number): DecisionRecord {
  const rule = { file: 'policies/pipelines.yaml', line: 12, name: 'pipelines/engineers-run' };
  return {
    id: uuidv7(clock, randomness),
    timeMs: clock.now(),
    target: 'prefect',
    door: 'proxy',
    class: operation,
    caller: `user:person${number % 500}@acme.com`,
    source: 'okta',
    peer: '10.1.2.3',
    method: 'POST',
    path: '/api/deployments/0f6c3d0e-8a5e-4f7e-9d3a-2f1f0f7b1c11/create_flow_run',
    operation: 'POST /deployments/{id}/create_flow_run',
    decision: {
      verdict: 'allow',
      mode: 'enforce',
      code: 'ALLOWED',
      requests: [
        {
          action: 'prefect.deployment.run',
          resource: `prefect/deployments/etl/nightly-${number % 50}`,
          verdict: 'allow',
          tier: 'can',
          code: 'ALLOWED',
          rules: [rule],
          mesh: [],
          clauses: [
            {
              rule: rule.name,
              part: 'who',
              pattern: 'group:data-engineers',
              observed: 'data-engineers',
              result: 'true',
              line: 14,
            },
            {
              rule: rule.name,
              part: 'when',
              pattern: "'prod' in resource.tags",
              observed: '["prod","etl"]',
              result: 'true',
              line: 17,
            },
          ],
          wouldDeny: [],
        },
      ],
      obligations: [],
      policyRevision: 'sha256:3f1c0000000000000000000000000000000000000000000000000000000000aa',
      meshRevision: '',
    },
    attributes: { 'resource.tags': ['prod', 'etl'] },
  };
}

interface Result {
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly mainCpuUs: number;
}

async function run(recorder: Recorder, operation: OperationClass, inFlight: number): Promise<Result> {
  const until = performance.now() + seconds * 1_000;
  const times: number[] = [];
  let made = 0;
  const cpu = process.threadCpuUsage();
  const started = performance.now();
  async function loop(): Promise<void> {
    while (performance.now() < until) {
      const record = decision(operation, made++);
      const before = performance.now();
      await recorder.decision(record);
      times.push(performance.now() - before);
      recorder.outcome({ id: record.id, timeMs: clock.now(), outcome: { kind: 'answered', status: 201 }, durationMs: 3 });
      // Entries in memory are made far faster than a gateway serves: leave the event loop its turns.
      if (operation === 'read' && made % 64 === 0) await new Promise(setImmediate);
    }
  }
  await Promise.all(Array.from({ length: inFlight }, loop));
  const elapsed = (performance.now() - started) / 1_000;
  const { user, system } = process.threadCpuUsage(cpu);
  times.sort((a, b) => a - b);
  return {
    perSecond: made / elapsed,
    p50Ms: times[Math.floor(times.length * 0.5)] ?? 0,
    p99Ms: times[Math.floor(times.length * 0.99)] ?? 0,
    mainCpuUs: (user + system) / made,
  };
}

const dir = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
const openedAt = performance.now();
const retention = { retain: 400 * 86_400_000, maxBytes: 20 * 1024 ** 3 };
const storage = await openStorage({ dir, clock, log: quiet, health, retention });
console.log(`open: ${(performance.now() - openedAt).toFixed(0)} ms; load ${load()}`);
const cases = [
  ['durable, 1 in flight', 'act', 1],
  [`durable, ${IN_FLIGHT} in flight`, 'act', IN_FLIGHT],
  ['in memory', 'read', 1],
] as const;
for (const [name, operation, inFlight] of cases) {
  const results: Result[] = [];
  for (let index = 0; index < runs; index++) {
    results.push(await run(storage.recorder, operation, inFlight));
    await storage.recorder.flush();
  }
  const of = (key: keyof Result): number => median(results.map((result) => result[key]));
  console.log(
    `${name.padEnd(24)} ${of('perSecond').toFixed(0).padStart(8)} decisions+outcomes/s   p50 ${of('p50Ms').toFixed(3)} ms   ` +
      `p99 ${of('p99Ms').toFixed(3)} ms   main thread ${of('mainCpuUs').toFixed(1)} us each`,
  );
}
const { entries } = await storage.search.search({ limit: 1 });
console.log(`entries and outcomes written: ${entries[0]?.seq ?? 0}; load ${load()}`);
await storage.close();
rmSync(dir, { recursive: true, force: true });

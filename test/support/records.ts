import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DatabaseSync } from 'node:sqlite';
import type { Decision, RequestDecision } from '../../src/core/decision.ts';
import { uuidv7 } from '../../src/core/id.ts';
import type { Clock, Health, Log, Randomness } from '../../src/core/ports.ts';
import type { DecisionRecord, RefusalRecord } from '../../src/core/record.ts';
import { openDatabase } from '../../src/store/database.ts';
import { migrate } from '../../src/store/migrate.ts';
import { MIGRATIONS } from '../../src/store/migrations.ts';

export const randomness: Randomness = { bytes: (count) => crypto.getRandomValues(new Uint8Array(count)) };

export const systemClock: Clock = { now: () => Date.now() };

/** A clock that stands until it is moved. */
export function handClock(startMs = 1_700_000_000_000): Clock & { move(ms: number): void } {
  let nowMs = startMs;
  return {
    now: () => nowMs,
    move(ms) {
      nowMs += ms;
    },
  };
}

export const quietLog: Log = { info() {}, warn() {}, error() {} };

/** What each component said last. */
export function healthBoard(): Health & { readonly states: Map<string, string> } {
  const states = new Map<string, string>();
  return {
    states,
    set(component, state) {
      states.set(component, state);
    },
  };
}

/** A folder that ends with the test. */
export function temporaryFolder(onEnd: (remove: () => void) => void): string {
  const dir = mkdtempSync(join(tmpdir(), 'fairlead-test-'));
  onEnd(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

/** A database with the current schema. */
export function freshDatabase(dir: string): { readonly file: string; readonly database: DatabaseSync } {
  const file = join(dir, 'fairlead.db');
  const database = openDatabase(file, 'write', 1_000);
  migrate(database, MIGRATIONS, systemClock);
  return { file, database };
}

export function requestDecision(change: Partial<RequestDecision> = {}): RequestDecision {
  const rule = { file: 'policies/pipelines.yaml', line: 12, name: 'pipelines/engineers-run' };
  return {
    action: 'prefect.deployment.run',
    resource: 'prefect/deployments/etl/nightly',
    verdict: 'allow',
    tier: 'can',
    code: 'ALLOWED',
    rules: [rule],
    mesh: [],
    clauses: [
      { rule: rule.name, part: 'who', pattern: 'group:engineers', observed: 'engineers', result: 'true', line: 14 },
      { rule: rule.name, part: 'when', pattern: "'prod' in resource.tags", observed: '["prod"]', result: 'true', line: 17 },
    ],
    wouldDeny: [],
    ...change,
  };
}

export function decision(change: Partial<Decision> = {}): Decision {
  return {
    verdict: 'allow',
    mode: 'enforce',
    code: 'ALLOWED',
    requests: [requestDecision()],
    obligations: [],
    policyRevision: 'sha256:aa',
    meshRevision: '',
    ...change,
  };
}

export function decisionRecord(change: Partial<DecisionRecord> = {}): DecisionRecord {
  return {
    id: uuidv7(systemClock, randomness),
    timeMs: systemClock.now(),
    target: 'prefect',
    door: 'proxy',
    class: 'act',
    caller: 'user:ada@acme.com',
    source: 'okta',
    peer: '10.1.2.3',
    method: 'POST',
    path: '/api/deployments/d1/create_flow_run',
    operation: 'POST /deployments/{id}/create_flow_run',
    decision: decision(),
    attributes: { 'resource.tags': ['prod'] },
    ...change,
  };
}

export function refusalRecord(change: Partial<RefusalRecord> = {}): RefusalRecord {
  return {
    id: uuidv7(systemClock, randomness),
    timeMs: systemClock.now(),
    target: 'prefect',
    door: 'proxy',
    peer: '203.0.113.7',
    code: 'TOKEN_INVALID',
    status: 401,
    method: 'GET',
    path: '/api/health',
    ...change,
  };
}

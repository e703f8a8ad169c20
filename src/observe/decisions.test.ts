import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DecisionRecord, Recorder } from '../core/record.ts';
import { createDecisionStream, type DecisionStream, streamed } from './decisions.ts';
import { createMetrics } from './metrics.ts';

let folder: string;
let path: string;
const errors: string[] = [];
const log = { info: () => undefined, warn: () => undefined, error: (event: string) => void errors.push(event) };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-decisions-'));
  path = join(folder, 'log/decisions.jsonl');
  errors.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const record: DecisionRecord = {
  id: '018c-1',
  timeMs: 1_700_000_000_000,
  target: 'prefect',
  door: 'proxy',
  class: 'act',
  caller: 'user:ada@acme.example',
  source: 'okta',
  peer: '127.0.0.1',
  method: 'POST',
  path: '/api/deployments/1/create_flow_run',
  operation: 'POST /deployments/{id}/create_flow_run',
  traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  attributes: { 'request.parameters': 'canary' },
  decision: {
    verdict: 'deny',
    mode: 'enforce',
    code: 'NO_RULE',
    requests: [
      {
        action: 'prefect.deployment.run',
        resource: 'prefect/deployments/etl/nightly',
        verdict: 'deny',
        tier: 'can',
        code: 'NO_RULE',
        rules: [{ file: 'a.yaml', line: 3, name: 'nightly/run' }],
        mesh: [],
        clauses: [],
        wouldDeny: [],
      },
    ],
    obligations: [],
    policyRevision: 'sha256:1',
    meshRevision: '',
  },
};

function open(): DecisionStream {
  return createDecisionStream({ to: { kind: 'file', path }, log, metrics: createMetrics() });
}

function lines(file: string): Record<string, unknown>[] {
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

async function until(isTrue: () => boolean): Promise<void> {
  for (let i = 0; i < 200 && !isTrue(); i++) await sleep(10);
  expect(isTrue()).toBe(true);
}

describe('the decision stream', () => {
  it('writes one line for each decision, refusal, event and outcome', async () => {
    const stream = open();
    stream.decision(record);
    stream.refusal({ id: '2', timeMs: 0, target: '', door: 'proxy', peer: '::1', code: 'HOST_UNKNOWN', status: 421, path: '/x' });
    stream.event({
      id: '3',
      timeMs: 0,
      type: 'policy.applied',
      caller: 'user:ada@acme.example',
      detail: { revision: 'sha256:2' },
    });
    stream.outcome({ id: '018c-1', timeMs: 0, outcome: { kind: 'not_forwarded', status: 403 }, durationMs: 2 });
    await stream.close();
    const written = lines(path);
    expect(written.map(({ type }) => type)).toEqual(['decision', 'refusal', 'event', 'outcome']);
    expect(written[0]).toMatchObject({
      time: '2023-11-14T22:13:20.000Z',
      id: '018c-1',
      verdict: 'deny',
      code: 'NO_RULE',
      caller: 'user:ada@acme.example',
      trace_id: '0af7651916cd43dd8448eb211c80319c',
      span_id: 'b7ad6b7169203331',
      requests: [{ action: 'prefect.deployment.run', rules: ['nightly/run'] }],
    });
    expect(readFileSync(path, 'utf8')).not.toContain('canary');
  });

  it('is readable by its owner alone', async () => {
    const stream = open();
    stream.decision(record);
    await stream.close();
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  it('goes on in a new file when it was rotated and told to reopen', async () => {
    const stream = open();
    stream.decision(record);
    await until(() => existsSync(path) && lines(path).length === 1);
    renameSync(path, `${path}.1`);
    stream.reopen();
    stream.decision({ ...record, id: 'after' });
    await stream.close();
    expect(lines(`${path}.1`).map(({ id }) => id)).toEqual(['018c-1']);
    expect(lines(path).map(({ id }) => id)).toEqual(['after']);
  });

  it('tells the log once when it cannot write, and never throws', async () => {
    const metrics = createMetrics();
    const stream = createDecisionStream({ to: { kind: 'file', path: '/dev/null/x/decisions.jsonl' }, log, metrics });
    stream.decision(record);
    await until(() => errors.length > 0);
    stream.decision(record);
    expect(errors).toEqual(['decisions.write_failed']);
    expect(metrics.text()).toContain('fairlead_decision_lines_lost_total{reason="error"}');
  });
});

describe('a recorder with a stream', () => {
  it('writes no line for what the record did not accept', async () => {
    const written: string[] = [];
    const stream = {
      ...createDecisionStream({ to: { kind: 'none' }, log, metrics: createMetrics() }),
      decision: () => void written.push('x'),
    };
    const refusing: Recorder = {
      decision: () => Promise.reject(new Error('disk full')),
      refusal: () => undefined,
      event: async () => undefined,
      outcome: () => undefined,
    };
    await expect(streamed(refusing, stream).decision(record)).rejects.toThrow('disk full');
    expect(written).toEqual([]);
    await streamed({ ...refusing, decision: async () => undefined }, stream).decision(record);
    expect(written).toEqual(['x']);
  });
});

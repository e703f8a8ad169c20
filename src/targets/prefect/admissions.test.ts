import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../wire/call.ts';
import { headOf } from '../testing.ts';
import { admissionsOf } from './admissions.ts';
import { match } from './match.ts';
import { IDS } from './testing.ts';

const of = (method: string, path: string, status: number, body: JsonValue) =>
  admissionsOf({ operation: match(headOf(method, `/api${path}`)) }, status, body);
const run = (id: string, state = 'PENDING', deployment: string | null = null) => ({
  id,
  flow_id: IDS.etl,
  deployment_id: deployment,
  state_type: state,
});
const key = `flow-run:${IDS.running}`;

describe('an answer', () => {
  it('to a poll hands its runs to the caller', () => {
    const polled = [{ work_pool_id: IDS.pool, flow_run: run(IDS.running) }];
    expect(of('POST', '/work_pools/p1/get_scheduled_flow_runs', 200, polled)).toEqual({ admit: [key], end: [] });
    expect(of('POST', '/deployments/get_scheduled_flow_runs', 200, [run(IDS.running)])).toEqual({ admit: [key], end: [] });
    expect(of('POST', `/work_queues/${IDS.queue}/get_runs`, 200, [run(IDS.running)])).toEqual({ admit: [key], end: [] });
  });

  it('to an engine that creates its own run hands it that run', () => {
    expect(of('POST', '/flow_runs/', 201, run(IDS.running))).toEqual({ admit: [key], end: [] });
  });

  it('to a creation that found a run which exists already hands nothing: it may be anybody’s', () => {
    expect(of('POST', '/flow_runs/', 200, run(IDS.running))).toBeUndefined();
  });

  it('to somebody who asks for a run of a deployment hands nothing', () => {
    expect(of('POST', `/deployments/${IDS.nightly}/create_flow_run`, 201, run(IDS.running))).toBeUndefined();
    expect(of('POST', '/flow_runs/', 201, run(IDS.running, 'SCHEDULED', IDS.nightly))).toBeUndefined();
  });

  it('that shows a run to be over ends what was handed', () => {
    const path = `/flow_runs/${IDS.running}/set_state`;
    expect(of('POST', path, 201, { status: 'ACCEPT', state: { type: 'COMPLETED' } })).toEqual({ admit: [], end: [key] });
    expect(of('GET', `/flow_runs/${IDS.running}`, 200, run(IDS.running, 'CRASHED'))).toEqual({ admit: [], end: [key] });
    expect(of('POST', path, 200, { status: 'REJECT', state: { type: 'FAILED' } })).toBeUndefined();
    expect(of('POST', path, 201, { status: 'ACCEPT', state: { type: 'RUNNING' } })).toBeUndefined();
  });

  it('that is a refusal, or of another shape, says nothing', () => {
    expect(of('POST', '/deployments/get_scheduled_flow_runs', 503, [run(IDS.running)])).toBeUndefined();
    expect(of('POST', '/deployments/get_scheduled_flow_runs', 200, [null, { id: 1 }, 'x'])).toEqual({ admit: [], end: [] });
    expect(of('POST', '/deployments/get_scheduled_flow_runs', 200, {})).toEqual({ admit: [], end: [] });
  });
});

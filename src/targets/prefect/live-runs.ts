import { LRUCache } from 'lru-cache';
import type { FlowRunFacts } from './facts.ts';

/** Runs that were lately seen at work, by what they belong to: a run may read its own deployment, flow, pool and queue to the end. */
export interface LiveRuns {
  note(run: FlowRunFacts): void;
  /** A poll has handed it to somebody, who reads what it belongs to before its state says that it is at work. */
  handOut(run: FlowRunFacts): void;
  /** Continuation keys of the runs that belong to `name`. */
  of(kind: RunOwner, name: string): readonly string[];
}

export type RunOwner = 'deployment' | 'flow' | 'work_pool' | 'work_queue';

const MAX_OWNERS = 5_000;
const MAX_RUNS = 256;
/** States in which a run has been handed to somebody. A run that waits for its time has nobody yet. */
const AT_WORK: ReadonlySet<string> = new Set(['PENDING', 'RUNNING', 'PAUSED', 'CANCELLING']);

/** Bounded: the oldest runs of an owner, and the owners longest unseen, are forgotten first. A run's end does not remove it. */
export function createLiveRuns(): LiveRuns {
  const owners = new LRUCache<string, Set<string>>({ max: MAX_OWNERS });

  function add(kind: RunOwner, name: string, run: string): void {
    const key = `${kind} ${name}`;
    const runs = owners.get(key) ?? new Set<string>();
    runs.delete(run);
    runs.add(run);
    if (runs.size > MAX_RUNS) runs.delete(runs.values().next().value ?? run);
    owners.set(key, runs);
  }

  function handOut(run: FlowRunFacts): void {
    const key = `flow-run:${run.id}`;
    add('flow', run.flowId, key);
    if (run.deploymentId !== undefined) add('deployment', run.deploymentId, key);
    if (run.workPool !== '') add('work_pool', run.workPool, key);
    if (run.workPool !== '' && run.workQueue !== '') add('work_queue', JSON.stringify([run.workPool, run.workQueue]), key);
  }

  return {
    note(run) {
      if (AT_WORK.has(run.stateType)) handOut(run);
    },
    handOut,
    of: (kind, name) => [...(owners.get(`${kind} ${name}`) ?? [])],
  };
}

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { IDENTITIES } from '../corpus.ts';
import { Random } from '../generate/random.ts';
import { isBlind, UNREACHED } from './blind.ts';
import { type Mutation, mutationsOf } from './mutation.ts';
import type { Fault, ReplayOptions } from './replay.ts';

/** What of the room decides the verdicts that the answers are about. The rest reads folders, explains and compares. */
const EVALUATION = /^(?:compile|evaluate)\/|^cases\/authoriser\.ts$|^(?:address|wire-text)\.ts$/;
/** Between two signs of life, each after a few sets that take milliseconds without a fault. */
const SILENCE_MS = 5_000;

export interface HuntOptions {
  /** The clone whose evaluator is made faulty; it is not touched. */
  readonly root: string;
  readonly count: number;
  readonly seed: number;
}

export interface Hunted {
  readonly file: string;
  readonly mutation: Mutation;
  readonly isKilled: boolean;
}

/** Puts one fault at a time into the evaluator and sees whether the committed answers find it. */
export async function hunt({ root, count, seed }: HuntOptions): Promise<Hunted[]> {
  const chosen = new Random(seed).some(allMutations(root), count);
  const hunted: Hunted[] = [];
  let replay = await started(root);
  for (const { file, mutation } of chosen) {
    const found = await asked(replay, { file, source: mutation.source });
    // A fault that does not come to an end is found as well.
    if (found === undefined) {
      await replay.terminate();
      replay = await started(root);
    }
    const isKilled = found ?? true;
    hunted.push({ file, mutation, isKilled });
    if (!isKilled)
      console.log(`survived: ${file}:${mutation.line} ${mutation.operator}\n  ${mutation.before}\n  ${mutation.after}`);
  }
  await replay.terminate();
  return hunted;
}

function started(root: string): Promise<Worker> {
  const workerData: ReplayOptions = { root, identities: IDENTITIES };
  const worker = new Worker(new URL('./replay.ts', import.meta.url), { workerData });
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('message', () => {
      worker.off('error', reject);
      resolve(worker);
    });
  });
}

/** Whether the answers find a fault; undefined when the replay came to a stand. */
function asked(worker: Worker, fault: Fault): Promise<boolean | undefined> {
  return new Promise((resolve, reject) => {
    const finish = (found: boolean | undefined): void => {
      clearTimeout(timer);
      worker.off('message', hear);
      worker.off('error', reject);
      resolve(found);
    };
    const timer = setTimeout(() => finish(undefined), SILENCE_MS);
    const hear = (message: boolean | 'alive'): void => {
      if (message === 'alive') timer.refresh();
      else finish(message);
    };
    worker.on('message', hear);
    worker.once('error', reject);
    worker.postMessage(fault);
  });
}

interface Candidate {
  readonly file: string;
  readonly mutation: Mutation;
}

function allMutations(root: string): Candidate[] {
  const room = join('src', 'istio');
  const files = readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
    .filter((name) => EVALUATION.test(name) && name.endsWith('.ts') && !name.endsWith('.test.ts') && !UNREACHED.has(name))
    .sort();
  return files.flatMap((name) => {
    const file = join(room, name);
    return mutationsOf(readFileSync(join(root, file), 'utf8'))
      .filter((mutation) => !isBlind(mutation))
      .map((mutation) => ({ file, mutation }));
  });
}

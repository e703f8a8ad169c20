import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { AnsweredCase } from '../case.ts';
import { compare, profileOf } from '../compare.ts';
import { IDENTITIES, readCorpora } from '../corpus.ts';
import { evaluate } from '../evaluator.ts';
import { Random } from '../generate/random.ts';
import { isBlind } from './blind.ts';
import { type Mutation, mutationsOf } from './mutation.ts';

/**
 * What of the room decides the verdicts that the answers are about. The rest reads folders, explains and compares; `trace.ts` is for
 * explanations, `ztunnel.ts` and `mtls-mode.ts` for what no proxy here does.
 */
const EVALUATION = /^(?:compile|evaluate)\/(?!trace|ztunnel|mtls-mode)|^(?:address|wire-text|verdict|profile[\w-]*)\.ts$/;
const LANES = 2;
const TIMEOUT_MS = 60_000;
/** Most faults show in the first sets; only what survives them sees all. */
const FIRST_SETS = 250;

export interface HuntOptions {
  /** The clone whose evaluator is made faulty; it is copied, not touched. */
  readonly root: string;
  readonly count: number;
  readonly seed: number;
}

export interface Hunted {
  readonly file: string;
  readonly mutation: Mutation;
  readonly isKilled: boolean;
}

/** Puts one fault at a time into a copy of the evaluator and sees whether the committed answers find it. */
export async function hunt({ root, count, seed }: HuntOptions): Promise<Hunted[]> {
  const random = new Random(seed);
  const chosen = random.some(allMutations(root), count);
  const portions = await portionsOf(root);
  const hunted: Hunted[] = [];
  const lane = async (): Promise<void> => {
    const copy = copyOf(root);
    try {
      for (let next = chosen.pop(); next !== undefined; next = chosen.pop()) {
        const { file, original, mutation } = next;
        writeFileSync(join(copy, file), mutation.source);
        const isKilled = await isFound(copy, portions);
        writeFileSync(join(copy, file), original);
        hunted.push({ file, mutation, isKilled });
        if (!isKilled)
          console.log(`survived: ${file}:${mutation.line} ${mutation.operator}\n  ${mutation.before}\n  ${mutation.after}`);
      }
    } finally {
      rmSync(copy, { recursive: true, force: true });
    }
  };
  await Promise.all(Array.from({ length: LANES }, lane));
  return hunted;
}

interface Candidate {
  readonly file: string;
  readonly original: string;
  readonly mutation: Mutation;
}

function allMutations(root: string): Candidate[] {
  const room = join('src', 'istio');
  const files = readdirSync(join(root, room), { recursive: true, encoding: 'utf8' })
    .filter((name) => EVALUATION.test(name) && name.endsWith('.ts') && !name.endsWith('.test.ts'))
    .sort();
  return files.flatMap((name) => {
    const file = join(room, name);
    const original = readFileSync(join(root, file), 'utf8');
    return mutationsOf(original)
      .filter((mutation) => !isBlind(mutation))
      .map((mutation) => ({ file, original, mutation }));
  });
}

/** A clone beside the clone: sources copied, packages shared. */
function copyOf(root: string): string {
  const copy = mkdtempSync(join(tmpdir(), 'fairlead-mutant-'));
  for (const name of ['src', 'bin', 'bootstrap']) cpSync(join(root, name), join(copy, name), { recursive: true });
  for (const name of ['package.json', 'package-lock.json']) cpSync(join(root, name), join(copy, name));
  mkdirSync(copy, { recursive: true });
  symlinkSync(resolve(root, 'node_modules'), join(copy, 'node_modules'));
  return copy;
}

/** The answers by portion, the one that finds most first. */
interface Portion {
  readonly profile: string;
  readonly cases: readonly AnsweredCase[];
  /** What the evaluator without a fault gets wrong: only another result is a find. */
  readonly baseline: string;
}

async function portionsOf(root: string): Promise<Portion[]> {
  const versions = [...readCorpora()].reverse().map(([version, cases]) => ({ profile: profileOf(version), cases }));
  const first = versions.slice(0, 1).map(({ profile, cases }) => ({ profile, cases: cases.slice(0, FIRST_SETS) }));
  const portions: Portion[] = [];
  for (const portion of [...first, ...versions]) portions.push({ ...portion, baseline: await resultOf(root, portion) });
  return portions;
}

async function isFound(root: string, portions: readonly Portion[]): Promise<boolean> {
  for (const portion of portions) {
    // A fault that crashes, or does not come to an end, is found as well.
    const result = await resultOf(root, portion).catch(() => undefined);
    if (result !== portion.baseline) return true;
  }
  return false;
}

async function resultOf(root: string, { profile, cases }: Pick<Portion, 'profile' | 'cases'>): Promise<string> {
  const evaluations = await evaluate(cases, { profile, identities: IDENTITIES, root, timeoutMs: TIMEOUT_MS });
  const { mismatches, unknown } = compare(cases, evaluations);
  return JSON.stringify({ mismatches, unknown });
}

/**
 * Holds the evaluator against real Envoy.
 *
 *     npm run conformance:istio                         replay the committed answers
 *     npm run conformance:istio -- --live 50000         ask a real Envoy as many fresh pairs, --seed N for the same again
 *     npm run conformance:istio -- --mutants 200        how many seeded faults of the evaluator the answers find
 *     npm run conformance:istio -- --root DIR           the evaluator of another clone; --out FILE adds mismatches, a case each
 *     npm run conformance:istio -- --record 10000       write the committed answers anew
 */
import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type { AnsweredCase } from './case.ts';
import { type Comparison, compare, joined, type Mismatch, profileOf } from './compare.ts';
import { CALLERS, IDENTITIES, readCorpora, writeCorpus } from './corpus.ts';
import { evaluate } from './evaluator.ts';
import { makeEdges } from './generate/edges.ts';
import { makeCase, makeCrowd } from './generate/set.ts';
import { makeSingle } from './generate/single.ts';
import { askEnvoy } from './live.ts';
import { hunt } from './mutants/hunt.ts';
import { OVERALL_SHARE, oneSided, smallerShare, tableOf, UNKNOWN_SHARE } from './table.ts';
import { ENVOY_VERSIONS } from './tools.ts';

const PAIRS_A_SET = 24;
/** Pairs of one Envoy run: what is kept in memory at a time. */
const SETS_A_ROUND = 450;
const SHOWN_MISMATCHES = 20;
const MUTANT_SEED = 1;
const KILLED_SHARE = 0.95;
const RECORD_SEED = 2;
/** Sets of one value each and sets of many rules, beside those of whole policies. */
const SINGLES = 480;
const CROWDS = 120;
/** Of the newest version's pairs, how many the older ones answer too. */
const OLDER_SHARE = 0.25;

const { values } = parseArgs({
  options: {
    live: { type: 'string' },
    seed: { type: 'string' },
    envoy: { type: 'string' },
    record: { type: 'string' },
    add: { type: 'boolean', default: false },
    mutants: { type: 'string' },
    out: { type: 'string' },
    root: { type: 'string' },
  },
});

if (values.record !== undefined) await record(Number(values.record));
else if (values.mutants !== undefined) await findMutants(Number(values.mutants));
else await report(values.live === undefined ? await replay() : await live(Number(values.live)));

/** The committed answers of every version, each under its own profile. */
async function replay(): Promise<Comparison> {
  const comparisons: Comparison[] = [];
  for (const [version, cases] of readCorpora()) comparisons.push(await hold(version, cases));
  return joined(comparisons);
}

async function live(pairs: number): Promise<Comparison> {
  const seed = Number(values.seed ?? Date.now() % 1_000_000_000);
  const version = values.envoy ?? ENVOY_VERSIONS[0];
  console.log(`seed ${seed}, Envoy ${version}`);
  const sets = Math.ceil(pairs / PAIRS_A_SET);
  const comparisons: Comparison[] = [];
  for (let at = 0; at < sets; at += SETS_A_ROUND) {
    const cases = Array.from({ length: Math.min(SETS_A_ROUND, sets - at) }, (_, index) => makeCase(seed, at + index, CALLERS));
    comparisons.push(await hold(version, await answered(cases, version)));
  }
  return joined(comparisons);
}

async function answered(cases: Parameters<typeof askEnvoy>[0], version: string): Promise<readonly AnsweredCase[]> {
  const answers = await askEnvoy(cases, { version });
  if (answers.kind === 'missing') {
    console.error(answers.reason);
    process.exit(69);
  }
  for (const { id, reason } of answers.refused) console.log(`left out: ${id}, ${reason}`);
  return answers.cases;
}

async function hold(version: string, cases: readonly AnsweredCase[]): Promise<Comparison> {
  const profile = profileOf(version);
  const comparison = compare(
    cases,
    await evaluate(cases, { profile, identities: IDENTITIES, ...(values.root === undefined ? {} : { root: values.root }) }),
  );
  console.log(`${profile}: ${comparison.pairs} pairs, ${comparison.mismatches.length} mismatches`);
  for (const mismatch of comparison.mismatches.slice(0, SHOWN_MISMATCHES)) console.log(shown(mismatch, cases));
  if (values.out !== undefined) {
    const lines = comparison.mismatches.map(
      (mismatch) => `${JSON.stringify({ ...mismatch, case: smallest(mismatch, cases) })}\n`,
    );
    writeFileSync(values.out, lines.join(''), { flag: 'a' });
  }
  return comparison;
}

function shown(mismatch: Mismatch, cases: readonly AnsweredCase[]): string {
  const request = cases.find(({ id }) => id === mismatch.id)?.requests[mismatch.index];
  const { id, index, expected, actual } = mismatch;
  return `  ${id} #${index}: Envoy ${JSON.stringify(expected)}, here ${JSON.stringify(actual)}, request ${JSON.stringify(request)}`;
}

/** The case with the one request that it is about. */
function smallest({ id, index }: Mismatch, cases: readonly AnsweredCase[]): unknown {
  const one = cases.find((candidate) => candidate.id === id);
  if (one === undefined) return undefined;
  return { ...one, requests: one.requests.slice(index, index + 1), verdicts: one.verdicts.slice(index, index + 1) };
}

async function report(comparison: Comparison): Promise<void> {
  console.log(tableOf(comparison));
  const weak = [...(smallerShare(comparison.overall) < OVERALL_SHARE ? ['all'] : []), ...oneSided(comparison)];
  if (weak.length > 0) console.log(`hardly ever end one way: ${weak.join(', ')}`);
  process.exitCode = comparison.mismatches.length === 0 && comparison.unknown <= comparison.pairs * UNKNOWN_SHARE ? 0 : 1;
}

async function findMutants(count: number): Promise<void> {
  const seed = Number(values.seed ?? MUTANT_SEED);
  const root = values.root ?? resolve(import.meta.dirname, '../..');
  const hunted = await hunt({ root, count, seed });
  const operators = new Map<string, { killed: number; total: number }>();
  for (const { mutation, isKilled } of hunted) {
    const tally = operators.get(mutation.operator) ?? { killed: 0, total: 0 };
    operators.set(mutation.operator, { killed: tally.killed + (isKilled ? 1 : 0), total: tally.total + 1 });
  }
  for (const [operator, { killed, total }] of [...operators].sort()) console.log(`${operator.padEnd(20)} ${killed}/${total}`);
  const killed = hunted.filter(({ isKilled }) => isKilled).length;
  console.log(`killed ${killed}/${hunted.length} (${((100 * killed) / hunted.length).toFixed(1)} %), seed ${seed}`);
  process.exitCode = killed / hunted.length >= KILLED_SHARE ? 0 : 1;
}

async function record(pairs: number): Promise<void> {
  const seed = Number(values.seed ?? RECORD_SEED);
  const kept = values.add ? readCorpora() : new Map<string, readonly AnsweredCase[]>();
  for (const version of ENVOY_VERSIONS) {
    const share = version === ENVOY_VERSIONS[0] ? 1 : OLDER_SHARE;
    const sets = Math.ceil((pairs * share) / PAIRS_A_SET);
    const cases = Array.from({ length: sets }, (_, index) => makeCase(seed, index, CALLERS));
    const singles = Array.from({ length: Math.ceil(SINGLES * share) }, (_, index) => makeSingle(seed, index, CALLERS));
    const crowds = Array.from({ length: Math.ceil(CROWDS * share) }, (_, index) => makeCrowd(seed, index, CALLERS));
    const before = (kept.get(version) ?? []).filter(({ id }) => !id.startsWith('e-'));
    const fresh = await answered([...(values.add ? [] : [...cases, ...singles, ...crowds]), ...makeEdges(IDENTITIES)], version);
    writeCorpus(version, [...before, ...fresh]);
    console.log(`Envoy ${version}: ${before.length + fresh.length} sets of seed ${seed}`);
  }
}

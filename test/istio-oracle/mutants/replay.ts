import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import type { AnsweredCase, Identities } from '../case.ts';
import { compare, profileOf } from '../compare.ts';
import { readCorpora } from '../corpus.ts';
import type { Evaluation } from '../evaluator.ts';

/** A fault to replay the answers against: a file of the evaluator, from the clone's root, and its source with the fault. */
export interface Fault {
  readonly file: string;
  readonly source: string;
}

/** What the thread is started with. */
export interface ReplayOptions {
  readonly root: string;
  readonly identities: Identities;
}

type CaseModule = typeof import('../../../src/istio/cases/evaluate-cases.ts');
type ReadModule = typeof import('../../../src/istio/cases/case.ts');
type ProfileModule = typeof import('../../../src/istio/profile.ts');

const { root, identities } = workerData as ReplayOptions;
const room = pathToFileURL(join(root, 'src')).href;
const faults: Fault[] = [];

// Every fault gets a copy of the modules of its own: the number of the fault stands behind their addresses.
registerHooks({
  resolve(specifier, context, next) {
    const resolved = next(specifier, context);
    const number = context.parentURL?.match(/\?fault=(\d+)$/)?.[1];
    if (number === undefined || !resolved.url.startsWith(room)) return resolved;
    return { ...resolved, url: `${resolved.url.replace(/\?.*$/, '')}?fault=${number}` };
  },
  load(url, context, next) {
    const [, file, number] = /^([^?]*)\?fault=(\d+)$/.exec(url) ?? [];
    const fault = number === undefined ? undefined : faults[Number(number)];
    if (fault === undefined || pathToFileURL(join(root, fault.file)).href !== file) return next(url, context);
    return { format: 'module-typescript', source: fault.source, shortCircuit: true };
  },
});

interface Line {
  readonly answered: AnsweredCase;
  readonly profile: string;
  readonly text: string;
  /** What the evaluator without a fault says. */
  readonly baseline: string;
}

const LINES_A_SIGN = 40;

const lines = await baseline();

parentPort?.on('message', (fault: Fault) => {
  void isFound(fault).then((found) => parentPort?.postMessage(found));
});
parentPort?.postMessage('ready');

/** Cases of all versions and kinds, mixed: what one kind does not find the next does. */
async function baseline(): Promise<readonly Line[]> {
  const evaluateLine = await evaluator({ file: '', source: '' });
  const placed = [...readCorpora()].flatMap(([version, cases]) =>
    cases.map((answered, index) => ({ answered, version, at: (index * 0.618034) % 1 })),
  );
  return placed
    .sort((left, right) => left.at - right.at)
    .map(({ answered, version }) => {
      const { verdicts: _, validation: __, attached: ___, envoy: ____, ...question } = answered;
      const line = { answered, profile: profileOf(version), text: JSON.stringify(question) };
      return { ...line, baseline: evaluateLine(line) };
    });
}

async function isFound(fault: Fault): Promise<boolean> {
  try {
    const evaluateLine = await evaluator(fault);
    return lines.some((line, index) => {
      if (index % LINES_A_SIGN === 0) parentPort?.postMessage('alive');
      const text = evaluateLine(line);
      return text !== line.baseline && shows(line.answered, text) !== shows(line.answered, line.baseline);
    });
  } catch {
    // A fault that crashes is found as well.
    return true;
  }
}

function shows(answered: AnsweredCase, text: string): string {
  const { verdicts } = JSON.parse(text) as { readonly verdicts?: readonly Evaluation[] };
  const { mismatches, unknown } = compare([answered], new Map([[answered.id, verdicts ?? []]]));
  return JSON.stringify({ mismatches, unknown });
}

async function evaluator(fault: Fault): Promise<(line: Pick<Line, 'text' | 'profile'>) => string> {
  const number = faults.push(fault) - 1;
  const load = (name: string): Promise<unknown> => import(`${room}/istio/${name}.ts?fault=${number}`);
  const { evaluateCase } = (await load('cases/evaluate-cases')) as CaseModule;
  const { readIdentities } = (await load('cases/case')) as ReadModule;
  const { PROFILES } = (await load('profile')) as ProfileModule;
  const known = readIdentities(JSON.stringify(identities));
  const now = Math.floor(Date.now() / 1000);
  return ({ text, profile }) =>
    evaluateCase(text, 1, { identities: known, now, profile: PROFILES[profile as keyof typeof PROFILES] }).text;
}

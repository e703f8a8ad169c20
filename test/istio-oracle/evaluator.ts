import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type Case, type Identities, parseLines } from './case.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const TIMEOUT_MS = 600_000;
const OUTPUT_BYTES = 1 << 30;

/** What `fairlead istio eval` prints about a request. */
export interface Evaluation {
  readonly v: 'allow' | 'deny' | 'reject' | 'unknown';
  readonly s?: number;
  readonly by?: string;
  readonly id?: string;
  readonly audit?: string | boolean;
  /** Of `unknown`. */
  readonly reason?: string;
}

export interface EvaluateOptions {
  /** `envoy-1.40`. */
  readonly profile: string;
  readonly identities: Identities;
  /** The clone whose command is run, this one by default. */
  readonly root?: string;
  readonly timeoutMs?: number;
}

/** Evaluations by case id, from the command as anyone runs it: a child process, files in, lines out. Answers are not shown to it. */
export async function evaluate(
  cases: readonly Case[],
  options: EvaluateOptions,
): Promise<ReadonlyMap<string, readonly Evaluation[]>> {
  const folder = await mkdtemp(join(tmpdir(), 'fairlead-istio-eval-'));
  try {
    const input = join(folder, 'cases.jsonl');
    const identities = join(folder, 'identities.json');
    await writeFile(input, cases.map((one) => `${JSON.stringify(questionOf(one))}\n`).join(''));
    await writeFile(identities, JSON.stringify(options.identities));
    const command = join(options.root ?? ROOT, 'bin', 'fairlead.cjs');
    const { stdout } = await promisify(execFile)(
      process.execPath,
      [command, 'istio', 'eval', '--identities', identities, '--profile', options.profile, input],
      { timeout: options.timeoutMs ?? TIMEOUT_MS, maxBuffer: OUTPUT_BYTES },
    ).catch(failed);
    const lines = parseLines<{ readonly id: string; readonly verdicts: readonly Evaluation[] }>(stdout);
    return new Map(lines.map(({ id, verdicts }) => [id, verdicts]));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Without the output, which is long; a line of it that holds no verdicts says what was wrong with a case. */
function failed(error: { readonly code?: unknown; readonly stdout?: string; readonly stderr?: string }): never {
  const wrong = (error.stdout ?? '').split('\n').find((line) => line !== '' && !line.includes('"verdicts":'));
  throw new Error(`the command ended with ${String(error.code)}: ${wrong ?? ''} ${(error.stderr ?? '').slice(-1000)}`);
}

function questionOf({
  id,
  mesh,
  workload,
  service,
  useFilterState,
  xffNumTrustedHops,
  objects,
  requests,
}: Case): Record<string, unknown> {
  return { id, mesh, workload, service, useFilterState, xffNumTrustedHops, objects, requests };
}

import { execFile } from 'node:child_process';

/** Versions that the pinned Prefect accepts: from the first (inclusive) to the last (exclusive). */
const FIRST_VERSION: readonly [number, number] = [3, 11];
const LAST_VERSION: readonly [number, number] = [3, 16];

/** Tried in this order: first those that the lock was checked on. */
const CANDIDATES = ['python3', 'python3.13', 'python3.12', 'python3.11', 'python3.14', 'python3.15', 'python'];

const PROBE_TIMEOUT_MS = 5_000;
const PROBE = [
  'import sys, importlib.util as u',
  'has = all(u.find_spec(n) is not None for n in ("venv", "ensurepip"))',
  'print(sys.version_info[0], sys.version_info[1], int(has), sys.executable)',
].join('\n');

export interface Python {
  readonly kind: 'python';
  /** Absolute path of the interpreter itself, not of a shim. */
  readonly path: string;
  readonly version: string;
}

export interface NoPython {
  readonly kind: 'missing';
  /** One sentence that says what is missing and how to get it. */
  readonly sentence: string;
}

/** Runs a program and yields its standard output; undefined when it cannot be started, fails, or takes too long. */
export type RunProbe = (command: string, args: readonly string[]) => Promise<string | undefined>;

/**
 * Finds a Python that can build the demo's virtual environment: the right version, with `venv` and `ensurepip`.
 * `wanted` (from `FAIRLEAD_PYTHON`) is the only candidate when given. Never rejects.
 */
export async function findPython(options: {
  readonly wanted: string | undefined;
  readonly run: RunProbe;
}): Promise<Python | NoPython> {
  const candidates = options.wanted === undefined ? CANDIDATES : [options.wanted];
  const answers = await Promise.all(candidates.map(async (name) => parseProbe(await options.run(name, ['-c', PROBE]))));
  const found = answers.filter((answer) => answer !== undefined);
  const fitting = found.filter((answer) => isFitting(answer));
  const complete = fitting.find((answer) => answer.hasVenv);
  if (complete !== undefined) return { kind: 'python', path: complete.path, version: versionText(complete) };
  return { kind: 'missing', sentence: missingSentence(options.wanted, found, fitting) };
}

/** `RunProbe` by `execFile`, with the given environment. */
export function probeWith(env: Readonly<Record<string, string | undefined>>): RunProbe {
  return (command, args) =>
    new Promise((resolve) => {
      execFile(
        command,
        [...args],
        { env, timeout: PROBE_TIMEOUT_MS, killSignal: 'SIGKILL', encoding: 'utf8' },
        (error, stdout) => {
          resolve(error === null ? stdout : undefined);
        },
      );
    });
}

interface Answer {
  readonly major: number;
  readonly minor: number;
  readonly hasVenv: boolean;
  readonly path: string;
}

function parseProbe(output: string | undefined): Answer | undefined {
  const match = /^(\d{1,4}) (\d{1,4}) ([01]) (\S.*)\s*$/.exec(output ?? '');
  if (match === null) return undefined;
  return { major: Number(match[1]), minor: Number(match[2]), hasVenv: match[3] === '1', path: (match[4] ?? '').trim() };
}

function isFitting(answer: Answer): boolean {
  const isOldEnough = answer.major === LAST_VERSION[0] && answer.minor < LAST_VERSION[1];
  return isOldEnough && answer.minor >= FIRST_VERSION[1];
}

function versionText(answer: Answer): string {
  return `${answer.major}.${answer.minor}`;
}

function missingSentence(wanted: string | undefined, found: readonly Answer[], fitting: readonly Answer[]): string {
  const needed = `Prefect needs Python ${FIRST_VERSION.join('.')} or newer`;
  const line = 'apt-get install python3 python3-venv';
  const [first] = fitting;
  if (first !== undefined) {
    return `Python ${versionText(first)} at ${first.path} lacks its venv module, so Prefect cannot be installed: run \`apt-get install python3-venv\` and start again.`;
  }
  const [other] = found;
  if (other !== undefined) {
    return `${needed} (older than ${LAST_VERSION.join('.')}), and ${other.path} is ${versionText(other)}: install one (\`${line}\`) or name one in FAIRLEAD_PYTHON, and start again.`;
  }
  if (wanted !== undefined)
    return `${needed}, and \`${wanted}\` (from FAIRLEAD_PYTHON) is none that runs: correct the variable and start again.`;
  return `${needed}, and there is no Python here: run \`${line}\` and start again.`;
}

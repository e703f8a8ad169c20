import { createReadStream } from 'node:fs';
import { Problem } from '../../core/problem.ts';
import { type CaseAnswer, evaluateCase } from '../../istio/cases/evaluate-cases.ts';
import { EXIT } from '../functions.ts';
import { loadIdentities } from './identities-file.ts';
import { linesOf } from './lines.ts';
import { chooseProfile } from './profile-option.ts';

export interface EvalOptions {
  readonly identities?: string;
  readonly profile?: string;
}

/**
 * Evaluates cases from a file or standard input (`-`), a line out for a line in, on standard output. Exit code 3 when a line
 * could not be read; the others are evaluated all the same.
 */
export async function evalCases(file: string, options: EvalOptions): Promise<number> {
  const profile = chooseProfile(options.profile);
  const identities = options.identities === undefined ? new Map() : await loadIdentities(options.identities);
  const lines = linesOf(file === '-' ? process.stdin : createReadStream(file), MAX_LINE);
  let number = 0;
  let code: number = EXIT.ok;
  try {
    for await (const line of lines) {
      number += 1;
      if (line !== undefined && line.trim() === '') continue;
      const { text, isError } =
        line === undefined ? tooLong(number) : evaluateCase(line, number, { identities, profile, now: Date.now() / 1000 });
      if (isError) code = EXIT.invalid;
      if (!process.stdout.write(`${text}\n`)) await new Promise((resolve) => process.stdout.once('drain', resolve));
    }
  } catch (cause) {
    throw new Problem({ code: 'MESH_UNREADABLE', kind: 'invalid', message: `\`${file}\` cannot be read`, cause });
  }
  return code;
}

/** 32 MiB: some 10,000 policies in one case. */
const MAX_LINE = 32 * 1024 * 1024;

function tooLong(line: number): CaseAnswer {
  return { text: JSON.stringify({ line, error: `the line is longer than ${MAX_LINE} bytes` }), isError: true };
}

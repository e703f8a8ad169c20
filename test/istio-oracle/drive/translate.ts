import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Case, parseLines } from '../case.ts';
import type { Translation } from './translation.ts';

/** Translations by id: one run of the translator over all cases, without their requests. */
export async function translate(
  binary: string,
  folder: string,
  cases: readonly Case[],
  keySet: string,
): Promise<ReadonlyMap<string, Translation>> {
  const keys = join(folder, 'keys.json');
  await writeFile(keys, keySet);
  const child = spawn(binary, [keys], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  child.stdin.end(cases.map(({ requests: _, ...rest }) => `${JSON.stringify(rest)}\n`).join(''));
  const chunks: Buffer[] = [];
  for await (const chunk of child.stdout) chunks.push(chunk);
  const [code] = await ended;
  if (code !== 0) throw new Error(`the translator ended with ${code}`);
  const translations = parseLines<Translation>(Buffer.concat(chunks).toString());
  return new Map(translations.map((one) => [one.id, one]));
}

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { type AnsweredCase, type Identities, parseLines } from './case.ts';

const FOLDER = join(import.meta.dirname, 'corpus');

/** The identities that the corpora and the generator use. */
export const IDENTITIES: Identities = JSON.parse(readFileSync(join(import.meta.dirname, 'identities.json'), 'utf8'));

/** Those that sets made by chance choose from; the others are for sets that are written. */
export const CALLERS: Identities = Object.fromEntries(Object.entries(IDENTITIES).filter(([name]) => !name.startsWith('edge-')));

/** The committed answers, by Envoy version (`1.40.0`). */
export function readCorpora(): ReadonlyMap<string, readonly AnsweredCase[]> {
  const files = readdirSync(FOLDER).filter((name) => name.endsWith('.jsonl.gz'));
  return new Map(files.sort().map((name) => [name.slice('envoy-'.length, -'.jsonl.gz'.length), readCorpus(join(FOLDER, name))]));
}

function readCorpus(file: string): AnsweredCase[] {
  return parseLines(gunzipSync(readFileSync(file)).toString());
}

/** Replaces the answers of one version. */
export function writeCorpus(version: string, cases: readonly AnsweredCase[]): void {
  const text = cases.map((one) => `${JSON.stringify(one)}\n`).join('');
  writeFileSync(join(FOLDER, `envoy-${version}.jsonl.gz`), gzipSync(text, { level: 9 }));
}

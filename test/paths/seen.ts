import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Seen } from './verdict.ts';

const FILE = join(import.meta.dirname, 'data', 'seen.jsonl');

/** What Go and Envoy were seen to make of the corpus: a line `[target, go, envoy, envoyMerging]` for each target. */
export function readSeen(): readonly Seen[] {
  const lines = readFileSync(FILE, 'utf8').trimEnd().split('\n');
  return lines.map((line) => {
    const [target, go, envoy, envoyMerging] = JSON.parse(line);
    return { target, go, envoy, envoyMerging };
  });
}

export function writeSeen(seen: readonly Seen[]): void {
  const lines = seen.map(({ target, go, envoy, envoyMerging }) => JSON.stringify([target, go, envoy, envoyMerging]));
  // Control characters above 0x7e are plain text to JSON, and a trap in an editor.
  const plain = lines.join('\n').replace(/[\x7f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  writeFileSync(FILE, `${plain}\n`);
}

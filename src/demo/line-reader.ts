import type { Readable } from 'node:stream';

/** Longest line that is kept; the rest of a longer one is dropped. */
const MAX_LINE_CHARACTERS = 16_384;

/**
 * Calls `onLine` for each line of `stream`, without its line end, and once more for a last one that has none.
 * Bytes that are not UTF-8 read as U+FFFD. Resolves when the stream has ended or failed; never rejects.
 */
export function readLines(stream: Readable, onLine: (line: string) => void): Promise<void> {
  stream.setEncoding('utf8');
  let pending = '';
  stream.on('data', (chunk: string) => {
    const parts = chunk.split('\n');
    const last = parts.pop() ?? '';
    for (const part of parts) {
      onLine(clean(pending + part));
      pending = '';
    }
    pending = (pending + last).slice(0, MAX_LINE_CHARACTERS);
  });
  return new Promise((resolve) => {
    const end = () => {
      if (pending !== '') onLine(clean(pending));
      pending = '';
      resolve();
    };
    stream.once('end', end);
    stream.once('error', end);
    stream.once('close', end);
  });
}

function clean(line: string): string {
  return line.slice(0, MAX_LINE_CHARACTERS).replace(/\r$/, '');
}

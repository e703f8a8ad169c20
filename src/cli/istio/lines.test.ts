import { describe, expect, it } from 'vitest';
import { linesOf } from './lines.ts';

async function read(chunks: readonly (Uint8Array | string)[], maxBytes = 100): Promise<(string | undefined)[]> {
  const stream = (async function* () {
    yield* chunks;
  })();
  const lines: (string | undefined)[] = [];
  for await (const line of linesOf(stream, maxBytes)) lines.push(line);
  return lines;
}

describe('lines of a stream', () => {
  it('are found across chunks, with the last one unended and characters cut in two', async () => {
    const bytes = new TextEncoder().encode('one\r\ntwö\n\nfour');
    expect(await read([bytes.slice(0, 8), bytes.slice(8)])).toEqual(['one', 'twö', '', 'four']);
  });

  it('are undefined where they are too long, and the next one is read', async () => {
    expect(await read(['1234567890', '12345\nnext\n1234567890123'], 12)).toEqual([undefined, 'next', undefined]);
  });
});

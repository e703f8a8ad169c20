import { StringDecoder } from 'node:string_decoder';

/**
 * The lines of a stream of UTF-8, without their ends; undefined in place of a line that is longer than `maxBytes`, of which
 * nothing is kept.
 */
export async function* linesOf(stream: AsyncIterable<Uint8Array | string>, maxBytes: number): AsyncGenerator<string | undefined> {
  const decoder = new StringDecoder('utf8');
  let line = '';
  let isTooLong = false;
  for await (const chunk of stream) {
    const pieces = (typeof chunk === 'string' ? chunk : decoder.write(Buffer.from(chunk))).split('\n');
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) {
        yield isTooLong ? undefined : line.replace(/\r$/, '');
        line = '';
        isTooLong = false;
      }
      if (!isTooLong) line += piece;
      if (line.length > maxBytes) {
        line = '';
        isTooLong = true;
      }
    }
  }
  line += decoder.end();
  if (isTooLong) yield undefined;
  else if (line !== '') yield line;
}

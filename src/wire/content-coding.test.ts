import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeBody } from './content-coding.ts';
import { codeOfAsync } from './testing.ts';

const plain = Buffer.from('hello, world. '.repeat(50));
const CODINGS = [
  ['gzip', gzipSync],
  ['deflate', deflateSync],
  ['br', brotliCompressSync],
] as const;

describe('decodeBody', () => {
  it('returns a body without a coding as it is, within the limit', async () => {
    expect(await decodeBody(plain, undefined, plain.length)).toBe(plain);
    expect(await decodeBody(plain, ' Identity ', plain.length)).toBe(plain);
    expect(await codeOfAsync(() => decodeBody(plain, '', plain.length - 1))).toBe('BODY_TOO_LARGE');
  });

  it.each(CODINGS)('decodes %s, also at exactly the limit, and refuses one byte more', async (coding, compress) => {
    const packed = compress(plain);
    expect(Buffer.from(await decodeBody(packed, coding.toUpperCase(), plain.length))).toEqual(plain);
    expect(await codeOfAsync(() => decodeBody(packed, coding, plain.length - 1))).toBe('BODY_TOO_LARGE');
    expect(await decodeBody(compress(Buffer.alloc(0)), coding, 0)).toHaveLength(0);
    expect(await codeOfAsync(() => decodeBody(compress(Buffer.from('x')), coding, 0))).toBe('BODY_TOO_LARGE');
  });

  it.each(CODINGS)('PATH-7: refuses a %s bomb before it unfolds', async (coding, compress) => {
    const bomb = compress(Buffer.alloc(16 * 1024 * 1024));
    const before = process.memoryUsage().arrayBuffers;
    expect(await codeOfAsync(() => decodeBody(bomb, coding, 64 * 1024))).toBe('BODY_TOO_LARGE');
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 1024 * 1024);
  });

  it.each(CODINGS)('PATH-7: refuses %s that is cut, goes on, or is another coding', async (coding, compress) => {
    const packed = compress(plain);
    const others = CODINGS.filter(([name]) => name !== coding).map(([, other]) => other(plain));
    for (const bytes of [
      packed.subarray(0, -1),
      packed.subarray(0, 1),
      new Uint8Array(),
      Buffer.concat([packed, Buffer.from('junk')]),
      Buffer.concat([packed, Buffer.from([0])]),
      Buffer.concat([packed, packed]),
      plain,
      ...others,
    ]) {
      expect(await codeOfAsync(() => decodeBody(bytes, coding, 10_000))).toBe('CONTENT_CODING_INVALID');
    }
  });

  it('refuses the bare deflate format under the name of the zlib one', async () => {
    expect(await codeOfAsync(() => decodeBody(deflateRawSync(plain), 'deflate', 10_000))).toBe('CONTENT_CODING_INVALID');
  });

  it('reads the optional parts of a gzip header and checks its checksum', async () => {
    const packed = gzipSync(plain);
    const header = Buffer.from(packed.subarray(0, 10));
    header[3] = 2 | 4 | 8 | 16;
    const optional = Buffer.from([3, 0, 1, 2, 3, ...Buffer.from('name\0comment\0'), 0, 0]);
    expect(Buffer.from(await decodeBody(Buffer.concat([header, optional, packed.subarray(10)]), 'gzip', 10_000))).toEqual(plain);
    const damaged = Buffer.from(packed);
    damaged[damaged.length - 5] = (damaged.at(-5) ?? 0) ^ 1;
    expect(await codeOfAsync(() => decodeBody(damaged, 'gzip', 10_000))).toBe('CONTENT_CODING_INVALID');
  });

  it.each([['zstd'], ['gzip, gzip'], ['identity, gzip'], ['compress'], ['gzip;q=1']])('refuses the coding %s', async (coding) => {
    expect(await codeOfAsync(() => decodeBody(plain, coding, 10_000))).toBe('CONTENT_CODING_UNSUPPORTED');
  });

  it('ends in bytes or a known Problem for any input', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('gzip', 'deflate', 'br', 'other', ''),
        fc.uint8Array({ maxLength: 60 }),
        fc.boolean(),
        async (coding, tail, prefixed) => {
          const bytes = prefixed ? Buffer.concat([gzipSync(plain).subarray(0, 10), tail]) : tail;
          expect([undefined, 'CONTENT_CODING_INVALID', 'CONTENT_CODING_UNSUPPORTED', 'BODY_TOO_LARGE']).toContain(
            await codeOfAsync(() => decodeBody(bytes, coding, 30)),
          );
        },
      ),
    );
  });
});

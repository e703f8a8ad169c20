import { brotliDecompress, crc32, inflate, inflateRaw } from 'node:zlib';
import { Problem } from '../core/problem.ts';

/**
 * A whole body without its content coding, at most `maxBytes` long. `encoding` is the value of `Content-Encoding`; undefined,
 * empty and `identity` return the bytes as they are. `deflate` is the zlib format (RFC 9110 §8.4.1.2), never the bare one.
 *
 * Throws BODY_TOO_LARGE, CONTENT_CODING_UNSUPPORTED (415; also two codings one over the other) and CONTENT_CODING_INVALID
 * (truncated, corrupt, or bytes after the end, which decoders treat differently).
 */
export async function decodeBody(bytes: Uint8Array, encoding: string | undefined, maxBytes: number): Promise<Uint8Array> {
  const coding = (encoding ?? '').trim().toLowerCase();
  if (coding === '' || coding === 'identity') {
    if (bytes.byteLength > maxBytes) throw tooLarge(maxBytes);
    return bytes;
  }
  const decode = DECODERS.get(coding);
  if (decode === undefined) {
    throw new Problem({
      code: 'CONTENT_CODING_UNSUPPORTED',
      kind: 'invalid',
      status: 415,
      message: 'the body has a content coding other than gzip, deflate or br',
    });
  }
  return unpack(decode, bytes, maxBytes);
}

/** Throws whatever zlib throws; the result may be at most `maxBytes` long. */
type Decoder = (bytes: Uint8Array, maxBytes: number) => Promise<Uint8Array>;

const DECODERS: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ['gzip', gunzipOne],
  ['x-gzip', gunzipOne],
  ['deflate', whole(inflate)],
  ['br', whole(brotliDecompress)],
]);

async function unpack(decode: Decoder, bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  try {
    return await decode(bytes, maxBytes);
  } catch (thrown) {
    if (thrown instanceof Problem) throw thrown;
    if (thrown instanceof Error && 'code' in thrown && thrown.code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(maxBytes);
    throw invalid('does not have the content coding that it names', thrown);
  }
}

/** The shape that zlib's one-shot functions share. */
type Unzip = (
  bytes: Uint8Array,
  options: { readonly maxOutputLength: number; readonly info: true },
  done: (error: Error | null, result: Uint8Array) => void,
) => void;

/** What zlib calls back with under `info: true`; its declared type knows the buffer alone. */
interface Unzipped {
  readonly buffer: Uint8Array;
  readonly engine: { readonly bytesWritten: number };
}

/** The decoded bytes and how much of the input they took. */
async function run(unzip: Unzip, bytes: Uint8Array, maxBytes: number): Promise<{ output: Uint8Array; taken: number }> {
  // zlib wants a positive limit; the one byte that a limit of 0 then admits is refused below.
  const options = { maxOutputLength: Math.max(1, maxBytes), info: true } as const;
  const { promise, resolve, reject } = Promise.withResolvers<Unzipped>();
  unzip(bytes, options, (error, result) => (error === null ? resolve(result as unknown as Unzipped) : reject(error)));
  const { buffer, engine } = await promise;
  if (buffer.byteLength > maxBytes) throw tooLarge(maxBytes);
  return { output: buffer, taken: engine.bytesWritten };
}

function whole(unzip: Unzip): Decoder {
  return async (bytes, maxBytes) => {
    const { output, taken } = await run(unzip, bytes, maxBytes);
    if (taken !== bytes.byteLength) throw trailing();
    return output;
  };
}

/** FLG bits of RFC 1952 §2.3.1. */
const FHCRC = 2;
const FEXTRA = 4;
const FNAME = 8;
const FCOMMENT = 16;
const RESERVED_FLAGS = 0xe0;

/** Exactly one gzip member: zlib's own reader would go on into a second one, which other readers ignore. */
async function gunzipOne(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = gzipHeaderLength(view);
  const { output, taken } = await run(inflateRaw, bytes.subarray(start), maxBytes);
  const end = start + taken;
  if (end + 8 < bytes.byteLength) throw trailing();
  if (view.getUint32(end, true) !== crc32(output) || view.getUint32(end + 4, true) !== output.byteLength % 2 ** 32) {
    throw invalid('fails the checksum of its content coding');
  }
  return output;
}

/** Reads past the end throw a RangeError, which `unpack` turns into a Problem. */
function gzipHeaderLength(view: DataView): number {
  const flags = view.getUint8(3);
  if (view.getUint16(0) !== 0x1f8b || view.getUint8(2) !== 8 || (flags & RESERVED_FLAGS) !== 0) throw invalid('is not gzip');
  let at = 10;
  if ((flags & FEXTRA) !== 0) at += 2 + view.getUint16(at, true);
  for (const field of [FNAME, FCOMMENT]) {
    if ((flags & field) === 0) continue;
    while (view.getUint8(at) !== 0) at++;
    at++;
  }
  return (flags & FHCRC) === 0 ? at : at + 2;
}

function trailing(): Problem {
  return invalid('goes on after the end of its content coding');
}

function invalid(what: string, cause?: unknown): Problem {
  return new Problem({ code: 'CONTENT_CODING_INVALID', kind: 'invalid', message: `the body ${what}`, cause });
}

function tooLarge(maxBytes: number): Problem {
  return new Problem({
    code: 'BODY_TOO_LARGE',
    kind: 'too_large',
    message: `the body is larger than ${maxBytes} bytes once decoded`,
  });
}

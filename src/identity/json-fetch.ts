import { readFile } from 'node:fs/promises';
import { Agent, type Dispatcher, request } from 'undici';

/** Reads or posts one JSON document. Rejects on anything but an answer in time and in size; a status is a value. */
export type JsonFetch = (
  url: string,
  options?: { readonly bearer?: string; readonly post?: unknown },
) => Promise<{ readonly status: number; readonly body: unknown }>;

/** A Kubernetes API server gives its keys as a key set (RFC 7517 §8.5.1) alone, and 406 to who asks for JSON. */
const ACCEPT = 'application/json, application/jwk-set+json';
const DEADLINE_MS = 5_000;
const MAX_BYTES = 512 * 1024;

/**
 * The only way by which identity reads from providers: no redirect is followed, the deadline covers the whole exchange, the answer
 * is bounded. `caFile` is read when the first connection is made and whenever it could not be read before, so that a bad file
 * troubles its own source alone, and only until it is put right.
 */
export function createJsonFetch(options: { readonly caFile?: string | undefined } = {}): JsonFetch {
  const dispatcher = createDispatcher(options.caFile);
  return async (url, { bearer, post } = {}) => {
    const signal = AbortSignal.timeout(DEADLINE_MS);
    const response = await request(url, {
      dispatcher: await dispatcher(),
      signal,
      method: post === undefined ? 'GET' : 'POST',
      headers: {
        accept: ACCEPT,
        ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
        ...(post === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(post === undefined ? {} : { body: JSON.stringify(post) }),
    });
    const text = await boundedText(response.body);
    return { status: response.statusCode, body: text === '' ? undefined : (JSON.parse(text) as unknown) };
  };
}

/** A dispatcher with the source's own certificate authority; made once. */
export function createDispatcher(caFile: string | undefined): () => Promise<Dispatcher> {
  let made: Dispatcher | undefined;
  return async () => {
    if (made !== undefined) return made;
    const ca = caFile === undefined ? {} : { ca: await readFile(caFile, 'utf8') };
    made ??= new Agent({
      connect: { timeout: DEADLINE_MS, ...ca },
      headersTimeout: DEADLINE_MS,
      bodyTimeout: DEADLINE_MS,
      maxResponseSize: MAX_BYTES,
      connections: 4,
    });
    return made;
  };
}

async function boundedText(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_BYTES) throw new Error(`the answer is longer than ${MAX_BYTES} bytes`);
    chunks.push(chunk);
  }
  return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(chunks));
}

import { type Dispatcher, request } from 'undici';
import { Problem } from '../core/problem.ts';
import type { JsonValue } from '../wire/call.ts';
import { parseJson } from '../wire/json.ts';
import type { UpstreamCredential } from './port.ts';

export interface UpstreamReaderOptions {
  /** Base URL of the system; its path, if any, is kept before each path read. */
  readonly url: string;
  readonly credential?: UpstreamCredential;
  /** Connection pool; undici's own when absent. */
  readonly dispatcher?: Dispatcher;
  /** For the whole exchange, in milliseconds. */
  readonly timeoutMs?: number;
  readonly maxBytes?: number;
}

/** `UpstreamReader` of the target contract. */
export interface JsonReader {
  json(
    method: 'GET' | 'POST',
    path: string,
    body?: JsonValue,
  ): Promise<{ readonly status: number; readonly body: JsonValue | undefined }>;
}

/**
 * Look-ups under the target's own credential. Every failure to get an answer, and an answer that is late, too long or not
 * strict JSON, is the fault LOOKUP_UNAVAILABLE; another status, a redirect included, is a value and is never followed.
 */
export function createUpstreamReader(options: UpstreamReaderOptions): JsonReader {
  const base = new URL(options.url);
  const prefix = base.pathname.replace(/\/$/, '');
  const { credential, dispatcher, timeoutMs = 5_000, maxBytes = 8 * 1024 * 1024 } = options;

  async function exchange(method: 'GET' | 'POST', path: string, body: JsonValue | undefined) {
    const headers: Record<string, string> = { accept: 'application/json', 'accept-encoding': 'identity' };
    if (body !== undefined) headers['content-type'] = 'application/json';
    if (credential !== undefined) headers['authorization'] = (await credential.authorization()).reveal();
    const answer = await request(`${base.origin}${prefix}${path}`, {
      method,
      headers,
      body: body === undefined ? null : JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
      ...(dispatcher === undefined ? {} : { dispatcher }),
    });
    const bytes = await read(answer.body, maxBytes);
    const success = answer.statusCode >= 200 && answer.statusCode < 300;
    return { status: answer.statusCode, body: parse(bytes, success, maxBytes) };
  }

  return {
    async json(method, path, body) {
      // INVARIANT: the path stays on this host; `//host` or a backslash must not name another one.
      if (!/^\/(?![/\\])[\x21-\x5b\x5d-\x7e]*$/.test(path)) throw unavailable('a look-up path is not acceptable');
      try {
        return await exchange(method, path, body);
      } catch (error) {
        if (error instanceof Problem) throw error;
        throw unavailable('the system behind the gateway did not answer a look-up', error);
      }
    },
  };
}

async function read(body: AsyncIterable<Uint8Array> & { destroy(): unknown }, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > maxBytes) {
      body.destroy();
      throw unavailable('the answer to a look-up is too long');
    }
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A 2xx must be readable, or nothing was learned; an error page may be anything. */
function parse(bytes: Uint8Array, success: boolean, maxBytes: number): JsonValue | undefined {
  if (bytes.length === 0) return undefined;
  try {
    return parseJson(bytes, { maxBytes, maxDepth: 128, maxKeys: 1_000_000 });
  } catch (error) {
    if (success) throw unavailable('the answer to a look-up cannot be read', error);
    return undefined;
  }
}

function unavailable(message: string, cause?: unknown): Problem {
  return new Problem({ code: 'LOOKUP_UNAVAILABLE', kind: 'fault', message, cause });
}

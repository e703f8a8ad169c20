import type { Context } from 'hono';
import type { z } from 'zod';
import { Problem } from '../core/problem.ts';
import { parseJson } from '../wire/json.ts';
import type { ControlEnv } from './call.ts';
import type { RequestHead } from './parts.ts';

/** Bodies that hold names and numbers. */
export const SMALL_BYTES = 64 * 1024;

/**
 * The whole JSON body, checked. Only `application/json` is taken: a page elsewhere cannot send that without asking first, and it is
 * never told yes. Problems: BODY_TYPE_UNSUPPORTED (415), BODY_TOO_LARGE (413), BODY_INVALID (400), and those of `parseJson`: a name that
 * stands twice would say one thing here and another where the call was looked at before.
 */
export async function readJson<T>(c: Context<ControlEnv>, schema: z.ZodType<T>, maxBytes = SMALL_BYTES): Promise<T> {
  const { headers } = c.env.call.head;
  if (typeOf(headers) !== 'application/json' || headers.has('content-encoding')) throw unsupported('application/json');
  return checked(schema, parseJson(await readBytes(c, maxBytes), { maxBytes }), 'body');
}

/** The parameters of a form as an object, checked. Problems: BODY_TYPE_UNSUPPORTED (415), BODY_TOO_LARGE (413), BODY_INVALID (400). */
export async function readForm<T>(c: Context<ControlEnv>, schema: z.ZodType<T>, maxBytes = SMALL_BYTES): Promise<T> {
  const { headers } = c.env.call.head;
  if (typeOf(headers) !== 'application/x-www-form-urlencoded' || headers.has('content-encoding')) {
    throw unsupported('application/x-www-form-urlencoded');
  }
  const text = new TextDecoder().decode(await readBytes(c, maxBytes));
  const pairs = [...new URLSearchParams(text)];
  if (new Set(pairs.map(([name]) => name)).size < pairs.length)
    throw invalid('BODY_INVALID', 'a parameter stands more than once');
  return checked(schema, Object.fromEntries(pairs), 'body');
}

/** The query as an object, checked. Empty values count as absent: forms send those. Problems: QUERY_AMBIGUOUS, QUERY_INVALID. */
export function readQuery<T>(query: RequestHead['query'], schema: z.ZodType<T>): T {
  const named = new Map<string, string>();
  for (const [name, value] of query) {
    if (named.has(name)) throw invalid('QUERY_AMBIGUOUS', 'a query parameter stands more than once');
    named.set(name, value);
  }
  return checked(schema, Object.fromEntries([...named].filter(([, value]) => value !== '')), 'query');
}

function checked<T>(schema: z.ZodType<T>, value: unknown, what: 'body' | 'query'): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const at = issue === undefined || issue.path.length === 0 ? what : `\`${issue.path.map(String).join('.')}\``;
  const text = `${at}: ${issue?.message ?? 'is not acceptable'}`.replace(/\p{C}/gu, '?').slice(0, 300);
  throw invalid(what === 'body' ? 'BODY_INVALID' : 'QUERY_INVALID', text);
}

function typeOf(headers: RequestHead['headers']): string | undefined {
  return (headers.get('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase();
}

async function readBytes(c: Context<ControlEnv>, maxBytes: number): Promise<Uint8Array> {
  const { headers } = c.env.call.head;
  if (Number(headers.get('content-length') ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const chunks: Uint8Array[] = [];
  let size = 0;
  const { body } = c.req.raw;
  if (body === null) return new Uint8Array();
  try {
    for await (const chunk of body as ReadableStream<Uint8Array>) {
      size += chunk.byteLength;
      if (size > maxBytes) throw tooLarge(maxBytes);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof Problem) throw error;
    throw new Problem({
      code: 'BODY_INCOMPLETE',
      kind: 'invalid',
      message: 'the body ended before it was complete',
      cause: error,
    });
  }
  return Buffer.concat(chunks);
}

function unsupported(type: string): Problem {
  return new Problem({
    code: 'BODY_TYPE_UNSUPPORTED',
    kind: 'invalid',
    status: 415,
    message: `the body must be \`${type}\` without a content coding`,
  });
}

function tooLarge(maxBytes: number): Problem {
  return new Problem({ code: 'BODY_TOO_LARGE', kind: 'too_large', message: `the body is longer than ${maxBytes} bytes` });
}

function invalid(code: string, message: string): Problem {
  return new Problem({ code, kind: 'invalid', message });
}

const TIMEOUT_MS = 5_000;

export type ApiAnswer = { readonly kind: 'answer'; readonly status: number; readonly body: unknown } | { readonly kind: 'none' };

/** One call to a Prefect API, bounded in time; `none` when nobody answered or what came was not JSON. */
export async function callPrefect(options: {
  /** `http://127.0.0.1:8080/api` */
  readonly url: string;
  readonly path: string;
  /** Value of `Authorization`. */
  readonly authorization: string;
  readonly body?: unknown;
  readonly signal: AbortSignal;
}): Promise<ApiAnswer> {
  const isPost = options.body !== undefined;
  try {
    const response = await fetch(`${options.url}${options.path}`, {
      method: isPost ? 'POST' : 'GET',
      headers: { authorization: options.authorization, ...(isPost ? { 'content-type': 'application/json' } : {}) },
      ...(isPost ? { body: JSON.stringify(options.body) } : {}),
      redirect: 'error',
      signal: AbortSignal.any([options.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    return { kind: 'answer', status: response.status, body: (await response.json()) as unknown };
  } catch {
    return { kind: 'none' };
  }
}

/** A text field of a JSON object; undefined when there is none. */
export function textField(value: unknown, name: string): string | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined;
  const field: unknown = Reflect.get(value, name);
  return typeof field === 'string' ? field : undefined;
}

export function basicAuthorization(authString: string): string {
  return `Basic ${Buffer.from(authString, 'utf8').toString('base64')}`;
}

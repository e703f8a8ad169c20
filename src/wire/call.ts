import type { HeaderList } from './headers.ts';
import type { NormalPath } from './path.ts';

/** A JSON value as the strict parser of `json.ts` yields it; objects have no prototype. */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | { readonly [name: string]: JsonValue };

export type JsonObject = { readonly [name: string]: JsonValue };

/** The head of a call as any door yields it: parsed once, strictly; classification and forwarding read the same values. */
export interface RequestHead {
  /** Upper-case token. */
  readonly method: string;
  readonly path: NormalPath;
  /** Raw query without `?`; empty when there is none. Forwarded as it came. */
  readonly rawQuery: string;
  /** Decoded pairs in order; duplicates stand twice. */
  readonly query: readonly (readonly [name: string, value: string])[];
  readonly headers: HeaderList;
  /** Canonical host: lower case, no port, no trailing dot. */
  readonly host: string;
  /** True for a WebSocket upgrade. */
  readonly upgrade: boolean;
}

/** Value of a query parameter: undefined when absent, a `Problem` QUERY_AMBIGUOUS from `query.ts` when it stands twice. */
export type QueryValue = string | undefined;

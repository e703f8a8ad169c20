/** What pure rooms and doors ask of the outside. Implementations are built in `main.ts` and passed in. */

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

export interface Randomness {
  bytes(count: number): Uint8Array;
}

export type LogFields = Readonly<Record<string, unknown>>;

/** Structured log; `event` is a stable name. Secrets never get here. */
export interface Log {
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

/** Counters, gauges and histograms with bounded label sets. */
export interface Metrics {
  count(name: string, labels?: Readonly<Record<string, string>>, by?: number): void;
  gauge(name: string, value: number, labels?: Readonly<Record<string, string>>): void;
  /** `seconds` or another base unit, as the metric's name says. */
  observe(name: string, value: number, labels?: Readonly<Record<string, string>>): void;
}

/** A component's own word on whether it works; loud ones make `/readyz` tell. */
export interface Health {
  set(component: string, state: 'ok' | 'degraded' | 'failed', message?: string): void;
}

export interface StoredValue {
  readonly key: string;
  readonly value: unknown;
  /** Milliseconds since the epoch; absent: kept until deleted. */
  readonly expiresAtMs?: number;
}

/**
 * Small durable state: sessions, program tokens, revocations, policy revisions, admissions.
 * A promise of a write resolves when the change is on disk. Values are JSON. Expired values read as absent.
 */
export interface Store {
  get(kind: string, key: string): Promise<unknown>;
  list(kind: string, keyPrefix?: string): Promise<readonly StoredValue[]>;
  put(kind: string, key: string, value: unknown, options?: { readonly expiresAtMs?: number }): Promise<void>;
  /** Writes only when the key is absent; false when it was there. */
  add(kind: string, key: string, value: unknown, options?: { readonly expiresAtMs?: number }): Promise<boolean>;
  delete(kind: string, key: string): Promise<void>;
  /** Reads and deletes in one transaction: for one-time codes. */
  take(kind: string, key: string): Promise<unknown>;
}

/** A secret reference resolved (`file://`, `env://`); re-read on rotation. Throws a Problem of kind `fault`. */
export interface Secrets {
  read(reference: string): Promise<import('./secret.ts').Secret>;
}

/** What passes between the gateway's thread and the writer thread. All of it is plain data. */

/** Written in one transaction, whole or not at all. */
export interface Batch {
  readonly id: number;
  /** Which handler of the writer applies the items: `kv`, `audit`. */
  readonly room: string;
  readonly items: readonly unknown[];
  /** True when these items were handed over before and it is not known whether they were written. */
  readonly isRetry?: boolean;
}

export type ToWriter = { readonly kind: 'batch'; readonly batch: Batch } | { readonly kind: 'close' };

/** Answer to one batch that is on disk now. */
export interface BatchDone {
  readonly id: number;
  /** One per item, when the handler yields any. */
  readonly values?: readonly unknown[];
  /** Items that cannot be written at all, whatever the disk; the others of the batch were. */
  readonly refused?: readonly { readonly index: number; readonly reason: string }[];
}

export type FromWriter =
  | { readonly kind: 'ready' }
  | { readonly kind: 'done'; readonly batches: readonly BatchDone[] }
  /** Nothing of these batches was written. */
  | { readonly kind: 'failed'; readonly ids: readonly number[]; readonly reason: string }
  | {
      readonly kind: 'log';
      readonly level: 'info' | 'warn' | 'error';
      readonly event: string;
      readonly fields: Record<string, unknown>;
    }
  | { readonly kind: 'closed' };

import type { Finding } from '../case.ts';

export type Json = { readonly [key: string]: unknown };

/** What the translator prints for a case: see translator/main.go. */
export interface Translation {
  readonly id: string;
  readonly error?: string;
  readonly validation: readonly Finding[];
  readonly attached: Readonly<Record<string, readonly string[]>>;
  readonly http: readonly Json[];
  readonly tcp: readonly Json[];
}

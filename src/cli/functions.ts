import type { Config } from '../config/config.ts';
import type { Diagnostic } from '../core/diagnostic.ts';
import type { PolicySet } from '../policy/port.ts';

/** What the verbs need of the composition root. */
export interface CliFunctions {
  /** Runs the gateway until it is told to end; resolves with the exit code. */
  up(config: Config): Promise<number>;
  /** Runs the supervised demo until it is told to end. */
  demo(options: { readonly dir?: string }): Promise<number>;
  /** Load, test and activation check under a configuration's vocabulary. */
  checkPolicies(
    config: Config,
    files: readonly { readonly path: string; readonly text: string }[],
  ): Promise<{
    readonly policy: PolicySet | undefined;
    readonly diagnostics: readonly Diagnostic[];
    readonly tests: readonly {
      readonly test: { readonly file: string; readonly line: number; readonly name: string };
      readonly passed: boolean;
      readonly message: string;
    }[];
    /** Whether this version could make it active. */
    readonly isActivatable: boolean;
  }>;
  /** `0.1.0`. */
  readonly version: string;
}

/** Exit codes: 0 ok or allowed, 1 failed or different, 2 denied, 3 invalid input, 64 usage. */
export const EXIT = { ok: 0, failed: 1, denied: 2, invalid: 3, usage: 64 } as const;

import { dirname, join, relative, resolve } from 'node:path';
import type { Config } from '../config/config.ts';
import { type ReadPolicyFile, readPolicyFiles } from '../config/policy-files.ts';
import type { Diagnostic } from '../core/diagnostic.ts';

export interface ChosenPolicies {
  /** Names count from the configuration's folder when the configuration names them: as the gateway reads them at start, so that
   * the revision is the same. Else from the working folder. */
  readonly files: readonly ReadPolicyFile[];
  /** A place in one of these files, counted from the working folder, as terminals and editors open it. */
  place(file: string): string;
}

/** The policies that are named on the command line, or else those of a configuration. Problem: POLICY_UNREADABLE. */
export async function choosePolicies(
  paths: readonly string[],
  config: Pick<Config, 'file' | 'policies'> | undefined,
): Promise<ChosenPolicies> {
  const cwd = process.cwd();
  const isConfigured = paths.length === 0 && config !== undefined;
  const base = isConfigured ? dirname(config.file) : cwd;
  const chosen = isConfigured ? config.policies.map(({ path }) => path) : paths.map((path) => resolve(path));
  return { files: await readPolicyFiles(chosen, base), place: (file) => join(relative(cwd, base), file) };
}

/** Diagnostics of chosen policies, with places that can be opened from here. */
export function placed(diagnostics: readonly Diagnostic[], { files, place }: ChosenPolicies): readonly Diagnostic[] {
  const names = new Set(files.map(({ path }) => path));
  return diagnostics.map((one) => (names.has(one.file) ? { ...one, file: place(one.file) } : one));
}

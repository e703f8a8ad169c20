import { resolve } from 'node:path';
import { readPolicyFiles } from '../config/policy-files.ts';
import { diagnosticText } from '../core/diagnostic.ts';
import { type CliFunctions, EXIT } from './functions.ts';
import type { Output } from './output.ts';
import { readConfig } from './read-config.ts';

/** Loads, checks and tests policies under a configuration, with no server. */
export async function check(
  paths: readonly string[],
  options: { readonly config: string },
  functions: CliFunctions,
  output: Output,
): Promise<number> {
  const config = await readConfig(options.config);
  if (config === undefined) return EXIT.invalid;
  const chosen = paths.length > 0 ? paths.map((path) => resolve(path)) : config.policies.map(({ path }) => path);
  const files = await readPolicyFiles(chosen, process.cwd());
  const { policy, diagnostics, tests, isActivatable } = await functions.checkPolicies(config, files);
  const failed = tests.filter((test) => !test.passed);
  output.data({ revision: policy?.revision, activatable: isActivatable, diagnostics, tests }, () => {
    const lines = diagnostics.map(diagnosticText);
    for (const { test, message } of failed) lines.push(`${test.file}:${test.line}: error: test \`${test.name}\`: ${message}`);
    const errors = diagnostics.filter((one) => one.severity === 'error').length;
    lines.push(
      policy === undefined
        ? `${count(files.length, 'file')}: ${count(errors, 'error')}`
        : `${count(files.length, 'file')}, ${count(policy.rules.length, 'rule')}, ${count(tests.length, 'test')}: ` +
            `${tests.length - failed.length} passed, ${failed.length} failed${isActivatable ? '' : '; this gateway would not activate it'}`,
    );
    return lines.join('\n');
  });
  if (policy === undefined) return EXIT.invalid;
  return failed.length > 0 || diagnostics.some((one) => one.severity === 'error') ? EXIT.failed : EXIT.ok;
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

import { type Diagnostic, diagnosticText } from '../core/diagnostic.ts';
import { type CliFunctions, EXIT } from './functions.ts';
import type { Output } from './output.ts';
import { choosePolicies, placed } from './policy-choice.ts';
import { readConfig } from './read-config.ts';
import { failedTestTexts } from './test-text.ts';

/** Loads, checks and tests a configuration and its policies; reaches no server and opens no secret. */
export async function check(
  paths: readonly string[],
  options: { readonly config: string },
  functions: Pick<CliFunctions, 'checkPolicies'>,
  output: Output,
): Promise<number> {
  const { config, diagnostics: ofConfig } = await readConfig(options.config, process.env);
  if (config === undefined) {
    output.data({ activatable: false, diagnostics: ofConfig, tests: [] }, () =>
      [...ofConfig.map(diagnosticText), `${options.config}: ${found(ofConfig)}; policies were not read`].join('\n'),
    );
    return EXIT.invalid;
  }
  const chosen = await choosePolicies(paths, config);
  const { files, place } = chosen;
  const { policy, diagnostics, tests, isActivatable } = await functions.checkPolicies(config, files);
  const all = [...ofConfig, ...placed(diagnostics, chosen)];
  const failed = tests.filter(({ passed }) => !passed);
  output.data({ revision: policy?.revision, activatable: isActivatable, diagnostics: all, tests }, () => {
    const lines = [...all.map(diagnosticText), ...failedTestTexts(tests, place)];
    if (files.length === 0) lines.push('No policy files: a gateway would deny every call but those of its administrators.');
    else if (policy === undefined) lines.push(`${count(files.length, 'file')}: ${found(all)}`);
    else {
      const passed = tests.length - failed.length;
      // Without those that stand for `administrators`.
      const names = new Set(files.map(({ path }) => path));
      const rules = policy.rules.filter(({ ref }) => names.has(ref.file));
      const parts = [count(files.length, 'file'), count(rules.length, 'rule'), count(tests.length, 'test')];
      const more = isActivatable ? '' : '; this version would not activate it';
      lines.push(`${parts.join(', ')}: ${passed} passed, ${failed.length} failed; ${found(all)}${more}`);
    }
    return lines.join('\n');
  });
  if (policy === undefined) return EXIT.invalid;
  return isActivatable ? EXIT.ok : EXIT.failed;
}

function found(diagnostics: readonly Diagnostic[]): string {
  const errors = diagnostics.filter(({ severity }) => severity === 'error').length;
  return `${count(errors, 'error')}, ${count(diagnostics.length - errors, 'warning')}`;
}

function count(number: number, word: string): string {
  return `${number} ${word}${number === 1 ? '' : 's'}`;
}

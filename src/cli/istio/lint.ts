import { type Diagnostic, diagnosticText } from '../../core/diagnostic.ts';
import type { Finding } from '../../istio/lint/finding.ts';
import { lint } from '../../istio/lint/lint.ts';
import { withoutCommented } from '../../istio/lint/suppression.ts';
import { validateModel } from '../../istio/validate/validate.ts';
import { EXIT } from '../functions.ts';
import type { Output } from '../output.ts';
import { loadSomeMesh, type MeshOptions } from './mesh.ts';

export interface LintOptions extends MeshOptions {
  readonly severity: 'warning' | 'error';
}

/**
 * Prints what validation and lint find, in the order of files and lines. Exit code 1 when there is something. Problem: as `loadSomeMesh`.
 */
export async function lintFiles(options: LintOptions, output: Output): Promise<number> {
  const { model, profile, sources } = await loadSomeMesh(options, output);
  const texts = new Map(sources.map(({ file, text }) => [file, text]));
  const found: readonly (Diagnostic | Finding)[] = [...validateModel(model), ...withoutCommented(lint(model, profile), texts)];
  const order = new Map(sources.map(({ file }, index) => [file, index]));
  const rank = ({ file }: Diagnostic): number => order.get(file) ?? 0;
  const findings = found
    .filter(({ severity }) => severity === 'error' || options.severity === 'warning')
    .sort((a, b) => rank(a) - rank(b) || a.line - b.line || a.column - b.column);
  output.data({ profile: profile.name, findings: findings.map(shown) }, () => findings.map(diagnosticText).join('\n'));
  const policies = model.policies.length + model.requestAuthentications.length + model.peerAuthentications.length;
  output.say(`${count(findings.length, 'finding')} in ${count(policies, 'policy', 'policies')} (${profile.name})`);
  return findings.length === 0 ? EXIT.ok : EXIT.failed;
}

/** What programs get: the example as text, without the facts that it was evaluated with. */
function shown(finding: Diagnostic | Finding): object {
  if (!('object' in finding)) return finding;
  const { example, ...rest } = finding;
  return example === undefined ? rest : { ...rest, example: { request: example.request, verdict: example.verdict } };
}

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

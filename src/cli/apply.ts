import { resolve } from 'node:path';
import { readPolicyFiles } from '../config/policy-files.ts';
import { diagnosticText } from '../core/diagnostic.ts';
import { EXIT } from './functions.ts';
import type { Output } from './output.ts';
import { signedIn } from './session.ts';

/** Makes policies active on a running gateway, by digest; what it refuses is told in full. */
export async function apply(
  paths: readonly string[],
  options: { readonly origin?: string; readonly expect?: string },
  output: Output,
): Promise<number> {
  const chosen = (paths.length > 0 ? paths : ['policies']).map((path) => resolve(path));
  const files = await readPolicyFiles(chosen, process.cwd());
  const { client } = await signedIn(options);
  const result = await client.applyPolicy({ files, ...(options.expect === undefined ? {} : { expected: options.expect }) });
  output.data(result, () => {
    const lines = result.diagnostics.map(diagnosticText);
    for (const { test, passed, message } of result.tests) {
      if (!passed) lines.push(`${test.file}:${test.line}: error: test \`${test.name}\`: ${message}`);
    }
    if (result.applied) lines.push(`Active: ${result.revision ?? ''}`);
    else lines.push(result.conflict ? 'Not applied: another revision has become active.' : 'Not applied.');
    return lines.join('\n');
  });
  return result.applied ? EXIT.ok : EXIT.failed;
}

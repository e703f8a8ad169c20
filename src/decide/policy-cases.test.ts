import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { diagnosticText } from '../core/diagnostic.ts';
import { VOCABULARY } from '../policy/cases/vocabulary.ts';
import { loadPolicies } from '../policy/load.ts';
import { runPolicyTests } from '../policy/policy-test.ts';
import { decide } from './decide.ts';

/** Each `*.case.yaml` is a policy and its own tests, loaded alone and run on the engine that decides for real. */
const FOLDER = new URL('../policy/cases/', import.meta.url);

for (const name of readdirSync(FOLDER).filter((file) => file.endsWith('.case.yaml'))) {
  describe(name, () => {
    const text = readFileSync(new URL(name, FOLDER), 'utf8');
    const { policy, diagnostics } = loadPolicies([{ path: name, text }], VOCABULARY);
    if (policy === undefined) throw new Error(diagnostics.map(diagnosticText).join('\n'));
    const results = runPolicyTests(
      policy,
      (input) => decide({ ...input, access: ['policy'], mode: 'enforce', admitted: new Set() }).decision,
    );
    it.each(results)('$test.name', ({ message }) => {
      expect(message).toBe('');
    });
  });
}

import type { Config } from './config/config.ts';
import type { PolicyTools } from './control/activation.ts';
import { decide } from './decide/decide.ts';
import { notEnforceable } from './policy/activation.ts';
import { loadPolicies } from './policy/load.ts';
import { runPolicyTests } from './policy/policy-test.ts';
import type { Vocabulary } from './policy/port.ts';
import { FAIRLEAD_CATALOGUE } from './targets/fairlead/catalogue.ts';
import { HTTP_CATALOGUE } from './targets/http/catalogue.ts';
import { PREFECT_CATALOGUE } from './targets/prefect/catalogue.ts';

/** What names in policies may refer to under a configuration: its targets and sources, and every adapter's catalogue. */
export function vocabularyOf(config: Pick<Config, 'targets' | 'identity' | 'administrators'>): Vocabulary {
  return {
    targets: config.targets.map(({ name, system }) => ({ name, kind: system.kind })),
    catalogues: [PREFECT_CATALOGUE, HTTP_CATALOGUE, FAIRLEAD_CATALOGUE],
    sources: config.identity.map(({ name, home }) => ({ name, home })),
    administrators: config.administrators,
  };
}

/** Load, test and activation check under one vocabulary: the same for `fairlead check` and for a running gateway. */
export function policyTools(config: Pick<Config, 'targets' | 'identity' | 'administrators'>): PolicyTools {
  const vocabulary = vocabularyOf(config);
  return {
    load: (files) => loadPolicies(files, vocabulary),
    notEnforceable,
    test: (policy) =>
      runPolicyTests(policy, (input) => decide({ ...input, access: ['policy'], mode: 'enforce', admitted: new Set() }).decision),
  };
}

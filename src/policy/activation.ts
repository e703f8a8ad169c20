import type { ObligationKind } from '../core/decision.ts';
import type { Diagnostic } from '../core/diagnostic.ts';
import type { PolicySet } from './port.ts';

/** Obligations that nothing here keeps: activation refuses them by name. `check` accepts them; rules that only observe ask for nothing. */
export function notEnforceable(policy: PolicySet, enforced: ReadonlySet<ObligationKind>): readonly Diagnostic[] {
  return policy.rules
    .filter((rule) => rule.mode === 'enforce')
    .flatMap((rule) => rule.require.filter((obligation) => !enforced.has(obligation.kind)))
    .map(({ kind, rule }) => ({
      severity: 'error',
      code: 'OBLIGATION_NOT_ENFORCEABLE',
      message: `rule \`${rule.name}\` requires \`${kind}\`, which this gateway does not enforce yet`,
      file: rule.file,
      line: rule.line,
      column: 1,
      help: `remove \`${kind}\`, or give the rule \`mode: observe\``,
    }));
}

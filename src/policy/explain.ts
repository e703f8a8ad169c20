import type { Clause } from '../core/decision.ts';
import { clausesOf } from './clause.ts';
import type { EvaluationInput, NearestRule, PolicySet, Rule } from './port.ts';

/** How far a failing part puts a rule off, among rules with as many failing parts: other actions are another matter entirely. */
const DISTANCE: Readonly<Record<Clause['part'], number>> = { who: 1, when: 1, unless: 1, on: 3, action: 5 };

/** The `can` rules that would have granted the request with the fewest failing clauses, and what is missing. Nearest first. */
export function nearest(policy: PolicySet, input: EvaluationInput, limit = 3): readonly NearestRule[] {
  const found: { readonly rule: Rule; readonly failing: readonly Clause[]; readonly distance: number }[] = [];
  for (const rule of policy.rules) {
    if (rule.verb !== 'can' || rule.mode !== 'enforce') continue;
    const failing = clausesOf(rule, input).filter((clause) => clause.result !== (clause.part === 'unless' ? 'false' : 'true'));
    const isUnrelated = failing.length > 1 && failing.some((clause) => clause.part === 'action');
    if (failing.length === 0 || isUnrelated) continue;
    found.push({ rule, failing, distance: failing.reduce((sum, clause) => sum + DISTANCE[clause.part], 0) });
  }
  found.sort(
    (a, b) => a.failing.length - b.failing.length || a.distance - b.distance || (a.rule.ref.name < b.rule.ref.name ? -1 : 1),
  );
  return found.slice(0, limit).map(({ rule, failing }) => ({
    rule: rule.ref,
    failing,
    missing: failing.map((clause) => missing(clause, rule)).join('; '),
    ...(rule.owner === undefined ? {} : { ask: rule.owner }),
  }));
}

function missing(clause: Clause, rule: Rule): string {
  const seen = clause.observed === '' ? '' : ` (seen: ${clause.observed})`;
  switch (clause.part) {
    case 'who':
      return `needs ${rule.who.map((who) => whoWords(who.text)).join(' or ')}`;
    case 'action':
      return `does not cover \`${clause.observed}\``;
    case 'on':
      return `reaches only ${rule.on.map((pattern) => `\`${pattern.text}\``).join(', ')}`;
    case 'when':
      return `needs \`${clause.pattern}\`${clause.result === 'error' ? ', which cannot be told' : ''}${seen}`;
    case 'unless':
      return `is taken back by \`${clause.pattern}\`${clause.result === 'error' ? ', which cannot be told' : ''}${seen}`;
    default:
      return clause.part satisfies never;
  }
}

function whoWords(text: string): string {
  return text.startsWith('group:') && !text.includes(' ') ? `group \`${text.slice('group:'.length)}\`` : `\`${text}\``;
}

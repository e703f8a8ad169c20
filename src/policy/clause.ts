import { resourceText } from '../core/access.ts';
import { callerText } from '../core/caller.ts';
import type { Clause } from '../core/decision.ts';
import { hasAction } from './action-pattern.ts';
import { conditionScope } from './condition/condition.ts';
import type { Condition, EvaluationInput, Rule } from './port.ts';
import { matchesResource } from './resource-pattern.ts';
import { matchWho, type WhoMatch } from './who.ts';

const MAX_OBSERVED = 300;

/** Each part of a rule held against what was seen; where an entry of a list matches, that entry is the pattern. */
export function clausesOf(rule: Rule, input: EvaluationInput): readonly Clause[] {
  const { request, caller } = input;
  const width = rule.verb === 'can' ? 'narrow' : 'wide';
  const clause = (
    part: Clause['part'],
    entries: readonly { readonly text: string; readonly line: number }[],
    observed: string,
    result: Clause['result'],
  ): Clause => ({
    rule: rule.ref.name,
    part,
    pattern: entries.map((entry) => entry.text).join(', '),
    observed: observed.length > MAX_OBSERVED ? `${observed.slice(0, MAX_OBSERVED)}…` : observed,
    result,
    line: entries[0]?.line ?? rule.ref.line,
  });
  const clauses: Clause[] = [];

  const answers = rule.who.map((who) => matchWho(who.form, caller, width));
  const who = best(answers);
  const groups = caller.membership.groups.length > 0 ? ` in ${caller.membership.groups.join(', ')}` : '';
  const unknown = caller.membership.complete ? '' : ' (groups not fully known)';
  clauses.push(
    clause(
      'who',
      who === 'false' ? rule.who : rule.who.filter((_, index) => answers[index] === who).slice(0, 1),
      `${callerText(caller)}${groups}${unknown}`,
      who === 'unknown' ? 'error' : who,
    ),
  );

  const isCovered = hasAction(rule.actions, request.action);
  const exact = rule.actions.patterns.filter((pattern) => pattern.text === request.action);
  clauses.push(clause('action', exact.length > 0 ? exact : rule.actions.patterns, request.action, isCovered ? 'true' : 'false'));

  const reaching = rule.on.filter((pattern) => matchesResource(pattern, request.resource.path));
  clauses.push(
    clause(
      'on',
      reaching.length > 0 ? reaching.slice(0, 1) : rule.on,
      resourceText(request.resource.path),
      reaching.length > 0 ? 'true' : 'false',
    ),
  );

  for (const part of ['when', 'unless'] as const) {
    const condition = rule[part];
    if (condition !== undefined) clauses.push(clause(part, [condition], ...observe(condition, input)));
  }
  return clauses;
}

/** What the condition read, and what came of it. A scope of its own, so that nothing else shows. */
function observe(condition: Condition, input: EvaluationInput): [observed: string, result: Clause['result']] {
  const scope = conditionScope(input);
  const result = condition.evaluate(scope);
  const read = Object.entries(scope.attributesRead).map(([name, value]) => `${name}=${JSON.stringify(value)}`);
  return [read.join(', '), result];
}

function best(answers: readonly WhoMatch[]): WhoMatch {
  return answers.includes('true') ? 'true' : answers.includes('unknown') ? 'unknown' : 'false';
}

import { resourceText } from '../core/access.ts';
import type { Caller } from '../core/caller.ts';
import { hasAction } from './action-pattern.ts';
import { type Evaluation, evaluate } from './evaluate.ts';
import type { EvaluationInput, PolicySet, Rule } from './port.ts';
import { matchesResource } from './resource-pattern.ts';

/**
 * As `evaluate`, which is slow next to all else that happens to a call; programs ask for the same things again and again. Only what
 * rests on nothing but the policy, the caller, the action and the resource's name is remembered: where a rule with a condition or
 * an obligation reaches the request, it is evaluated each time. INVARIANT: the result is that of `evaluate`. A new policy is a new
 * object and begins with nothing remembered; a caller is one object while its credential counts as verified, and never changes.
 */
export function evaluateOnce(policy: PolicySet, input: EvaluationInput): Evaluation {
  const { caller, request } = input;
  // Those whom no source proved are a new object with every call.
  if (caller.source === '') return evaluate(policy, input);
  const known = memoryOf(policy).of(caller);
  const key = `${request.action}\n${request.moment ?? ''}\n${resourceText(request.resource.path)}`;
  if (key.length > MAX_KEY_LENGTH) return evaluate(policy, input);
  const found = known.get(key);
  if (found !== undefined) return found;
  const evaluation = evaluate(policy, input);
  if (isFixed(policy, input) && memoryOf(policy).hasRoom()) known.set(key, evaluation);
  return evaluation;
}

/** Evaluations that are remembered of one policy, over all callers; beyond, all are forgotten. */
const MAX_REMEMBERED = 4_000;
/** Names of things that programs ask for again and again are short; a path of thousands of characters is not kept. */
const MAX_KEY_LENGTH = 512;

class Memory {
  #callers = new WeakMap<Caller, Map<string, Evaluation>>();
  #size = 0;

  of(caller: Caller): Map<string, Evaluation> {
    let known = this.#callers.get(caller);
    if (known === undefined) {
      known = new Map();
      this.#callers.set(caller, known);
    }
    return known;
  }

  /** Counts one more; false when there was no room and it begins anew. */
  hasRoom(): boolean {
    this.#size += 1;
    if (this.#size <= MAX_REMEMBERED) return true;
    this.#size = 0;
    this.#callers = new WeakMap();
    return false;
  }
}

const memories = new WeakMap<PolicySet, Memory>();

function memoryOf(policy: PolicySet): Memory {
  let memory = memories.get(policy);
  if (memory === undefined) {
    memory = new Memory();
    memories.set(policy, memory);
  }
  return memory;
}

/** Has nothing a say that may change from call to call? Asked widely: whom a rule is for is not looked at. */
function isFixed(policy: PolicySet, { request }: EvaluationInput): boolean {
  const implying = policy.implied.get(request.action) ?? [];
  return policy.rules.every((rule) => {
    if (isUnconditional(rule)) return true;
    // A right that another brings along may be held on a parent.
    if (implying.some((action) => hasAction(rule.actions, action))) return false;
    return !hasAction(rule.actions, request.action) || !rule.on.some((on) => matchesResource(on, request.resource.path));
  });
}

function isUnconditional(rule: Rule): boolean {
  return rule.when === undefined && rule.unless === undefined && rule.require.length === 0;
}

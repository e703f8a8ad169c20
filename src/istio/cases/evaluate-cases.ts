import type { JsonValue } from '../../wire/call.ts';
import { parseJson } from '../../wire/json.ts';
import type { Chain } from '../chain.ts';
import { compileChain } from '../compile/chain.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import type { Profile } from '../profile.ts';
import { isObject } from '../read/field.ts';
import type { Verdict } from '../verdict.ts';
import { type Case, type CaseOptions, caseId, readCase } from './case.ts';

export interface EvaluateCasesOptions extends CaseOptions {
  readonly profile: Profile;
}

/** The answer to one line: a line of JSON, and whether something in the line could not be read. */
export interface CaseAnswer {
  readonly text: string;
  readonly isError: boolean;
}

/**
 * Evaluates policy sets with their requests, a JSON object a line; a line out for each line in, blank ones left out. A line
 * that cannot be read yields `{"line", "id"?, "error"}`, a request that cannot be read `unknown` with its `error` in its place, and
 * the work goes on.
 */
export function* evaluateCases(lines: Iterable<string>, options: EvaluateCasesOptions): Generator<CaseAnswer> {
  let number = 0;
  for (const line of lines) {
    number += 1;
    if (line.trim() !== '') yield evaluateCase(line, number, options);
  }
}

/** One line; `number` is its 1-based place, for the error. */
export function evaluateCase(line: string, number: number, options: EvaluateCasesOptions): CaseAnswer {
  let id: string | number | undefined;
  try {
    const value = parseJson(new TextEncoder().encode(line), LIMITS);
    id = idOf(value);
    const read = readCase(value, options);
    return {
      text: JSON.stringify({ id: read.id, profile: options.profile.name, verdicts: verdictsOf(read, options.profile) }),
      isError: read.unreadable.size > 0,
    };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const text = JSON.stringify({ line: number, ...(id !== undefined && { id }), error: error.message });
    return { text, isError: true };
  }
}

/** What the proxy of a case does with each of its requests, those that cannot be read in their places. */
export function verdictsOf({ model, workload, requests, unreadable }: Case, profile: Profile): readonly ShownVerdict[] {
  const chains = new Map<string, Chain>();
  const verdicts = requests.map((facts): ShownVerdict => {
    const chain = chains.get(facts.transport) ?? compileChain(model, workload, facts.transport, profile);
    chains.set(facts.transport, chain);
    return shown(evaluate(chain, facts), facts.transport);
  });
  for (const [index, { message }] of unreadable)
    verdicts.splice(index, 0, { v: 'unknown', reason: 'unreadable', error: message });
  return verdicts;
}

/** A verdict as it is printed: dry-run results as words with their ids beside them, and on TCP nothing but the verdict. */
export type ShownVerdict = Pick<Verdict, 'v' | 's' | 'by' | 'id' | 'ext' | 'asked' | 'path' | 'remote'> & {
  readonly reason?: Verdict['reason'] | 'unreadable';
  /** What could not be read in the request, when `reason` is `unreadable`. */
  readonly error?: string;
  /** As Envoy's access log writes it. */
  readonly audit?: 'true';
  readonly dryAllow?: string;
  readonly dryAllowId?: string;
  readonly dryDeny?: string;
  readonly dryDenyId?: string;
};

function shown(verdict: Verdict, transport: 'http' | 'tcp'): ShownVerdict {
  const { dryAllow, dryDeny, audit, v, reason, ...rest } = verdict;
  if (transport === 'tcp') return { v, ...(reason !== undefined && { reason }) };
  return {
    v,
    ...(reason !== undefined && { reason }),
    ...rest,
    ...(audit === true && { audit: 'true' }),
    ...(dryAllow !== undefined && { dryAllow: dryAllow.result, ...(dryAllow.id !== undefined && { dryAllowId: dryAllow.id }) }),
    ...(dryDeny !== undefined && { dryDeny: dryDeny.result, ...(dryDeny.id !== undefined && { dryDenyId: dryDeny.id }) }),
  };
}

function idOf(value: JsonValue): string | number | undefined {
  return isObject(value) ? caseId(value) : undefined;
}

const LIMITS = { maxBytes: 32 * 1024 * 1024, maxKeys: 1_000_000 };

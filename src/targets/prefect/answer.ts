import type { JsonValue } from '../../wire/call.ts';
import type { LocalAnswer, Refusal } from '../target.ts';

export interface Answered extends LocalAnswer {
  readonly body: string;
}

/** An answer in JSON: any other body ends Prefect's commands in a traceback. */
export function jsonAnswer(
  status: number,
  decisionId: string,
  body: JsonValue,
  headers: Readonly<Record<string, string>> = {},
): Answered {
  const common = {
    'content-type': 'application/json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'x-fairlead-decision': decisionId,
  };
  return { status, headers: { ...common, ...headers }, body: JSON.stringify(body) };
}

/**
 * "Not now": clients and workers wait and ask again without counting the tries.
 * INVARIANT: `Retry-After` is never 0, which makes them ask in a tight loop.
 */
export function fault(detail: string, decisionId: string): Answered {
  return jsonAnswer(503, decisionId, { detail }, { 'retry-after': '2', 'prefect-maintenance': 'true' });
}

/** The sentence with the decision id, as one line that means nothing else to a client. */
export function plainDetail(refusal: Refusal): string {
  const sentence = unreserved(refusal.sentence.replace(/\s+/g, ' ').trim());
  return `${sentence} (decision ${refusal.decisionId})`;
}

/** Clients search denials for these phrases and then do something else: fetch a token again, raise another error. */
const RESERVED = /invalid csrf token|maximum number|plan does not support/gi;

function unreserved(text: string): string {
  return text.replace(RESERVED, (phrase) => phrase.replaceAll(' ', '_'));
}

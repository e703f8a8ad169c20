import { asProblem, Problem } from '../../core/problem.ts';
import type { Call } from '../../targets/target.ts';
import type { JsonValue } from '../../wire/call.ts';
import { parseJson } from '../../wire/json.ts';
import type { Classified, Known } from '../passage.ts';

/**
 * What does the call mean? The body is read only where the meaning depends on it, and then strictly: what we read and what the
 * upstream reads must be the same. A target that only observes lets an unclear call pass, with the problem on record.
 */
export async function classifyCall(known: Known): Promise<Classified> {
  const { target, operation, incoming } = known;
  const call: Call = { operation, head: incoming.head, caller: known.caller, body: undefined, decisionId: known.decisionId };
  if (operation.identity === 'none') return { ...known, call, bytes: undefined, requests: undefined, problem: undefined };
  let bytes: Uint8Array | undefined;
  try {
    bytes = operation.body === 'json' ? await readBody(known) : undefined;
    const body = bytes === undefined || bytes.length === 0 ? undefined : parseJson(bytes);
    const read: Call = { ...call, body };
    const { requests } = await target.adapter.classify(read);
    return { ...known, call: read, bytes, requests, problem: undefined };
  } catch (thrown) {
    const problem = asProblem(thrown);
    // A body that did not arrive cannot be passed on either.
    if (target.mode !== 'observe' || problem.kind === 'too_large' || NOT_ARRIVED.has(problem.code)) throw thrown;
    return { ...known, call: { ...call, body: undefined as JsonValue | undefined }, bytes, requests: undefined, problem };
  }
}

const NOT_ARRIVED: ReadonlySet<string> = new Set(['BODY_INCOMPLETE', 'BODY_TIMEOUT']);

async function readBody(known: Known): Promise<Uint8Array> {
  const { incoming, operation, target } = known;
  const coding = incoming.head.headers.get('content-encoding');
  if (coding !== undefined && coding.trim().toLowerCase() !== 'identity') {
    throw new Problem({
      code: 'BODY_ENCODED',
      kind: 'invalid',
      status: 415,
      message: 'a body that decides about access must be sent without content coding',
    });
  }
  return await incoming.readBody(Math.min(operation.maxBodyBytes ?? target.maxBodyBytes, target.maxBodyBytes));
}

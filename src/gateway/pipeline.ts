import { uuidv7 } from '../core/id.ts';
import type { Entered, Known, Passage, Routed } from './passage.ts';
import type { Corridor, Incoming } from './port.ts';
import { classifyCall } from './station/classify.ts';
import { decideCall, decisionPasses } from './station/decide.ts';
import { identifyCall } from './station/identify.ts';
import { lendCredential } from './station/lend.ts';
import { recordDecision } from './station/record.ts';
import { refuseDenied, refuseProblem } from './station/refuse.ts';
import { routeCall } from './station/route.ts';

/**
 * The corridor: each station is one function with one input and one output. A Problem thrown by any of them becomes the target's
 * own form of that refusal, and nothing is forwarded. What a door does with a `forward` passage is its exit; the outcome closes
 * the record when the answer has passed (`exit.ts`).
 */
export async function walk(corridor: Corridor, incoming: Incoming): Promise<Passage> {
  let at: Entered | Routed | Known = enter(corridor, incoming);
  try {
    const routed = routeCall(at);
    at = routed;
    const known = await identifyCall(routed);
    at = known;
    const classified = await classifyCall(known);
    const decided = decideCall(classified);
    await recordDecision(decided);
    return decisionPasses(decided) ? await lendCredential(decided) : refuseDenied(decided);
  } catch (thrown) {
    return refuseProblem(at, thrown);
  }
}

export function enter(corridor: Corridor, incoming: Incoming): Entered {
  const decisionId = uuidv7(corridor.clock, corridor.randomness);
  return { corridor, incoming, decisionId, startedAtMs: corridor.clock.now(), trail: { isRecorded: false, isClosed: false } };
}

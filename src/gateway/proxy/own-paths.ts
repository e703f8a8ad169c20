import { uuidv7 } from '../../core/id.ts';
import { asProblem, Problem } from '../../core/problem.ts';
import type { Authenticator, Handoff, Sessions } from '../../identity/port.ts';
import type { RequestHead } from '../../wire/call.ts';
import { enter } from '../pipeline.ts';
import type { Corridor, Incoming } from '../port.ts';
import { routeCall } from '../station/route.ts';
import { edgeAnswer } from './edge-answer.ts';
import { type ClientCall, writeLocalAnswer } from './local-answer.ts';

export interface OwnPaths {
  readonly handoff: Handoff;
  readonly sessions: Pick<Sessions, 'start' | 'end' | 'cookieValue'>;
  readonly authenticator: Authenticator;
}

/** `/.fairlead/…` on every target's origin belongs to the gateway and never reaches the target. */
export function isOwnPath(head: RequestHead): boolean {
  return head.path.segments[0] === '.fairlead';
}

/**
 * Brings a browser session to a target's origin: `/.fairlead/login?return=/…` sends it to the control origin, `/.fairlead/session`
 * takes the one-time code it comes back with, `POST /.fairlead/logout` ends it on the server.
 */
export async function answerOwnPath(corridor: Corridor, parts: OwnPaths, incoming: Incoming, call: ClientCall): Promise<void> {
  const { head, peer } = incoming;
  const id = uuidv7(corridor.clock, corridor.randomness);
  try {
    const { target } = routeCall(enter(corridor, incoming));
    const { origin } = target;
    const action = `${head.method} ${head.path.text}`;
    switch (action) {
      case 'GET /.fairlead/login': {
        const returnTo = head.query.find(([name]) => name === 'return')?.[1] ?? '/';
        const begun = parts.handoff.begin({ origin, returnTo, head });
        return redirect(call, begun.location, [begun.setCookie]);
      }
      case 'GET /.fairlead/session': {
        const redeemed = await parts.handoff.redeem({ origin, head });
        return redirect(call, redeemed.location, redeemed.setCookies);
      }
      case 'POST /.fairlead/logout': {
        const identified = await parts.authenticator.identify({ head, peer, target: target.name, origin });
        if (identified.kind === 'refused') throw identified.problem;
        if (identified.kind === 'anonymous' || identified.credential.kind !== 'session') return redirect(call, '/', []);
        return redirect(call, '/', [await parts.sessions.end({ origin, credential: identified.credential })]);
      }
      default:
        throw new Problem({ code: 'NOT_FOUND', kind: 'not_found', message: 'there is nothing here' });
    }
  } catch (thrown) {
    const problem = asProblem(thrown);
    corridor.recorder.refusal({
      id,
      timeMs: corridor.clock.now(),
      target: '',
      door: incoming.door.name,
      peer: peer.address,
      code: problem.code,
      status: problem.status,
      method: head.method,
      path: head.path.text,
    });
    corridor.metrics.count('fairlead_refusals_total', { code: problem.code });
    writeLocalAnswer(call, edgeAnswer(problem, id));
  }
}

function redirect(call: ClientCall, location: string, setCookies: readonly string[]): void {
  call.response.setHeader('set-cookie', setCookies);
  writeLocalAnswer(call, { status: 303, headers: { location }, body: '' });
}

import { anonymousCaller } from '../../core/caller.ts';
import { Problem } from '../../core/problem.ts';
import type { Identified } from '../../identity/port.ts';
import type { Known, Routed } from '../passage.ts';

/**
 * Who calls? An invalid credential is refused in every mode; an absent one goes on as anonymous. A workload's token that is
 * valid but expired is held in the own-fault form: a 401 would end the worker.
 */
export async function identifyCall(routed: Routed): Promise<Known> {
  const { corridor, incoming, target, operation } = routed;
  if (operation.identity === 'none') {
    return { ...routed, caller: anonymousCaller(incoming.peer), credential: undefined, disclose: 'none' };
  }
  const identified = await identify(routed);
  switch (identified.kind) {
    case 'anonymous':
      return { ...routed, caller: identified.caller, credential: undefined, disclose: 'none' };
    case 'refused':
      if (identified.held === true) {
        corridor.log.warn('workload_token_expired', { target: target.name, peer: incoming.peer.address });
        corridor.metrics.count('fairlead_held_expired_tokens_total', { target: target.name });
        throw new Problem({
          code: identified.problem.code,
          kind: 'fault',
          message: 'the workload token of this caller has expired; its calls are held until it is renewed',
        });
      }
      throw identified.problem;
    case 'caller': {
      const { caller, credential, disclose } = identified;
      if (corridor.revocations.isRevoked(caller, credential)) throw revoked();
      const objection = await corridor.authenticator.confirm?.(identified, operation.class);
      if (objection !== undefined) throw objection;
      return { ...routed, caller, credential, disclose };
    }
    default:
      return identified satisfies never;
  }
}

function identify(routed: Routed): Promise<Identified> {
  const { corridor, incoming, target } = routed;
  const { head, peer } = incoming;
  if (incoming.frameToken === undefined) {
    return corridor.authenticator.identify({ head, peer, target: target.name, origin: target.origin });
  }
  const token = incoming.frameToken.token;
  if (token === undefined) return Promise.resolve({ kind: 'anonymous', caller: anonymousCaller(peer) });
  return corridor.authenticator.identifyToken(token, { peer, target: target.name });
}

export function revoked(): Problem {
  return new Problem({ code: 'CREDENTIAL_REVOKED', kind: 'unauthenticated', message: 'this credential has been revoked' });
}

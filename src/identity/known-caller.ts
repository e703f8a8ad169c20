import { z } from 'zod';
import type { Caller, Peer } from '../core/caller.ts';
import type { KnownCaller } from './port.ts';

const user = z.strictObject({ kind: z.literal('user'), name: z.string() });
const workload = z.strictObject({
  kind: z.literal('workload'),
  cluster: z.string(),
  home: z.boolean(),
  namespace: z.string(),
  serviceAccount: z.string(),
});
const agent = z.strictObject({ kind: z.literal('agent'), name: z.string() });
const subject = z.discriminatedUnion('kind', [user, workload, agent]);

/** A caller as sessions, codes and program tokens keep it. The store is ours, yet an older version may have written it. */
export const knownCaller = z.strictObject({
  subject,
  actors: z.array(subject),
  source: z.string(),
  spiffe: z.string().exactOptional(),
  membership: z.strictObject({ groups: z.array(z.string()), complete: z.boolean() }),
  actorMembership: z.strictObject({ groups: z.array(z.string()), complete: z.boolean() }).exactOptional(),
  claims: z.record(z.string(), z.string()),
}) satisfies z.ZodType<KnownCaller>;

/** The caller without the connection it came by. */
export function withoutPeer(caller: Caller | KnownCaller): KnownCaller {
  const { peer: _peer, ...known } = caller as Caller;
  return known;
}

/** The caller on this connection: one object as long as calls come from the same place, so that others can keep things by it. */
export function withPeer(known: KnownCaller, peer: Peer): Caller {
  const last = lastCallers.get(known);
  if (last !== undefined && last.peer.address === peer.address && last.peer.spiffe === peer.spiffe) return last;
  const caller: Caller = { ...known, peer };
  lastCallers.set(known, caller);
  return caller;
}

const lastCallers = new WeakMap<KnownCaller, Caller>();

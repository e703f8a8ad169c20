import type { Subject } from '../core/caller.ts';
import type { JsonObject, JsonValue } from '../wire/call.ts';
import type { OwnsConfig } from './config.ts';
import { agentName, serviceAccountOf } from './name.ts';
import { ownPatternMatches } from './own-pattern.ts';
import { unauthenticated } from './refusal.ts';

/** Longest chain of `act` claims. */
const MAX_DEPTH = 4;

/** A configured cluster whose workloads an `act` claim can name by issuer. */
export interface KnownCluster {
  readonly issuer: string;
  readonly name: string;
  readonly home: boolean;
}

export interface ActorInput {
  readonly claims: JsonObject;
  readonly owns: OwnsConfig;
  readonly agentClaim: string | undefined;
  readonly clusters: readonly KnownCluster[];
}

/**
 * Actors of RFC 8693 §4.1, the current one first. A chain that cannot be read to its end refuses the token: to leave an actor out
 * would turn "X for Y" into Y, which may do more. Throws `TOKEN_ACTOR_INVALID` (unauthenticated).
 */
export function actorsOf(input: ActorInput): readonly Subject[] {
  const actors: Subject[] = [];
  let act = input.claims['act'];
  while (act !== undefined) {
    if (actors.length === MAX_DEPTH) throw wrongActor('the chain of actors is too long');
    if (!isObject(act)) throw wrongActor('an actor is not named');
    actors.push(actorOf(act, input));
    act = act['act'];
  }
  return actors;
}

function actorOf(act: JsonObject, input: ActorInput): Subject {
  const subject = act['sub'];
  const account = typeof subject === 'string' ? serviceAccountOf(subject) : undefined;
  if (account !== undefined) {
    const cluster = input.clusters.find((candidate) => candidate.issuer === act['iss']);
    if (cluster === undefined) throw wrongActor("a workload's cluster is not known");
    const short = `${account.namespace}/${account.serviceAccount}`;
    const names = cluster.home ? [short, `${cluster.name}:${short}`] : [`${cluster.name}:${short}`];
    if (!input.owns.workloads.some((pattern) => names.some((name) => ownPatternMatches(pattern, name)))) throw notOwned();
    return { kind: 'workload', cluster: cluster.name, home: cluster.home, ...account };
  }
  const named = input.agentClaim === undefined ? undefined : act[input.agentClaim];
  return ownedAgent(named ?? subject, input.owns);
}

/** An agent that the source may name. Throws `TOKEN_AGENT_INVALID` or `TOKEN_ACTOR_INVALID` (unauthenticated). */
export function ownedAgent(value: JsonValue | undefined, owns: OwnsConfig): Subject {
  const name = agentName(value);
  if (!owns.agents.some((pattern) => ownPatternMatches(pattern, name))) throw notOwned();
  return { kind: 'agent', name };
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function notOwned(): Error {
  return wrongActor('the identity source may not name this actor');
}

function wrongActor(message: string): Error {
  return unauthenticated('TOKEN_ACTOR_INVALID', message, "list the actor under the source's `owns`, if it is right");
}

import { z } from 'zod';
import type { AccessRequest } from '../core/access.ts';
import type { Attributes } from '../core/attribute.ts';
import type { Caller } from '../core/caller.ts';
import { fromJson } from '../core/sealed-input.ts';

const text = z.string();
const subject = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('user'), name: text }),
  z.object({ kind: z.literal('workload'), cluster: text, home: z.boolean(), namespace: text, serviceAccount: text }),
  z.object({ kind: z.literal('agent'), name: text }),
  z.object({ kind: z.literal('shared_secret'), target: text }),
  z.object({ kind: z.literal('anonymous') }),
]);
const membership = z.object({ groups: z.array(text), complete: z.boolean() });
const input = z.object({
  caller: z.object({
    subject,
    actors: z.array(subject),
    source: text,
    spiffe: text.optional(),
    membership,
    actorMembership: membership.optional(),
    claims: z.record(text, text),
  }),
  requests: z.array(
    z.object({
      action: text,
      resource: z.object({ path: z.array(text), attributes: z.record(text, z.unknown()) }),
      attributes: z.record(text, z.unknown()),
      moment: z.enum(['before', 'after']).optional(),
      impliedBy: text.optional(),
    }),
  ),
});

/** Reads what `core/sealed-input.ts` kept; undefined when it is absent or from another version. */
export function readInput(value: unknown, peer: string): { caller: Caller; requests: readonly AccessRequest[] } | undefined {
  const parsed = input.safeParse(value);
  if (!parsed.success) return undefined;
  const { spiffe, actorMembership, ...caller } = parsed.data.caller;
  return {
    caller: {
      ...caller,
      peer: { address: peer },
      ...(spiffe === undefined ? {} : { spiffe }),
      ...(actorMembership === undefined ? {} : { actorMembership }),
    },
    requests: parsed.data.requests.map(({ action, resource, attributes, moment, impliedBy }) => ({
      action,
      resource: { path: resource.path, attributes: fromJson(resource.attributes) as Attributes },
      attributes: fromJson(attributes) as Attributes,
      ...(moment === undefined ? {} : { moment }),
      ...(impliedBy === undefined ? {} : { impliedBy }),
    })),
  };
}

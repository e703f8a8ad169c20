import { Hono } from 'hono';
import { subjectText } from '../../core/caller.ts';
import type { WhoAmI } from '../api-shape.ts';
import { isAdministrator, type Known, requireCaller } from '../authorize.ts';
import type { ControlEnv } from '../call.ts';
import type { ControlParts } from '../parts.ts';

/** Who the gateway takes the caller for; never a token of any kind. */
export function whoamiRoutes(parts: ControlParts): Hono<ControlEnv> {
  return new Hono<ControlEnv>().get('/whoami', async (c) => c.json(whoAmI(parts, await requireCaller(parts, c.env.call))));
}

export function whoAmI(parts: ControlParts, { caller, credential }: Known): WhoAmI {
  const [actor] = caller.actors;
  return {
    subject: subjectText(caller.subject),
    ...(actor === undefined ? {} : { actor: subjectText(actor) }),
    source: caller.source,
    groups: caller.membership.groups,
    groupsComplete: caller.membership.complete,
    administrator: isAdministrator(parts, caller),
    credential: {
      kind: credential.kind,
      ...(credential.expiresAtMs === undefined ? {} : { expiresAtMs: credential.expiresAtMs }),
    },
  };
}

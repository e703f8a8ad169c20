import { Hono } from 'hono';
import type { TargetBody } from '../api-shape.ts';
import { requireCaller } from '../authorize.ts';
import type { ControlEnv } from '../call.ts';
import type { ControlParts } from '../parts.ts';

/** What the gateway stands in front of; for everybody who is signed in. */
export function targetRoutes(parts: ControlParts): Hono<ControlEnv> {
  return new Hono<ControlEnv>().get('/targets', async (c) => {
    await requireCaller(parts, c.env.call);
    const answer: readonly TargetBody[] = parts.targets.map(({ name, kind, origin, mode }) => ({ name, kind, origin, mode }));
    return c.json(answer);
  });
}

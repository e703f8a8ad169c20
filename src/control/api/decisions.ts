import { Hono } from 'hono';
import { z } from 'zod';
import type { AuditQuery } from '../../audit/port.ts';
import { requireCaller } from '../authorize.ts';
import type { ControlEnv } from '../call.ts';
import { explain } from '../explain.ts';
import type { ControlParts, RequestHead } from '../parts.ts';
import { readQuery } from '../read-input.ts';
import { searchDecisions } from '../search-decisions.ts';

const text = z.string().max(2000).optional();
/** Milliseconds since the epoch, or an RFC 3339 time. */
const time = z
  .union([
    z
      .string()
      .regex(/^\d{1,15}$/)
      .transform(Number),
    z.iso.datetime({ offset: true }).transform((value) => Date.parse(value)),
  ])
  .optional();
const query = z.strictObject({
  caller: text,
  action: text,
  resource: text,
  verdict: z.enum(['allow', 'hold', 'deny']).optional(),
  target: text,
  since: time,
  until: time,
  id: text,
  cursor: text,
  limit: z
    .string()
    .regex(/^\d{1,3}$/)
    .transform(Number)
    .pipe(z.int().min(1).max(500))
    .optional(),
});
const explained = z.strictObject({ nearest: z.enum(['0', '1']).optional() });

/** The record: search it, explain one entry. */
export function decisionRoutes(parts: ControlParts): Hono<ControlEnv> {
  const app = new Hono<ControlEnv>();
  app.get('/decisions', async (c) => {
    const known = await requireCaller(parts, c.env.call);
    const { page } = await searchDecisions(parts, known, readDecisionQuery(c.env.call.head.query));
    return c.json(page);
  });
  app.get('/decisions/:id', async (c) => {
    const known = await requireCaller(parts, c.env.call);
    const { nearest } = readQuery(c.env.call.head.query, explained);
    return c.json(await explain(parts, known, c.req.param('id'), { nearest: nearest === '1' }));
  });
  return app;
}

/** `caller`, `action`, `resource`, `verdict`, `target`, `since`, `until`, `id`, `cursor` and `limit` of a URL. */
export function readDecisionQuery(pairs: RequestHead['query']): AuditQuery {
  const { since, until, id, ...rest } = readQuery(pairs, query);
  const given = { ...rest, sinceMs: since, untilMs: until, decisionId: id };
  // Absent members are left out: `AuditQuery` tells them from undefined ones.
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as AuditQuery;
}

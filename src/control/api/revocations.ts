import { Hono } from 'hono';
import { z } from 'zod';
import { callerText } from '../../core/caller.ts';
import type { RevocationBody } from '../api-shape.ts';
import { authorize, recordEvent, requireCaller } from '../authorize.ts';
import type { ControlEnv } from '../call.ts';
import type { ControlParts } from '../parts.ts';
import { readJson, readQuery } from '../read-input.ts';
import { parseSubject } from '../subject-text.ts';

/** A misspelt subject would revoke nobody and look as if it had. */
const subject = z
  .string()
  .max(600)
  .refine((text) => parseSubject(text) !== undefined, {
    error: 'a subject is `user:NAME`, `workload:NAMESPACE/NAME` or `agent:NAME`',
  });
const digest = z.string().regex(/^[0-9a-f]{64}$/, { error: 'an id has 64 hex digits' });
const created = z
  .strictObject({
    subject: subject.optional(),
    session: digest.optional(),
    token: digest.optional(),
    block: z.boolean().optional(),
  })
  .refine((body) => [body.subject, body.session, body.token].filter((one) => one !== undefined).length === 1, {
    error: 'exactly one of `subject`, `session` and `token` must be named',
  })
  .refine((body) => body.block === undefined || body.subject !== undefined, { error: '`block` is for subjects' });
const lifted = z.strictObject({ subject });

/** Ends access at once: `fairlead.revocation.*`. */
export function revocationRoutes(parts: ControlParts): Hono<ControlEnv> {
  const app = new Hono<ControlEnv>();

  app.post('/revocations', async (c) => {
    const known = await requireCaller(parts, c.env.call);
    const body = await readJson(c, created);
    await authorize(parts, known, { action: 'fairlead.revocation.create', class: 'act', on: ['revocations'] });
    const by = callerText(known.caller);
    // A program token is deleted too; one that is not ours is still refused from now on.
    const isDeleted = body.token !== undefined && (await parts.tokens.revoke(body.token, by));
    if (!isDeleted) await parts.revocations.revoke({ ...named(body), by });
    await recordEvent(parts, 'revocation.created', known.caller, named(body));
    return c.body(null, 204);
  });

  app.get('/revocations', async (c) => {
    const known = await requireCaller(parts, c.env.call);
    await authorize(parts, known, { action: 'fairlead.revocation.list', class: 'read', on: ['revocations'] });
    const answer: readonly RevocationBody[] = await parts.revocations.list();
    return c.json(answer);
  });

  app.delete('/revocations', async (c) => {
    const known = await requireCaller(parts, c.env.call);
    const { subject: whom } = readQuery(c.env.call.head.query, lifted);
    await authorize(parts, known, { action: 'fairlead.revocation.lift', class: 'act', on: ['revocations', whom] });
    await parts.revocations.lift(whom);
    await recordEvent(parts, 'revocation.lifted', known.caller, { subject: whom });
    return c.body(null, 204);
  });

  return app;
}

function named({ subject: whom, session, token, block }: z.infer<typeof created>) {
  return {
    ...(whom === undefined ? {} : { subject: whom }),
    ...(session === undefined ? {} : { session }),
    ...(token === undefined ? {} : { token }),
    ...(block === undefined ? {} : { block }),
  };
}

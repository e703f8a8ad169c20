import { Hono } from 'hono';
import { z } from 'zod';
import { callerText, subjectText } from '../../core/caller.ts';
import { Problem } from '../../core/problem.ts';
import type { ProgramToken } from '../../identity/port.ts';
import type { MadeToken, TokenSummary } from '../api-shape.ts';
import { authorize, type Known, recordEvent, requireCaller } from '../authorize.ts';
import type { ControlEnv } from '../call.ts';
import type { ControlParts } from '../parts.ts';
import { readJson, readQuery } from '../read-input.ts';
import { isOwn } from './own.ts';

/** A working day and some, where the gateway allows that much. */
const DEFAULT_TTL_MS = 12 * 3600 * 1000;

const made = z.strictObject({
  target: z.string().max(200).optional(),
  ttlSeconds: z
    .int()
    .min(1)
    .max(400 * 86_400)
    .optional(),
  label: z.string().max(100).optional(),
});
const listed = z.strictObject({ subject: z.string().max(600).optional() });

/** Program tokens: one's own for everybody, those of others by `fairlead.token.*`. */
export function tokenRoutes(parts: ControlParts): Hono<ControlEnv> {
  const app = new Hono<ControlEnv>();

  app.post('/tokens', async (c) => {
    const known = await requireCaller(parts, c.env.call);
    const { target: name, ttlSeconds, label } = await readJson(c, made);
    const target = name === undefined ? undefined : targetOf(parts, name);
    await authorize(parts, known, { action: 'fairlead.token.create', class: 'secret', on: ['tokens'] }, true);
    const { caller, credential } = known;
    const { token, details } = await parts.tokens.mint({
      caller,
      credential,
      ttlMs: ttlSeconds === undefined ? Math.min(DEFAULT_TTL_MS, parts.tokens.maxTtlMs) : ttlSeconds * 1000,
      ...(label === undefined ? {} : { label }),
      ...(target === undefined ? {} : { targets: [target.name] }),
    });
    await recordEvent(parts, 'token.created', caller, {
      token: details.id,
      expiresAtMs: details.expiresAtMs,
      ...(target === undefined ? {} : { target: target.name }),
    });
    const answer: MadeToken = {
      token: token.reveal(),
      id: details.id,
      subject: subjectText(caller.subject),
      expiresAtMs: details.expiresAtMs,
      ...(target === undefined ? {} : { target: { name: target.name, kind: target.kind, origin: target.origin } }),
    };
    return c.json(answer, 201);
  });

  app.get('/tokens', async (c) => {
    const known = await requireCaller(parts, c.env.call);
    const { subject } = readQuery(c.env.call.head.query, listed);
    const own = subjectText(known.caller.subject);
    if (subject === undefined || subject === own) {
      const tokens = (await parts.tokens.list(own)).filter((token) => isOwn(token.caller, known.caller));
      return c.json(tokens.map(summary));
    }
    await authorize(parts, known, { action: 'fairlead.token.list', class: 'read', on: ['tokens'] });
    return c.json((await parts.tokens.list(subject === '*' ? undefined : subject)).map(summary));
  });

  app.delete('/tokens/:id', async (c) => {
    const known = await requireCaller(parts, c.env.call);
    const asked = c.req.param('id');
    const id = asked === 'current' ? currentToken(known) : asked;
    if (!/^[0-9a-f]{64}$/.test(id)) throw unknownToken();
    const mine = await parts.tokens.list(subjectText(known.caller.subject));
    const isMine = id === known.credential.id || mine.some((token) => token.id === id && isOwn(token.caller, known.caller));
    await authorize(parts, known, { action: 'fairlead.token.revoke', class: 'act', on: ['tokens', id] }, isMine);
    if (!(await parts.tokens.revoke(id, callerText(known.caller)))) throw unknownToken();
    await recordEvent(parts, 'token.revoked', known.caller, { token: id });
    return c.body(null, 204);
  });

  return app;
}

function currentToken({ credential }: Known): string {
  if (credential.kind === 'program_token') return credential.id;
  throw new Problem({ code: 'TOKEN_UNKNOWN', kind: 'not_found', message: 'this call came without a program token' });
}

function targetOf(parts: ControlParts, name: string) {
  const found = parts.targets.find((target) => target.name === name);
  if (found !== undefined) return found;
  const known = parts.targets.map((target) => `\`${target.name}\``).join(', ');
  throw new Problem({ code: 'TARGET_UNKNOWN', kind: 'not_found', message: `there is no such target; there are ${known}` });
}

function summary({ id, caller, label, targets, issuedAtMs, expiresAtMs }: ProgramToken): TokenSummary {
  return { id, subject: callerText(caller), label, targets, issuedAtMs, expiresAtMs };
}

function unknownToken(): Problem {
  return new Problem({ code: 'TOKEN_UNKNOWN', kind: 'not_found', message: 'there is no token with this id' });
}

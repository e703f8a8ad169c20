import { Hono } from 'hono';
import { z } from 'zod';
import { callerText, subjectText } from '../../core/caller.ts';
import { Problem } from '../../core/problem.ts';
import type { SessionSummary } from '../../identity/port.ts';
import type { SessionBody } from '../api-shape.ts';
import { authorize, type Known, recordEvent, requireCaller } from '../authorize.ts';
import type { ControlEnv } from '../call.ts';
import type { ControlParts } from '../parts.ts';
import { readQuery } from '../read-input.ts';
import { isOwn } from './own.ts';

const listed = z.strictObject({ subject: z.string().max(600).optional() });

/** Sign-ins of browsers: one's own for everybody, those of others by `fairlead.session.*`. */
export function sessionRoutes(parts: ControlParts): Hono<ControlEnv> {
  const app = new Hono<ControlEnv>();

  app.get('/sessions', async (c) => {
    const known = await requireCaller(parts, c.env.call);
    const { subject } = readQuery(c.env.call.head.query, listed);
    const own = subjectText(known.caller.subject);
    if (subject === undefined || subject === own) {
      const sessions = (await parts.sessions.list(own)).filter(({ caller }) => isOwn(caller, known.caller));
      return c.json(sessions.map((session) => body(session, known)));
    }
    await authorize(parts, known, { action: 'fairlead.session.list', class: 'read', on: ['sessions'] });
    const sessions = await parts.sessions.list(subject === '*' ? undefined : subject);
    return c.json(sessions.map((session) => body(session, known)));
  });

  app.delete('/sessions/:id', async (c) => {
    const known = await requireCaller(parts, c.env.call);
    const id = c.req.param('id');
    if (!/^[0-9a-f]{64}$/.test(id)) throw unknownSession();
    const mine = await parts.sessions.list(subjectText(known.caller.subject));
    const isMine = mine.some((session) => session.id === id && isOwn(session.caller, known.caller));
    await authorize(parts, known, { action: 'fairlead.session.end', class: 'act', on: ['sessions', id] }, isMine);
    if (!(await parts.sessions.endById(id))) throw unknownSession();
    await recordEvent(parts, 'session.ended', known.caller, { session: id });
    return c.body(null, 204);
  });

  return app;
}

function body({ id, caller, ...rest }: SessionSummary, { credential }: Known): SessionBody {
  const isCurrent = id === credential.id || credential.ancestors?.includes(id) === true;
  return { id, subject: callerText(caller), source: caller.source, ...rest, isCurrent };
}

function unknownSession(): Problem {
  return new Problem({ code: 'SESSION_UNKNOWN', kind: 'not_found', message: 'there is no session with this id' });
}

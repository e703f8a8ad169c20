import { Hono } from 'hono';
import { z } from 'zod';
import { subjectText } from '../../core/caller.ts';
import type { SignedInCommand } from '../api-shape.ts';
import { recordEvent } from '../authorize.ts';
import type { ControlEnv } from '../call.ts';
import type { ControlParts } from '../parts.ts';
import { readJson } from '../read-input.ts';

const body = z.strictObject({ code: z.string().max(200), verifier: z.string().max(200) });

/** The end of `fairlead login`: a one-time code and the verifier behind it for a program token. */
export function loginExchangeRoutes(parts: ControlParts): Hono<ControlEnv> {
  return new Hono<ControlEnv>().post('/login/exchange', async (c) => {
    const { token, details } = await parts.cliLogin.exchange(await readJson(c, body));
    await recordEvent(parts, 'token.created', details.caller, { token: details.id, by: 'login' });
    const answer: SignedInCommand = {
      token: token.reveal(),
      subject: subjectText(details.caller.subject),
      expiresAtMs: details.expiresAtMs,
    };
    return c.json(answer);
  });
}

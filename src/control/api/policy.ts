import { Hono } from 'hono';
import { z } from 'zod';
import { callerText } from '../../core/caller.ts';
import type { Checked } from '../activation.ts';
import type { ActivePolicyBody, PolicyApplied, PolicyChecked } from '../api-shape.ts';
import { type Asked, authorize, recordEvent, requireCaller } from '../authorize.ts';
import type { ControlEnv } from '../call.ts';
import type { ControlParts } from '../parts.ts';
import { readJson } from '../read-input.ts';

const MAX_BYTES = 8 * 1024 * 1024;
const files = z.array(z.strictObject({ path: z.string().min(1).max(1000), text: z.string() })).max(5000);
const checkBody = z.strictObject({ files });
const applyBody = z.strictObject({ files, expected: z.string().max(100).optional() });

const READ: Asked = { action: 'fairlead.policy.read', class: 'read', on: ['policy'] };
const CHECK: Asked = { action: 'fairlead.policy.check', class: 'read', on: ['policy'] };
const APPLY: Asked = { action: 'fairlead.policy.apply', class: 'act', on: ['policy'] };

/** The active policy: read it, try another one, put another one in its place. */
export function policyRoutes(parts: ControlParts): Hono<ControlEnv> {
  const app = new Hono<ControlEnv>();

  app.get('/policy', async (c) => {
    await authorize(parts, await requireCaller(parts, c.env.call), READ);
    const { revision, files: active } = parts.activation.current();
    const answer: ActivePolicyBody = { revision, files: active };
    return c.json(answer);
  });

  app.post('/policy/check', async (c) => {
    const known = await requireCaller(parts, c.env.call);
    const body = await readJson(c, checkBody, MAX_BYTES);
    await authorize(parts, known, CHECK);
    return c.json(shown(parts.activation.check(body.files)));
  });

  app.post('/policy/apply', async (c) => {
    const known = await requireCaller(parts, c.env.call);
    const body = await readJson(c, applyBody, MAX_BYTES);
    await authorize(parts, known, APPLY);
    const before = parts.activation.current().revision;
    const { conflict, ...checked } = await parts.activation.apply(body.files, callerText(known.caller), body.expected);
    const isApplied = checked.isActivatable && !conflict;
    if (isApplied) await recordEvent(parts, 'policy.applied', known.caller, { revision: checked.policy?.revision ?? '', before });
    const answer: PolicyApplied = { ...shown(checked), applied: isApplied, conflict };
    return c.json(answer);
  });

  return app;
}

function shown({ policy, diagnostics, tests, isActivatable }: Checked): PolicyChecked {
  return { ...(policy === undefined ? {} : { revision: policy.revision }), diagnostics, tests, activatable: isActivatable };
}

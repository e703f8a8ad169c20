import { Hono } from 'hono';
import type { ControlEnv } from '../call.ts';
import type { ControlParts } from '../parts.ts';
import { accessRoutes } from './access.ts';
import { decisionRoutes } from './decisions.ts';
import { loginExchangeRoutes } from './login-exchange.ts';
import { policyRoutes } from './policy.ts';
import { revocationRoutes } from './revocations.ts';
import { sessionRoutes } from './sessions.ts';
import { targetRoutes } from './targets.ts';
import { tokenRoutes } from './tokens.ts';
import { whoamiRoutes } from './whoami.ts';

/** The control API, version 1; bodies in `api-shape.ts`. Versions stand in the path, and members are only ever added. */
export function createApi(parts: ControlParts): Hono<ControlEnv> {
  const api = new Hono<ControlEnv>();
  const groups = [
    loginExchangeRoutes,
    whoamiRoutes,
    targetRoutes,
    tokenRoutes,
    sessionRoutes,
    policyRoutes,
    decisionRoutes,
    accessRoutes,
    revocationRoutes,
  ];
  for (const routes of groups) api.route('/', routes(parts));
  return api;
}

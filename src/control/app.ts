import { type Context, Hono } from 'hono';
import { Problem } from '../core/problem.ts';
import { problemBody, problemHeaders, redirect, refuse, STANDING_HEADERS } from './answer.ts';
import { createApi } from './api/api.ts';
import type { ControlEnv } from './call.ts';
import { createLoginRoutes } from './login-routes.ts';
import { createPageRoutes } from './page-routes.ts';
import { problemPage } from './pages/problem.ts';
import type { ControlParts, RequestHead } from './parts.ts';
import { respondPage } from './respond-page.ts';
import { ownPath, returnPath } from './return-path.ts';

/** Everything that the control origin answers. Routes match the path as it was parsed once and strictly, never a second reading. */
export function createControlApp(parts: ControlParts, options: { jwks?(): Promise<unknown> }): Hono<ControlEnv> {
  const app = new Hono<ControlEnv>({ getPath: (_request, given) => pathOf(given?.env) });
  const isSecure = parts.origin.startsWith('https:');
  const ownHost = new URL(parts.origin).hostname;

  app.use(async (c, next) => {
    await next();
    for (const [name, value] of Object.entries(STANDING_HEADERS)) if (!c.res.headers.has(name)) c.res.headers.set(name, value);
    if (isSecure) c.res.headers.set('strict-transport-security', 'max-age=31536000');
    settle(parts, c);
  });
  app.use(async (c, next) => {
    const { head } = c.env.call;
    if (head.method !== 'GET' || isForPrograms(head) || head.host === ownHost) return next();
    // Another loopback name: cookies and forms belong to the one name of the origin.
    return redirect(c, `${parts.origin}${returnPath(ownPath(head))}`);
  });
  app.onError((error, c) => answerProblem(parts, c, error));
  app.notFound((c) =>
    answerProblem(parts, c, new Problem({ code: 'NOT_FOUND', kind: 'not_found', message: 'there is nothing here' })),
  );

  app.route('/api/v1', createApi(parts));
  app.get('/.well-known/jwks.json', async (c) => {
    if (options.jwks === undefined) return c.notFound();
    c.header('cache-control', 'public, max-age=300');
    return c.json(await options.jwks());
  });
  app.route('/', createLoginRoutes(parts));
  app.route('/', createPageRoutes(parts));
  return app;
}

/** Hono types the environment loosely; `server.ts` always passes it. */
function pathOf(env: ControlEnv['Bindings'] | undefined): string {
  return env?.call.head.path.raw ?? '/';
}

/** Programs get RFC 9457 JSON, people a page; both name the id under which the record holds it. */
function answerProblem(parts: ControlParts, c: Context<ControlEnv>, thrown: unknown): Response {
  const { call } = c.env;
  const refused = refuse(parts, thrown, call, call.address);
  const { problem, decisionId } = refused;
  if (!isForPrograms(call.head) && call.head.headers.getAll('accept').some((accept) => accept.includes('text/html'))) {
    c.header('x-fairlead-decision', decisionId);
    if (problem.kind === 'fault') c.header('retry-after', '2');
    return respondPage(c, { ...problemPage(refused), status: problem.status });
  }
  for (const [name, value] of Object.entries(problemHeaders(refused))) c.header(name, value);
  // A Problem's status is one of the few of `core/problem.ts`; Hono wants a literal.
  return c.body(JSON.stringify(problemBody(refused)), problem.status as 400);
}

function isForPrograms(head: RequestHead): boolean {
  return head.path.segments[0] === 'api' || head.path.segments[0] === '.well-known';
}

/** Each decision's outcome: what the caller was told in the end. */
function settle(parts: ControlParts, c: Context<ControlEnv>): void {
  const { call } = c.env;
  const timeMs = parts.clock.now();
  for (const { id, isAllowed } of call.decided) {
    const { status } = c.res;
    parts.recorder.outcome({
      id,
      timeMs,
      outcome: isAllowed ? { kind: 'answered', status } : { kind: 'not_forwarded', status },
      durationMs: Math.max(0, timeMs - call.startedMs),
    });
  }
}

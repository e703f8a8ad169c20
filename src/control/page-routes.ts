import { type Context, Hono } from 'hono';
import { subjectText } from '../core/caller.ts';
import { redirect } from './answer.ts';
import { readDecisionQuery } from './api/decisions.ts';
import { whoAmI } from './api/whoami.ts';
import { findVisitor, type Known } from './authorize.ts';
import type { ControlEnv } from './call.ts';
import { explain } from './explain.ts';
import { type DecisionFilter, decisionsPage, WITHIN } from './pages/decisions.ts';
import { homePage, welcomePage } from './pages/home.ts';
import { whyPage } from './pages/why.ts';
import type { ControlParts, RequestHead } from './parts.ts';
import { respondPage } from './respond-page.ts';
import { signInFor } from './return-path.ts';
import { searchDecisions } from './search-decisions.ts';

const PAGE_LIMIT = '50';

/** What people read on the control origin. None of these changes anything. */
export function createPageRoutes(parts: ControlParts): Hono<ControlEnv> {
  const app = new Hono<ControlEnv>();

  app.get('/', async (c) => {
    const known = await findVisitor(parts, c.env.call);
    if (known === undefined) return respondPage(c, welcomePage());
    return respondPage(c, homePage({ me: whoAmI(parts, known), targets: parts.targets, origin: parts.origin }));
  });

  app.get('/why/:id', (c) =>
    signedIn(c, async (known) => {
      const explanation = await explain(parts, known, c.req.param('id'), { nearest: true });
      return respondPage(c, whyPage(explanation, subjectText(known.caller.subject)));
    }),
  );

  app.get('/decisions', (c) =>
    signedIn(c, async (known) => {
      const { query } = c.env.call.head;
      const { page, scope } = await searchDecisions(parts, known, readDecisionQuery(asQuery(query, parts.clock.now())));
      const targets = parts.targets.map(({ name }) => name);
      const signedInAs = subjectText(known.caller.subject);
      return respondPage(c, decisionsPage({ page, scope, filter: filterOf(query), targets, signedInAs }));
    }),
  );

  return app;

  /** Nobody is sent to sign in, and comes back here. */
  async function signedIn(c: Context<ControlEnv>, show: (known: Known) => Promise<Response>): Promise<Response> {
    const known = await findVisitor(parts, c.env.call);
    return known === undefined ? redirect(c, signInFor(parts.origin, c.env.call.head)) : show(known);
  }
}

/** The form's `within` as the API's `since`; anything else is the API's own and checked there. */
function asQuery(query: RequestHead['query'], nowMs: number): RequestHead['query'] {
  const translated = query.map(([name, value]): readonly [string, string] => {
    const within = name === 'within' && Object.hasOwn(WITHIN, value) ? WITHIN[value] : undefined;
    return within === undefined ? [name, value] : ['since', String(nowMs - within.ms)];
  });
  return [...translated.filter(([name, value]) => name !== 'within' || value !== ''), ['limit', PAGE_LIMIT]];
}

const FIELDS = ['caller', 'action', 'resource', 'verdict', 'target', 'within'] as const;

function filterOf(query: RequestHead['query']): DecisionFilter {
  const filter: Partial<Record<(typeof FIELDS)[number], string>> = {};
  for (const field of FIELDS) {
    const value = query.find(([name]) => name === field)?.[1];
    if (value !== undefined && value !== '') filter[field] = value;
  }
  return filter;
}

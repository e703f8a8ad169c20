import { Hono } from 'hono';
import { z } from 'zod';
import { subjectText } from '../core/caller.ts';
import { Problem } from '../core/problem.ts';
import { redirect } from './answer.ts';
import { findVisitor, type Known, recordEvent } from './authorize.ts';
import type { ControlEnv } from './call.ts';
import { cliApprovePage } from './pages/cli-approve.ts';
import { signInPage } from './pages/sign-in.ts';
import type { ControlParts, RequestHead } from './parts.ts';
import { readForm } from './read-input.ts';
import { respondPage } from './respond-page.ts';
import { ownPath, returnPath, signInFor } from './return-path.ts';

/** Other parameters are not ours to judge (§2.5). */
const logout = z.looseObject({ logout_token: z.string() });

/** Sign-in and sign-out of browsers, the hand-over to a target's origin, and the approval of a command's sign-in. */
export function createLoginRoutes(parts: ControlParts): Hono<ControlEnv> {
  const app = new Hono<ControlEnv>();
  const { login, sessions, handoff, cliLogin, origin } = parts;

  app.get('/login', (c) => {
    const choices = login.choices();
    const returnTo = returnPath(single(c.env.call.head, 'return'));
    const [only] = choices;
    if (choices.length === 1 && only !== undefined) {
      return redirect(c, `${origin}/login/${encodeURIComponent(only.source)}?${new URLSearchParams({ return: returnTo })}`);
    }
    return respondPage(c, signInPage({ choices, returnTo }));
  });

  app.get('/login/cli', async (c) => {
    const { head } = c.env.call;
    const request = cliLogin.read(head.query);
    const known = await findVisitor(parts, c.env.call);
    if (known === undefined) return redirect(c, signInFor(origin, head));
    requireSession(known);
    return respondPage(c, cliApprovePage({ request, subject: subjectText(known.caller.subject), action: ownPath(head) }));
  });

  app.post('/login/cli', async (c) => {
    const { head } = c.env.call;
    const request = cliLogin.read(head.query);
    const known = await findVisitor(parts, c.env.call);
    if (known === undefined) return redirect(c, signInFor(origin, head));
    const { caller, credential } = requireSession(known);
    const { location } = await cliLogin.approve({ request, caller, credential });
    await recordEvent(parts, 'login.command_approved', caller, { label: request.label, session: credential.id });
    return redirect(c, location);
  });

  app.get('/login/handoff', async (c) => {
    const { head } = c.env.call;
    const known = await findVisitor(parts, c.env.call);
    if (known === undefined) return redirect(c, signInFor(origin, head));
    const { caller, credential } = requireSession(known);
    const { location } = await handoff.issue({ query: head.query, caller, credential });
    return redirect(c, location);
  });

  app.get('/login/callback/:source', async (c) => {
    const { head } = c.env.call;
    const signedIn = await login.finish({ source: c.req.param('source'), head });
    const { caller, authenticatedAtMs, providerSession, returnTo, setCookie } = signedIn;
    // A session that stood here before, whoever planted it, ends now; the new one has a name that nobody knew.
    const previous = sessions.cookieValue(head, origin);
    const started = await sessions.start({
      ...{ origin, caller, authenticatedAtMs },
      ...(previous === undefined ? {} : { previous }),
      ...(providerSession === undefined ? {} : { providerSession }),
    });
    await recordEvent(parts, 'session.started', caller, { session: started.id, source: caller.source });
    return redirect(c, `${origin}${returnPath(returnTo)}`, [setCookie, started.setCookie]);
  });

  // What a provider tells of by itself (OpenID Connect Back-Channel Logout 1.0 §2.5): no browser, no cookie, the token is the proof.
  app.post('/login/logout/:source', async (c) => {
    const source = c.req.param('source');
    const { logout_token: logoutToken } = await readForm(c, logout);
    for (const { id, caller } of await parts.providerLogout.accept({ source, logoutToken })) {
      await recordEvent(parts, 'session.ended', caller, { session: id, source });
    }
    c.header('cache-control', 'no-store');
    return c.body(null, 200);
  });

  app.get('/login/:source', async (c) => {
    const { head } = c.env.call;
    const returnTo = returnPath(single(head, 'return'));
    const { location, setCookie } = await login.start({ source: c.req.param('source'), returnTo, head });
    return redirect(c, location, [setCookie]);
  });

  app.post('/logout', async (c) => {
    const known = await findVisitor(parts, c.env.call);
    if (known === undefined || known.credential.kind !== 'session') return redirect(c, `${origin}/`);
    const setCookie = await sessions.end({ origin, credential: known.credential });
    await recordEvent(parts, 'session.ended', known.caller, { session: known.credential.id });
    return redirect(c, `${origin}/`, [setCookie]);
  });

  return app;
}

/** A program that shows a token here would hand its name on to a browser or to another command. */
function requireSession(known: Known): Known {
  if (known.credential.kind === 'session') return known;
  throw new Problem({ code: 'SESSION_REQUIRED', kind: 'invalid', message: 'this page is for signed-in browsers' });
}

function single(head: RequestHead, name: string): string | undefined {
  const values = head.query.filter(([candidate]) => candidate === name);
  return values.length === 1 ? values[0]?.[1] : undefined;
}

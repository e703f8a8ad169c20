import { createHash } from 'node:crypto';

const STYLE = `
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #fff; --ground: #f3f5f7; --line: #8c959f; --act: #0b5cad; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --soft: #a9b4c0; --paper: #161b22; --ground: #0d1117; --line: #6e7681; --act: #79b8ff; --bad: #ff9a93; }
}
* { box-sizing: border-box; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; padding: 1.5rem; background: var(--ground); color: var(--ink); font: 1rem/1.5 system-ui, sans-serif; }
main { width: 100%; max-width: 26rem; background: var(--paper); border: 1px solid var(--line); border-radius: .5rem; padding: 2rem; }
h1 { font-size: 1.375rem; line-height: 1.25; margin: 0 0 .25rem; }
p { margin: 0 0 1.25rem; color: var(--soft); }
label { display: block; font-weight: 600; margin: 0 0 .25rem; }
input { width: 100%; font: inherit; padding: .5rem .625rem; margin: 0 0 1rem; color: var(--ink); background: var(--paper); border: 1px solid var(--line); border-radius: .375rem; }
input[aria-invalid="true"] { border-color: var(--bad); }
button { width: 100%; font: inherit; font-weight: 600; padding: .5625rem .75rem; color: var(--paper); background: var(--act); border: 1px solid var(--act); border-radius: .375rem; cursor: pointer; }
:focus-visible { outline: 3px solid var(--act); outline-offset: 2px; }
.wrong { color: var(--bad); font-weight: 600; }
section { margin: 1.5rem 0 0; padding: 1rem 0 0; border-top: 1px solid var(--line); color: var(--soft); }
ul { list-style: none; margin: 0; padding: 0; }
section p { margin: .5rem 0 0; }
code { font-family: ui-monospace, monospace; overflow-wrap: anywhere; }
`;

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');

/**
 * Headers of every page. No script can run, nobody can frame it. Chromium applies `form-action` to the redirects after a form too, so it
 * names what sign-in leads back to: the demo's other origins, all on this address.
 */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'content-security-policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; form-action 'self' http://127.0.0.1:*; frame-ancestors 'none'; base-uri 'none'`,
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

/** The sign-in form. `wrong` says why the last try failed. */
export function signInPage(options: {
  readonly action: string;
  readonly client: string;
  readonly people: readonly { readonly email: string; readonly role: string }[];
  readonly email?: string;
  readonly wrong?: string;
}): string {
  const invalid = options.wrong === undefined ? '' : ' aria-invalid="true" aria-describedby="wrong"';
  const wrong = options.wrong === undefined ? '' : `<p class="wrong" id="wrong" role="alert">${escapeHtml(options.wrong)}</p>`;
  const first = options.email === undefined ? ' autofocus' : '';
  const second = options.email === undefined ? '' : ' autofocus';
  const people = options.people
    .map((person) => `<li><code>${escapeHtml(person.email)}</code>, ${escapeHtml(person.role)}</li>`)
    .join('');
  return page(
    options.wrong === undefined ? 'Sign in' : 'Sign in: not signed in yet',
    `<h1>Sign in</h1>
<p>to go on to ${escapeHtml(options.client)}</p>
${wrong}
<form method="post" action="${escapeHtml(options.action)}">
<label for="email">E-mail</label>
<input id="email" name="email" type="email" autocomplete="username" required value="${escapeHtml(options.email ?? '')}"${first}${invalid}>
<label for="password">Password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required${second}${invalid}>
<button type="submit">Sign in</button>
</form>
<section aria-label="People of this demo">
<ul>${people}</ul>
<p>Their passwords stand where the demo was started.</p>
</section>`,
  );
}

/** Asks before signing out. `form` is the provider's own hidden form with the id `op.logoutForm`. */
export function signOutPage(form: string): string {
  return page(
    'Sign out',
    `<h1>Sign out?</h1>
<p>This ends the session at the demo's identity provider.</p>
${form}
<button type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>`,
  );
}

export function signedOutPage(): string {
  return page('Signed out', "<h1>Signed out</h1>\n<p>The session at the demo's identity provider has ended.</p>");
}

/** What went wrong, in words for people. */
export function errorPage(title: string, text: string): string {
  return page(title, `<h1>${escapeHtml(title)}</h1>\n<p role="alert">${escapeHtml(text)}</p>`);
}

function page(title: string, main: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escapeHtml(title)} - Fairlead demo</title>
<style>${STYLE}</style>
</head>
<body>
<main>
${main}
</main>
</body>
</html>
`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

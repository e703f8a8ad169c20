import { Html, html } from './html.ts';
import { STYLE } from './style.ts';

export interface Page {
  readonly title: string;
  readonly body: Html;
  /** `user:ada@acme.com`; absent for nobody. */
  readonly signedInAs?: string;
  /** True for pages that do not know who reads them: they offer neither to sign in nor to sign out. */
  readonly isForAnybody?: boolean;
  /** Origins beside our own to which a form on this page may lead, as Chromium checks redirects after a form too. */
  readonly formTargets?: readonly string[];
}

/** The whole document. It works without scripts, and there are none. */
export function layout({ title, body, signedInAs, isForAnybody = false }: Page): string {
  const account =
    signedInAs === undefined
      ? isForAnybody
        ? undefined
        : html`<a href="/login">Sign in</a>`
      : html`<span class="who">${signedInAs}</span>
<form method="post" action="/logout"><button type="submit">Sign out</button></form>`;
  const nav = signedInAs === undefined ? html`` : html`<a href="/decisions">Decisions</a>`;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title} – Fairlead</title>
<style>${new Html(STYLE)}</style>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header><a class="brand" href="/">Fairlead</a><nav aria-label="Main">${nav}</nav>${account}</header>
<main id="main">
${body}
</main>
</body>
</html>
`.text;
}

/** UTC, to the second: people compare it with logs. */
export function timeText(timeMs: number): Html {
  const iso = new Date(timeMs).toISOString();
  return html`<time datetime="${iso}">${iso.slice(0, 19).replace('T', ' ')} UTC</time>`;
}

/** A table that scrolls by itself on narrow screens, reachable by keyboard. */
export function table(label: string, head: readonly string[], rows: readonly (readonly (Html | string)[])[]): Html {
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0"><table>
<thead><tr>${head.map((name) => html`<th scope="col">${name}</th>`)}</tr></thead>
<tbody>${rows.map(
    (row) => html`<tr>${row.map((cell) => html`<td>${cell}</td>`)}</tr>
`,
  )}</tbody>
</table></div>`;
}

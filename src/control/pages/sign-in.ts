import { html } from './html.ts';
import type { Page } from './layout.ts';

/** The choice of a source to sign in at. Links, not forms: leaving for a provider changes nothing here. */
export function signInPage(input: {
  readonly choices: readonly { readonly source: string; readonly issuer: string }[];
  /** A local path to come back to. */
  readonly returnTo: string;
}): Page {
  const { choices, returnTo } = input;
  const query = new URLSearchParams({ return: returnTo }).toString();
  return {
    title: 'Sign in',
    body: html`<h1>Sign in</h1>
${
  choices.length === 0
    ? html`<p>No identity source for people is configured on this gateway.</p>`
    : html`<p>Where are you known?</p>
<ul class="plain">${choices.map(
        ({ source, issuer }) =>
          html`<li><a class="button primary" href="/login/${encodeURIComponent(source)}?${query}">Sign in with ${source}</a> <span class="soft">${issuer}</span></li>`,
      )}</ul>`
}`,
  };
}

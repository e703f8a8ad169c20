import type { CliLoginRequest } from '../../identity/port.ts';
import { html } from './html.ts';
import type { Page } from './layout.ts';

/** Shall a command on this machine act as this person? Nothing has happened until the button is pressed. */
export function cliApprovePage(input: {
  readonly request: CliLoginRequest;
  readonly subject: string;
  /** Path and query that the form posts to. */
  readonly action: string;
}): Page {
  const { request, subject, action } = input;
  return {
    title: 'Sign a command in',
    signedInAs: subject,
    formTargets: [`http://127.0.0.1:${request.port}`],
    body: html`<h1>Sign a command in as ${subject}?</h1>
<p>A command asks to act in your name. Go on only if you have just run <code>fairlead login</code> on this machine yourself.</p>
<section class="panel" aria-label="The command"><dl>
<dt>Calls itself</dt><dd>${request.label === '' ? 'nothing' : request.label}</dd>
<dt>Listens at</dt><dd><code>127.0.0.1:${request.port}</code></dd>
</dl></section>
<form method="post" action="${action}" class="actions">
<button type="submit" class="primary">Sign it in</button>
<a class="button" href="/">No, go back</a>
</form>
<p class="soft">You can take it back at any time: <code>fairlead logout</code>, or ask an administrator.</p>`,
  };
}

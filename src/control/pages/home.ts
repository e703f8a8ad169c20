import type { WhoAmI } from '../api-shape.ts';
import type { TargetSummary } from '../parts.ts';
import { type Html, html } from './html.ts';
import { type Page, table, timeText } from './layout.ts';

/** Who am I here, what is behind this gateway, and how do programs get in? */
export function homePage(input: {
  readonly me: WhoAmI;
  readonly targets: readonly TargetSummary[];
  readonly origin: string;
}): Page {
  const { me, targets, origin } = input;
  return {
    title: 'Home',
    signedInAs: me.subject,
    body: html`<h1>Signed in as ${me.subject}</h1>
<section class="panel" aria-label="Your identity"><dl>
${me.actor === undefined ? undefined : html`<dt>Acting</dt><dd>${me.actor}</dd>`}
<dt>Identity source</dt><dd>${me.source}</dd>
<dt>Groups</dt><dd>${groupsText(me)}</dd>
<dt>Role here</dt><dd>${me.administrator ? 'administrator' : 'user'}</dd>
${me.credential.expiresAtMs === undefined ? undefined : html`<dt>Session ends</dt><dd>${timeText(me.credential.expiresAtMs)}</dd>`}
</dl></section>
<h2>Targets</h2>
${targets.length === 0 ? html`<p>No target is configured.</p>` : targetTable(targets)}
<h2>From a program</h2>
<p>Sign a command in once, then make a token for the target. The output holds the settings to export.</p>
<pre tabindex="0">fairlead login ${origin}
fairlead token --for ${targets[0]?.name ?? 'TARGET'}</pre>
<h2>Why was a call refused?</h2>
<p>Every refusal carries a decision id. <a href="/decisions">Recent decisions</a> lists ${me.administrator ? 'them' : 'those about you'}; each has a page that explains it.</p>`,
  };
}

/** For nobody: what this is, and the way in. */
export function welcomePage(): Page {
  return {
    title: 'Sign in',
    body: html`<h1>Fairlead</h1>
<p>This gateway decides who may call what, and explains each decision. You are not signed in.</p>
<p class="actions"><a class="button primary" href="/login">Sign in</a></p>`,
  };
}

function groupsText({ groups, groupsComplete }: WhoAmI): string {
  const named = groups.length === 0 ? 'none' : groups.join(', ');
  return groupsComplete ? named : `${groups.length === 0 ? 'not known' : `${named}, and others that are not known`}`;
}

function targetTable(targets: readonly TargetSummary[]): Html {
  return table(
    'Targets',
    ['Name', 'Kind', 'Address', 'Mode'],
    targets.map(({ name, kind, origin, mode }) => [
      name,
      kind,
      html`<a href="${origin}/">${origin}</a>`,
      mode === 'observe' ? 'observe: decides and records, refuses nothing' : 'enforce',
    ]),
  );
}

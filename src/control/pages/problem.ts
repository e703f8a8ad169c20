import type { Problem } from '../../core/problem.ts';
import { html, prose } from './html.ts';
import type { Page } from './layout.ts';

const TITLES: Readonly<Record<Problem['kind'], string>> = {
  invalid: 'That did not work',
  unauthenticated: 'Not signed in',
  denied: 'Not allowed',
  not_found: 'Not found',
  misdirected: 'Not served here',
  too_large: 'Too large',
  fault: 'Not available now',
  upstream: 'Not available now',
};

/** What went wrong, under which id the record holds it, and where to go from here. */
export function problemPage({ problem, decisionId }: { readonly problem: Problem; readonly decisionId: string }): Page {
  const title = TITLES[problem.kind];
  return {
    title,
    isForAnybody: true,
    body: html`<h1>${title}</h1>
<p>${prose(sentenceCase(problem.message))}.</p>
${problem.hint === undefined ? undefined : html`<p>${prose(sentenceCase(problem.hint))}.</p>`}
<p class="soft">Id <code>${decisionId}</code>, <code>${problem.code}</code></p>
<p class="actions"><a class="button" href="/">Home</a></p>`,
  };
}

/** Sentences of Problems begin in lower case, as they also stand inside others. */
export function sentenceCase(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}

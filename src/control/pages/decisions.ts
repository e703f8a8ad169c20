import type { AuditEntry, AuditPage } from '../../audit/port.ts';
import { type Html, html } from './html.ts';
import { type Page, table, timeText } from './layout.ts';
import { verdictText } from './why.ts';

/** The form's fields as they came, to be shown again. */
export type DecisionFilter = Readonly<
  Partial<Record<'caller' | 'action' | 'resource' | 'verdict' | 'target' | 'within', string>>
>;

/** Label of each choice of `within`. */
export const WITHIN: Readonly<Record<string, { readonly label: string; readonly ms: number }>> = {
  '1h': { label: 'last hour', ms: 3_600_000 },
  '24h': { label: 'last 24 hours', ms: 86_400_000 },
  '7d': { label: 'last 7 days', ms: 7 * 86_400_000 },
};

/** Recent decisions, newest first: of everybody, or of the reader alone. */
export function decisionsPage(input: {
  readonly page: AuditPage;
  readonly scope: 'all' | 'own';
  readonly filter: DecisionFilter;
  readonly targets: readonly string[];
  readonly signedInAs: string;
}): Page {
  const { page, scope, filter, signedInAs } = input;
  const heading = scope === 'all' ? 'Recent decisions' : 'Recent decisions about you';
  return {
    title: 'Decisions',
    signedInAs,
    body: html`<h1>${heading}</h1>
${filterForm(filter, input.targets, scope)}
<h2>Newest first</h2>
${page.entries.length === 0 ? html`<p>Nothing ${page.cursor === undefined ? 'found' : 'found yet in this part of the record'}.</p>` : entryTable(page.entries, scope)}
${page.cursor === undefined ? undefined : html`<p class="actions"><a class="button" href="/decisions?${olderQuery(filter, page.cursor)}">Older</a></p>`}`,
  };
}

function filterForm(filter: DecisionFilter, targets: readonly string[], scope: 'all' | 'own'): Html {
  return html`<form class="filter panel" method="get" action="/decisions" aria-label="Filter">
${scope === 'all' ? field('caller', 'Caller', filter.caller, 'user:ada@example.com') : undefined}
${field('action', 'Action', filter.action, 'prefect.deployment.run')}
${field('resource', 'Resource, or what it is below', filter.resource, 'prefect/deployments/etl')}
${choice('verdict', 'Verdict', filter.verdict, [
  ['', 'any'],
  ['allow', 'allowed'],
  ['deny', 'denied'],
  ['hold', 'held'],
])}
${choice('target', 'Target', filter.target, [['', 'any'], ...[...targets, 'fairlead'].map((name) => [name, name] as const)])}
${choice('within', 'Time', filter.within, [
  ['', 'any'],
  ...Object.entries(WITHIN).map(([value, { label }]) => [value, label] as const),
])}
<div><button type="submit" class="primary">Show</button></div>
</form>`;
}

function field(name: string, label: string, value: string | undefined, example: string): Html {
  return html`<div><label for="${name}">${label}</label>
<input id="${name}" name="${name}" value="${value ?? ''}" placeholder="${example}" autocomplete="off" spellcheck="false"></div>`;
}

function choice(name: string, label: string, chosen: string | undefined, options: readonly (readonly [string, string])[]): Html {
  return html`<div><label for="${name}">${label}</label><select id="${name}" name="${name}">${options.map(([value, text]) =>
    value === (chosen ?? '')
      ? html`<option value="${value}" selected>${text}</option>`
      : html`<option value="${value}">${text}</option>`,
  )}</select></div>`;
}

function entryTable(entries: readonly AuditEntry[], scope: 'all' | 'own'): Html {
  const head = ['Time', 'Verdict', ...(scope === 'all' ? ['Caller'] : []), 'Action', 'Resource', 'Code', 'Why'];
  return table(
    'Decisions',
    head,
    entries.map((entry) => row(entry, scope)),
  );
}

function row(entry: AuditEntry, scope: 'all' | 'own'): readonly (Html | string)[] {
  const { verdict, caller, action, resource, code } = cells(entry);
  const why =
    entry.type === 'decision.v1' || (entry.type === 'refusal.v1' && scope === 'all')
      ? html`<a href="/why/${entry.id}" aria-label="Why ${entry.id}">Why</a>`
      : '';
  return [
    timeText(entry.timeMs),
    verdict,
    ...(scope === 'all' ? [caller] : []),
    action,
    resource,
    html`<code>${code}</code>`,
    why,
  ];
}

function cells(entry: AuditEntry) {
  switch (entry.type) {
    case 'decision.v1': {
      const [first, ...more] = entry.decision.requests;
      const isObserved = entry.decision.mode === 'observe' && entry.decision.verdict !== 'allow';
      const count = entry.fold === undefined ? undefined : html` <span class="soft">× ${entry.fold.count}</span>`;
      return {
        verdict: html`${verdictText(entry.decision.verdict)}${isObserved ? ' (observed only)' : ''}${count}`,
        caller: entry.caller,
        action: `${first?.action ?? entry.operation}${more.length === 0 ? '' : ` and ${more.length} more`}`,
        resource: first?.resource ?? entry.path,
        code: entry.decision.code,
      };
    }
    case 'refusal.v1':
      return { verdict: 'refused', caller: entry.peer, action: entry.method ?? '', resource: entry.path ?? '', code: entry.code };
    case 'event.v1':
      return { verdict: 'event', caller: entry.caller, action: entry.event, resource: '', code: '' };
    default:
      return { verdict: entry.type, caller: '', action: '', resource: '', code: '' };
  }
}

function olderQuery(filter: DecisionFilter, cursor: string): string {
  const query = new URLSearchParams({ ...filter, cursor });
  return query.toString();
}

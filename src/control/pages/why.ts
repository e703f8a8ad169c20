import type { AuditEntry, DecisionEntry } from '../../audit/port.ts';
import type { RequestDecision } from '../../core/decision.ts';
import type { Explanation, NearestOf } from '../explain.ts';
import { type Html, html, prose } from './html.ts';
import { type Page, table, timeText } from './layout.ts';
import { sentenceCase } from './problem.ts';

/** Why a call was allowed or refused: in full, or in one sentence for those whom it concerns alone. */
export function whyPage(explanation: Explanation, signedInAs: string): Page {
  const heading = prose(sentenceCase(explanation.sentence));
  if (explanation.form === 'short') {
    const { id, code, timeMs } = explanation;
    return {
      title: 'Why',
      signedInAs,
      body: html`<h1>${heading}</h1>
<section class="panel" aria-label="Decision"><dl>
<dt>Decision</dt><dd><code>${id}</code></dd><dt>Code</dt><dd><code>${code}</code></dd><dt>Time</dt><dd>${timeText(timeMs)}</dd>
</dl></section>
<p>If you need this access, ask an administrator of this gateway and give them the decision id: they see which rule decided, and
what is missing.</p>`,
    };
  }
  const { entry, nearest, nearestNote } = explanation;
  return { title: 'Why', signedInAs, body: html`<h1>${heading}</h1>${facts(entry)}${details(entry, nearest, nearestNote)}` };
}

function details(entry: AuditEntry, nearest: readonly NearestOf[], note: string | undefined): Html | undefined {
  if (entry.type !== 'decision.v1') return undefined;
  const requests = entry.decision.requests.map((request, index) =>
    requestSection(request, index, entry.decision.requests.length),
  );
  return html`${requests}${entry.decision.verdict === 'deny' ? nearestSection(nearest, note) : undefined}`;
}

function facts(entry: AuditEntry): Html {
  const rows: [string, Html | string | undefined][] = [
    ['Id', html`<code>${entry.id}</code>`],
    ['Time', timeText(entry.timeMs)],
    ...(entry.type === 'decision.v1' ? decisionFacts(entry) : []),
  ];
  if (entry.type === 'refusal.v1') {
    rows.push(['Code', html`<code>${entry.code}</code>, status ${entry.status}`], ['From', entry.peer], ['Target', entry.target]);
  }
  if (entry.type === 'event.v1') rows.push(['Event', entry.event], ['Caller', entry.caller]);
  return html`<section class="panel" aria-label="Facts"><dl>${rows.map(([name, value]) =>
    value === undefined || value === '' ? undefined : html`<dt>${name}</dt><dd>${value}</dd>`,
  )}</dl></section>`;
}

function decisionFacts(entry: DecisionEntry): [string, Html | string | undefined][] {
  const { decision, fold, outcome } = entry;
  return [
    ['Verdict', html`${verdictText(decision.verdict)} <code>${decision.code}</code>`],
    ['Mode', decision.mode === 'observe' ? 'observe: the call went on all the same' : 'enforce'],
    ['Caller', entry.caller],
    ['Proved by', entry.source],
    ['From', entry.peer],
    ['Target', entry.target],
    ['Call', html`<code>${entry.method} ${entry.path}</code> (${entry.operation})`],
    ['Outcome', outcome === undefined ? undefined : JSON.stringify(outcome.outcome)],
    [
      'Stands for',
      fold === undefined
        ? undefined
        : `${fold.count} calls${fold.isMixed === true ? ', of which only the first is told here' : ''}`,
    ],
    ['Policy', html`<code>${decision.policyRevision}</code>`],
  ];
}

function requestSection(request: RequestDecision, index: number, count: number): Html {
  const { rules, clauses, mesh, wouldDeny } = request;
  return html`<section aria-labelledby="request-${index}">
<h2 id="request-${index}">${count > 1 ? `Request ${index + 1} of ${count}: ` : ''}${verdictText(request.verdict)} ${request.action}</h2>
<p>On <code>${request.resource}</code>${request.moment === undefined ? undefined : ` as it ${request.moment === 'before' ? 'was' : 'would be'}`}: <code>${request.code}</code>, settled by <code>${request.tier}</code>.</p>
${rules.length === 0 ? html`<p>No rule decided.</p>` : html`<h3>Rules that decided</h3><ul>${rules.map(ruleItem)}</ul>`}
${mesh.length === 0 ? undefined : html`<h3>Mesh rules</h3><ul>${mesh.map((name) => html`<li>${name}</li>`)}</ul>`}
${wouldDeny.length === 0 ? undefined : html`<h3>Rules in observe mode that would refuse it</h3><ul>${wouldDeny.map(ruleItem)}</ul>`}
${clauses.length === 0 ? undefined : html`<h3>Clauses</h3>${clauseTable(request)}`}
</section>`;
}

function clauseTable({ clauses }: RequestDecision): Html {
  return table(
    'Clauses',
    ['Rule', 'Part', 'As written', 'What was seen', 'Result', 'Line'],
    clauses.map(({ rule, part, pattern, observed, result, line }) => [
      rule,
      part,
      html`<code>${pattern}</code>`,
      observed === '' ? html`<span class="soft">not kept</span>` : html`<code>${observed}</code>`,
      html`<span class="${result}">${result}</span>`,
      String(line),
    ]),
  );
}

function nearestSection(nearest: readonly NearestOf[], note: string | undefined): Html {
  if (nearest.length === 0) return html`<h2>What would allow it</h2><p>Not known${note === undefined ? '' : `: ${note}`}.</p>`;
  return html`<h2>What would allow it</h2>${nearest.map(
    ({ action, resource, rules }) => html`<h3>${action} on ${resource}</h3>
${
  rules.length === 0
    ? html`<p>No rule comes near.</p>`
    : html`<ul>${rules.map(
        ({ rule, missing, ask }) =>
          html`<li><strong>${rule.name}</strong> (<code>${rule.file}:${rule.line}</code>): ${prose(missing)}${ask === undefined ? undefined : html`. Ask ${ask}`}</li>`,
      )}</ul>`
}`,
  )}`;
}

function ruleItem({ name, file, line }: { readonly name: string; readonly file: string; readonly line: number }): Html {
  return html`<li><strong>${name}</strong> at <code>${file}:${line}</code></li>`;
}

/** A word and a colour, never the colour alone. */
export function verdictText(verdict: RequestDecision['verdict']): Html {
  const words = { allow: 'Allowed', deny: 'Denied', hold: 'Held' } as const;
  return html`<span class="verdict ${verdict}">${words[verdict]}</span>`;
}

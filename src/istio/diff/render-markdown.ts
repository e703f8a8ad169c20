import { commandText, outcomeText, placeText, type SideNames, summaryText, workloadsText } from './render-text.ts';
import type { DiffResult, Finding } from './result.ts';

/** Rows that a comment on a pull request shows; GitHub takes 65,536 characters. */
const MAX_ROWS = 50;

/** A comparison as a comment on a pull request: a table, and the examples below a fold. */
export function diffMarkdown(result: DiffResult, names: SideNames): string {
  const { findings, notes, bounds } = result;
  const parts = ['### What this change means for callers', escaped(summaryText(result))];
  const shown = findings.slice(0, MAX_ROWS);
  if (shown.length > 0) parts.push(tableOf(shown), examplesOf(shown, names));
  if (findings.length > shown.length) parts.push(`${findings.length - shown.length} more are in the text or JSON output.`);
  if (notes.length > 0)
    parts.push(['Notes:', ...notes.map(({ text, place }) => `- ${escaped(text)}${escaped(placeText(place))}`)].join('\n'));
  if (bounds.length > 0)
    parts.push(['**Not everything was compared:**', ...bounds.map((text) => `- ${escaped(text)}`)].join('\n'));
  return parts.join('\n\n');
}

function tableOf(findings: readonly Finding[]): string {
  const rows = findings.map(({ change, transport, callers, requests, workloads, before, after }) => [
    `**${change}**`,
    inCell(code(callers)),
    inCell(code(transport === 'tcp' ? `${requests} (plain TCP)` : requests)),
    escaped(workloadsText(workloads)),
    escaped(outcomeText(before)),
    escaped(outcomeText(after)),
  ]);
  const head = ['', 'callers', 'requests', 'workloads', 'before', 'after'];
  return [head, head.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`).join('\n');
}

function examplesOf(findings: readonly Finding[], names: SideNames): string {
  const examples = findings.map(({ change, example, rare }, index) => {
    const needs = rare === undefined ? '' : ` (needs ${escaped(rare)})`;
    return `${index + 1}. ${change}: ${code(example.text)}${needs}\n\n${block(commandText(example.args, names.after))}`;
  });
  return ['<details><summary>Examples, each answered by both sides</summary>', '', ...examples, '', '</details>'].join('\n');
}

/** In a table a bar ends the cell, in code spans too. */
function inCell(span: string): string {
  return span.replaceAll('|', '\\|');
}

/** Text from files as a code span: no markup, no mention, no link. */
function code(text: string): string {
  const plain = oneLine(text);
  const runs = plain.match(/`+/g) ?? [];
  const fence = '`'.repeat(Math.max(0, ...runs.map(({ length }) => length)) + 1);
  const pad = plain.startsWith('`') || plain.endsWith('`') ? ' ' : '';
  return `${fence}${pad}${plain}${pad}${fence}`;
}

function block(text: string): string {
  const plain = oneLine(text);
  const runs = plain.match(/`+/g) ?? [];
  const fence = '`'.repeat(Math.max(2, ...runs.map(({ length }) => length)) + 1);
  return `   ${fence}sh\n   ${plain}\n   ${fence}`;
}

function escaped(text: string): string {
  // A zero-width joiner keeps names from being mentions.
  return oneLine(text)
    .replace(/[\\`*_{}[\]<>#|~]/g, '\\$&')
    .replaceAll('@', '@\u2060');
}

function oneLine(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029]/gu, ' ');
}

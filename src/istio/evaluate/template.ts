import type { TemplateTest } from '../matcher.ts';

/**
 * A path against a template: at the start of a segment `{*}` is one or more path characters and `{**}` any number of them and slashes;
 * everything else stands for itself (envoy source/extensions/path/match/uri_template). Walks the path once for each part.
 *
 * What the webhook refuses has a meaning too: a star elsewhere in a segment comes into Envoy's expression as it is, and repeats the
 * character before it; two of them make an expression that matches nothing.
 */
export function matchesTemplate(test: TemplateTest, path: string): boolean {
  let ends = new Set([0]);
  for (const part of partsOf(test)) {
    ends = part.type === 'literal' ? afterLiteral(part.text, path, ends) : afterRun(part, path, ends);
    if (ends.size === 0) return false;
  }
  return ends.has(path.length);
}

/** What every path begins with that a template matches. */
export function templatePrefix(test: TemplateTest): string {
  const parts = partsOf(test);
  const end = parts.findIndex(({ type }) => type !== 'literal');
  return parts
    .slice(0, end < 0 ? undefined : end)
    .map((part) => (part.type === 'literal' ? part.text : ''))
    .join('');
}

type Part = { readonly type: 'literal'; readonly text: string } | Run;

/** A run of characters. */
interface Run {
  readonly type: 'run';
  readonly accepts: RegExp;
  readonly isOptional: boolean;
}

const SEGMENT: Run = { type: 'run', accepts: /[A-Za-z0-9!$%&'()*+,\-.:;=@_~]/, isOptional: false };
const REST: Run = { type: 'run', accepts: /[A-Za-z0-9!$%&'()*+,\-.:;=@_~/]/, isOptional: true };
const NOTHING: Run = { type: 'run', accepts: /[^\s\S]/, isOptional: false };

const compiled = new WeakMap<TemplateTest, readonly Part[]>();

function partsOf(test: TemplateTest): readonly Part[] {
  const known = compiled.get(test);
  if (known !== undefined) return known;
  const segments = test.template.replaceAll('{*}', '*').replaceAll('{**}', '**').split('/');
  const parts = segments.flatMap((segment, index): readonly Part[] => {
    const [, operator = '', rest = ''] = /^(\*{0,2})(.*)$/s.exec(segment) ?? [];
    const slash: readonly Part[] = index > 0 ? [{ type: 'literal', text: '/' }] : [];
    const run = operator === '' ? [] : [operator === '*' ? SEGMENT : REST];
    return [...slash, ...run, ...literalParts(rest)];
  });
  compiled.set(test, parts);
  return parts;
}

function literalParts(text: string): readonly Part[] {
  if (text === '') return [];
  if (/^\*|\*\*/.test(text)) return [NOTHING];
  return (text.match(/[^*]\*|(?:[^*](?!\*))+/g) ?? []).map((piece): Part => {
    if (!piece.endsWith('*')) return { type: 'literal', text: piece };
    const character = piece.charCodeAt(0).toString(16).padStart(4, '0');
    return { type: 'run', accepts: new RegExp(`\\u${character}`), isOptional: true };
  });
}

function afterLiteral(text: string, path: string, starts: ReadonlySet<number>): Set<number> {
  const ends = new Set<number>();
  for (const start of starts) if (path.startsWith(text, start)) ends.add(start + text.length);
  return ends;
}

function afterRun({ accepts, isOptional }: Run, path: string, starts: ReadonlySet<number>): Set<number> {
  const ends = new Set<number>();
  for (const start of starts) {
    let at = start;
    if (isOptional) ends.add(at);
    while (at < path.length && accepts.test(path[at] as string)) {
      at += 1;
      // A later start would run over the same characters again.
      if (ends.has(at)) break;
      ends.add(at);
    }
  }
  return ends;
}

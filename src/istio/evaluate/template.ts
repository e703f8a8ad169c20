import type { TemplateTest } from '../matcher.ts';

/**
 * A path against a template: `{*}` is one or more path characters, `{**}` any number of them and slashes, each
 * at the start of a segment; everything else stands for itself (envoy source/extensions/path/match/uri_template). Walks the path once for each part of the template.
 */
export function matchesTemplate(test: TemplateTest, path: string): boolean {
  const parts = partsOf(test);
  let ends = new Set([0]);
  for (const part of parts) {
    ends = part.type === 'literal' ? afterLiteral(part.text, path, ends) : afterRun(part.type, path, ends);
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

type Part = { readonly type: 'literal'; readonly text: string } | { readonly type: 'segment' | 'rest' };

const PATH_CHARACTER = /[A-Za-z0-9!$%&'()*+,\-.:;=@_~]/;
const compiled = new WeakMap<TemplateTest, readonly Part[]>();

function partsOf(test: TemplateTest): readonly Part[] {
  const known = compiled.get(test);
  if (known !== undefined) return known;
  const parts: Part[] = [];
  const segments = test.template.replaceAll('{*}', '*').replaceAll('{**}', '**').split('/');
  for (const [index, segment] of segments.entries()) {
    if (index > 0) parts.push({ type: 'literal', text: '/' });
    const operator = /^\*{0,2}/.exec(segment)?.[0] ?? '';
    if (operator !== '') parts.push({ type: operator === '*' ? 'segment' : 'rest' });
    const rest = segment.slice(operator.length);
    if (rest !== '') parts.push({ type: 'literal', text: rest });
  }
  compiled.set(test, parts);
  return parts;
}

function afterLiteral(text: string, path: string, starts: ReadonlySet<number>): Set<number> {
  const ends = new Set<number>();
  for (const start of starts) if (path.startsWith(text, start)) ends.add(start + text.length);
  return ends;
}

function afterRun(type: 'segment' | 'rest', path: string, starts: ReadonlySet<number>): Set<number> {
  const ends = new Set<number>();
  for (const start of starts) {
    let at = start;
    if (type === 'rest') ends.add(at);
    while (at < path.length && (PATH_CHARACTER.test(path[at] as string) || (type === 'rest' && path[at] === '/'))) {
      at += 1;
      // A later start would run over the same characters again.
      if (ends.has(at)) break;
      ends.add(at);
    }
  }
  return ends;
}

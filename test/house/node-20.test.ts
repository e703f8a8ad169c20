import { readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

/** What the type checker knows (its library is that of 2024) and Node 20 lacks. */
const NEWER = [
  /\b(?:Object|Map)\.groupBy\b/,
  /\bwithResolvers\b/,
  /\bfromAsync\b/,
  /\bwaitAsync\b/,
  /\.transfer(?:ToFixedLength)?\(/,
  /\bnode:sqlite\b/,
  /\bmatchesGlob\b|\bfs\.glob\b/,
  /\bgetBuiltinModule\b/,
  /\bawait using\b|^\s*using /m,
];

/** All files that one leads to, also by `import()`: what the bundle of the istio verbs consists of, but for libraries. */
function reached(start: string): ReadonlyMap<string, string> {
  const texts = new Map<string, string>();
  const queue = [start];
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (texts.has(file)) continue;
    const text = readFileSync(file, 'utf8');
    texts.set(file, text);
    // Types leave no trace.
    const code = text.replace(/^import type [^;]*;$/gm, '');
    for (const [, from, lazy] of code.matchAll(/\bfrom '(\.[^']+)'|\bimport\('(\.[^']+)'\)/g))
      queue.push(resolve(dirname(file), from ?? lazy ?? ''));
  }
  return texts;
}

describe('the istio verbs', () => {
  const files = [...reached(join(ROOT, 'src', 'istio-main.ts'))].map(([file, text]) => [relative(ROOT, file), text] as const);

  it('use nothing that Node 20 lacks', () => {
    expect(files.map(([name]) => name)).toEqual(
      expect.arrayContaining(['src/cli/istio/explain.ts', 'src/istio/evaluate/evaluate.ts']),
    );
    const found = files.flatMap(([name, text]) =>
      NEWER.filter((pattern) => pattern.test(text)).map((pattern) => `${name}: ${pattern}`),
    );
    expect(found).toEqual([]);
  });

  it('bring nothing of the gateway along', () => {
    const rooms = new Set(files.map(([name]) => name.split('/')[1]));
    expect([...rooms].filter((room) => !/^(?:istio|core|wire|cli|[a-z-]+\.ts)$/.test(room ?? ''))).toEqual([]);
  });
});

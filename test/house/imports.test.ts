import { readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = resolve(import.meta.dirname, '../../src');

/**
 * Which rooms a room may import. `port` means only files named `port.ts` (types) of every other room; `target.ts` is one.
 * Keeps the table of `docs/explanation/architecture.md` true.
 */
const ROOMS: Readonly<
  Record<string, { readonly rooms: readonly string[]; readonly ports?: boolean; readonly files?: readonly RegExp[] }>
> = {
  core: { rooms: [] },
  wire: { rooms: ['core'] },
  policy: { rooms: ['core'] },
  istio: { rooms: ['core', 'wire'] },
  decide: { rooms: ['core', 'policy', 'istio'] },
  identity: { rooms: ['core', 'wire'] },
  credentials: { rooms: ['core', 'wire'] },
  targets: { rooms: ['core', 'wire', 'policy'] },
  audit: { rooms: ['core', 'wire'] },
  gateway: { rooms: ['core', 'wire', 'decide'], ports: true },
  control: { rooms: ['core', 'wire'], ports: true },
  store: { rooms: ['core'] },
  observe: { rooms: ['core'] },
  config: { rooms: ['core'], files: [/^[a-z-]+\/config\.ts$/] },
  demo: { rooms: ['core', 'config'] },
  cli: {
    rooms: ['core', 'policy', 'istio', 'decide', 'config'],
    files: [/^control\/client\.ts$/, /^targets\/[a-z]+\/catalogue\.ts$/],
  },
};

/** No Node module, no library: these rooms compute, and nothing else. */
const PURE = ['core', 'policy', 'decide', 'istio'];
const PURE_LIBRARIES: Readonly<Record<string, readonly string[]>> = {
  // node:crypto for SHA-256 alone: a digest is computed, nothing is read or written.
  policy: ['yaml', 'zod', '@marcbachmann/cel-js', 're2js', 'node:crypto'],
  istio: ['yaml'],
};

function sources(folder: string): string[] {
  return readdirSync(folder).flatMap((name) => {
    const file = join(folder, name);
    if (statSync(file).isDirectory()) return sources(file);
    return name.endsWith('.ts') && !name.endsWith('.test.ts') ? [file] : [];
  });
}

function imports(file: string): string[] {
  const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\//g, '');
  const pattern =
    /(?:^|\n)\s*(?:import|export)\b[^'"\n;]*?(?:\n[^'"\n;]*?)*?from\s+'([^']+)'|import\(\s*'([^']+)'\s*\)|^import\s+'([^']+)'/gm;
  return [...text.matchAll(pattern)].map((match) => match[1] ?? match[2] ?? match[3] ?? '');
}

function refusal(file: string, specifier: string): string | undefined {
  const from = relative(SRC, file);
  const room = from.split('/')[0] ?? '';
  if (!from.includes('/')) return undefined;
  const allowed = ROOMS[room];
  if (allowed === undefined) return `${room}/ is not a room of the architecture`;
  if (!specifier.startsWith('.')) {
    if (!PURE.includes(room)) return undefined;
    return PURE_LIBRARIES[room]?.some((name) => specifier === name || specifier.startsWith(`${name}/`))
      ? undefined
      : `${from} is pure and may not import ${specifier}`;
  }
  const to = relative(SRC, resolve(dirname(file), specifier));
  const other = to.split('/')[0] ?? '';
  if (other === room || allowed.rooms.includes(other)) return undefined;
  const isPort = /(^|\/)port\.ts$/.test(to) || to === 'targets/target.ts';
  if (allowed.ports === true && isPort) return undefined;
  if (allowed.files?.some((pattern) => pattern.test(to))) return undefined;
  return `${from} may not import ${to}`;
}

describe('the rooms', () => {
  const files = sources(SRC);

  it('import only what the architecture allows', () => {
    const refused = files.flatMap((file) => imports(file).flatMap((specifier) => refusal(file, specifier) ?? []));
    expect(refused).toEqual([]);
  });

  it('hold files, each of them', () => {
    const empty = readdirSync(SRC).filter(
      (name) => statSync(join(SRC, name)).isDirectory() && sources(join(SRC, name)).length === 0,
    );
    expect(empty).toEqual([]);
  });

  it('import ports for their types alone', () => {
    const ports = files.filter((file) => /\/port\.ts$/.test(file) || file.endsWith('targets/target.ts'));
    const withCode = ports.filter((file) => /^export (const|function|class|let)/m.test(readFileSync(file, 'utf8')));
    expect(withCode.map((file) => relative(SRC, file))).toEqual([]);
  });

  it('are read by a test that sees a forbidden import', () => {
    expect(refusal(join(SRC, 'core/x.ts'), '../wire/json.ts')).toBe('core/x.ts may not import wire/json.ts');
    expect(refusal(join(SRC, 'policy/x.ts'), 'node:fs')).toBe('policy/x.ts is pure and may not import node:fs');
    expect(refusal(join(SRC, 'gateway/x.ts'), '../identity/port.ts')).toBeUndefined();
    expect(refusal(join(SRC, 'gateway/x.ts'), '../identity/token.ts')).toBe('gateway/x.ts may not import identity/token.ts');
  });
});

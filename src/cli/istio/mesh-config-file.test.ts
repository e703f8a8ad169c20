import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Problem } from '../../core/problem.ts';
import { readMeshConfigFile } from './mesh-config-file.ts';

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-mesh-config-'));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function read(text: string) {
  const file = join(folder, 'mesh');
  writeFileSync(file, text);
  return readMeshConfigFile(file);
}

const code = (text: string) =>
  read(text).then(
    () => 'read',
    (error: unknown) => (error instanceof Problem ? error.code : String(error)),
  );

describe('the mesh configuration in a file', () => {
  const mesh =
    'rootNamespace: root\ntrustDomain: td\ntrustDomainAliases: [old]\npathNormalization: {normalization: MERGE_SLASHES}\n';
  const wanted = { rootNamespace: 'root', trustDomain: 'td', trustDomainAliases: ['old'], normalization: 'MERGE_SLASHES' };

  it('is a document of its own, or stands in the ConfigMap or in an IstioOperator', async () => {
    expect(await read(mesh)).toMatchObject(wanted);
    expect(await read(JSON.stringify({ kind: 'ConfigMap', data: { mesh } }))).toMatchObject(wanted);
    const indented = mesh.replace(/^/gm, '    ');
    expect(await read(`kind: IstioOperator\nspec:\n  meshConfig:\n${indented}`)).toMatchObject(wanted);
    expect(await read('')).toMatchObject({ rootNamespace: 'istio-system', trustDomain: 'cluster.local' });
  });

  it('is refused where it is none, with the file', async () => {
    for (const text of ['kind: Service\n', 'kind: ConfigMap\ndata: {}\n', 'a: [\n', '- a\n', 'a: 1\na: 2\n'])
      expect(await code(text), text).toBe('MESH_CONFIG_INVALID');
    const bomb = `a: &a [x, x, x, x, x, x, x, x, x]\n${'bcdefgh'.replace(/./g, (name) => `${name}: &${name} [*${String.fromCharCode(name.charCodeAt(0) - 1)}, *${String.fromCharCode(name.charCodeAt(0) - 1)}, *${String.fromCharCode(name.charCodeAt(0) - 1)}]\n`)}`;
    expect(['read', 'MESH_CONFIG_INVALID']).toContain(await code(bomb));
  });

  it('is read, or refused with a known code, whatever the text is', async () => {
    const text = fc.oneof(
      fc.string(),
      fc.json(),
      fc
        .constantFrom('data', 'kind: ConfigMap', '&a', '*a', '!!x y', '? {}', '<<: *a')
        .chain((one) => fc.string().map((rest) => `${one}\n${rest}`)),
    );
    await fc.assert(
      fc.asyncProperty(text, async (one) => {
        expect(['read', 'MESH_CONFIG_INVALID', 'MESH_UNREADABLE']).toContain(await code(one));
      }),
      { numRuns: 200 },
    );
  });
});

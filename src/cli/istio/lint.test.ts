import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Output } from '../output.ts';
import { lintFiles } from './lint.ts';

const POLICY = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: a, namespace: shop}
spec:
  rules:
  - to:
    - operation: {methods: [get]}
`;

describe('fairlead istio lint', () => {
  let folder = '';
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'lint-'));
  });
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  async function lint(
    text: string,
    severity: 'warning' | 'error' = 'warning',
  ): Promise<{ exit: number; data: string; said: string }> {
    writeFileSync(join(folder, 'mesh.yaml'), text);
    let data = '';
    let said = '';
    const output: Output = {
      format: 'table',
      data: (_value, human) => {
        data += human();
      },
      say: (line) => {
        said += line;
      },
    };
    return { exit: await lintFiles({ filename: [folder], severity }, output), data, said };
  }

  it('refuses files without any object, which may be the wrong ones', async () => {
    await expect(lint('# nothing\n')).rejects.toMatchObject({ code: 'MESH_EMPTY', kind: 'invalid' });
  });

  it('ends with 0 when nothing is found, and with 1 when something is', async () => {
    expect(await lint(POLICY.replace('get', 'GET'))).toMatchObject({ exit: 0, data: '' });
    const found = await lint(POLICY);
    expect(found.exit).toBe(1);
    expect(found.data).toContain('mesh.yaml:7:29: error: methods are compared letter by letter');
    expect(found.said).toContain('1 finding in 1 policy');
  });

  it('shows what the webhook would say beside it, in the order of the lines', async () => {
    const { data } = await lint(POLICY.replace('[get]', '[get, ""]').replace('spec:', 'spec:\n  provider: {name: x}'));
    expect([...data.matchAll(/\[([A-Za-z_-]+)\]$/gm)].map(([, code]) => code)).toEqual([
      'PROVIDER_INVALID',
      'method-case',
      'VALUE_EMPTY',
    ]);
  });

  it('leaves warnings out where only errors are asked for, and what a comment names', async () => {
    const warned = POLICY.replace('{methods: [get]}', '{hosts: ["a.example.com*"]}');
    expect((await lint(warned)).exit).toBe(1);
    expect((await lint(warned, 'error')).exit).toBe(0);
    expect((await lint(`${POLICY.trimEnd()} # fairlead: ignore method-case\n`)).exit).toBe(0);
  });

  it('says nothing of files that cannot be read but what is wrong with them', async () => {
    await expect(lint(`${POLICY}---\nkind: [`)).rejects.toMatchObject({ code: 'MESH_INCOMPLETE' });
  });
});

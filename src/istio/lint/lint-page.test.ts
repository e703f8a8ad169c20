import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compileChain } from '../compile/chain.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import type { MeshModel } from '../objects.ts';
import { NEWEST } from '../profile.ts';
import { readMeshObjects } from '../read/mesh-objects.ts';
import { buildModel } from '../read/model.ts';
import { LINT_CODES, type LintCode } from './codes.ts';
import { lint } from './lint.ts';

const PAGE = readFileSync(resolve(import.meta.dirname, '../../../docs/reference/istio-lint.md'), 'utf8');
/** Each code with the objects that show it, and those that do it right. */
const SECTIONS = PAGE.split(/^### /m)
  .slice(1)
  .map((section) => {
    const [wrong = '', right = ''] = [...section.matchAll(/^```yaml\n(.*?)^```$/gms)].map((match) => match[1] ?? '');
    return { code: section.slice(0, section.indexOf('\n')) as LintCode, wrong, right };
  });

describe('the page of lint codes', () => {
  it('describes exactly the codes that there are, each with its severity', () => {
    expect(SECTIONS.map(({ code }) => code).sort()).toEqual(Object.keys(LINT_CODES).sort());
    const table = [...PAGE.matchAll(/^\| \[(.*?)\]\(#(.*?)\) \| (\w+) \|/gm)].map(([, code, anchor, severity]) => [
      code,
      anchor,
      severity,
    ]);
    expect(Object.fromEntries(table.map(([code, , severity]) => [code, severity]))).toEqual(LINT_CODES);
    expect(table.every(([code, anchor]) => code === anchor)).toBe(true);
  });

  it.each(SECTIONS.map(({ code, wrong }) => [code, wrong]))('shows what is found: %s', (code, wrong) => {
    const model = modelOf(wrong);
    const findings = lint(model, NEWEST).filter((finding) => finding.code === code);
    expect(findings.length).toBeGreaterThan(0);
    for (const { message, help, line, example } of findings) {
      expect(line).toBeGreaterThan(0);
      expect(message).toMatch(/`.+`/);
      expect(help).not.toBe('');
      if (example === undefined) continue;
      const chain = compileChain(model, example.workload, example.facts.transport, NEWEST);
      expect(evaluate(chain, example.facts).v).toBe(example.verdict);
    }
  });

  it.each(SECTIONS.map(({ code, right }) => [code, right]))('shows what is right: %s', (code, right) => {
    const found = lint(modelOf(right), NEWEST);
    expect(found.filter((finding) => finding.code === code)).toEqual([]);
  });
});

function modelOf(text: string): MeshModel {
  const reading = readMeshObjects([{ file: 'page.yaml', text }]);
  expect(reading.diagnostics).toEqual([]);
  return buildModel(reading.objects, reading.meshConfigs[0]?.config);
}

import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../wire/call.ts';
import type { AuthorizationPolicy } from '../objects.ts';
import { readJsonObjects } from './json-objects.ts';
import { buildModel } from './model.ts';

describe('readJsonObjects', () => {
  it('reads a null rule as the rule that matches everything', () => {
    expect(onePolicy({ action: 'DENY', rules: [null] }).rules).toEqual([{ from: [], to: [], when: [] }]);
  });

  it('takes empty and null lists for absent ones', () => {
    const rules = onePolicy({ rules: [{ from: [], to: null }] }).rules;
    expect(rules).toEqual([{ from: [], to: [], when: [] }]);
    expect(onePolicy({ rules: [] }).rules).toEqual([]);
  });

  it('reads what the webhook would reject', () => {
    const policy = onePolicy({
      action: 'DENY',
      provider: { name: 'x' },
      rules: [{ from: [{ source: { trustDomains: ['o*m'] } }] }],
    });
    expect(policy.rules[0]?.from[0]?.trustDomains).toEqual(['o*m']);
    expect(policy.provider).toBe('x');
  });

  it('tells a selector without labels from no selector', () => {
    expect(onePolicy({ selector: {} }).selector).toEqual({});
    expect(onePolicy({}).selector).toBeUndefined();
  });

  it('reads targetRefs before the legacy targetRef', () => {
    const ref = { group: '', kind: 'Service', name: 'a' };
    expect(onePolicy({ targetRefs: [ref], targetRef: { ...ref, name: 'b' } }).targetRefs.map(({ name }) => name)).toEqual([
      'a',
      'b',
    ]);
  });

  it('takes a dry-run annotation in the spellings of Go, everything else is false', () => {
    const dryRun = (text: string): boolean => onePolicy({}, { 'istio.io/dry-run': text }).dryRun;
    expect(['1', 't', 'T', 'TRUE', 'true', 'True'].map(dryRun)).toEqual(Array(6).fill(true));
    expect(['0', 'yes', 'tRUE', '', 'on'].map(dryRun)).toEqual(Array(5).fill(false));
  });

  it('says which value is no object, and reads the others', () => {
    const reading = readJsonObjects([7, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } }]);
    expect(reading.diagnostics.map(({ path }) => path)).toEqual(['objects[0]']);
    expect(buildModel(reading.objects).namespaces.map(({ name }) => name)).toEqual(['shop']);
  });
});

function onePolicy(spec: JsonValue, annotations: JsonValue = {}): AuthorizationPolicy {
  const value = {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'p', namespace: 'foo', annotations },
    spec,
  };
  const [policy] = buildModel(readJsonObjects([value]).objects).policies;
  if (policy === undefined) throw new Error('no policy was read');
  return policy;
}

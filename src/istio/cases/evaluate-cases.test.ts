import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { PROFILES, type ProfileName } from '../profile.ts';
import { readIdentities } from './case.ts';
import { evaluateCase, evaluateCases } from './evaluate-cases.ts';

const SAMPLE = join(import.meta.dirname, '../../../test/istio/sample');
const LINES = readFileSync(join(SAMPLE, 'cases.jsonl'), 'utf8').trim().split('\n');
const identities = readIdentities(readFileSync(join(SAMPLE, 'identities.json'), 'utf8'));
const options = (profile: ProfileName) => ({ identities, profile: PROFILES[profile], now: 1_790_000_000 });

/** What Envoy of a version answered, in the order of the requests. */
function expected(line: string, version: string): readonly Record<string, unknown>[] {
  const { verdicts, differs } = JSON.parse(line);
  return verdicts.map((verdict: object, index: number) => differs[version]?.[index] ?? verdict);
}

describe('cases', () => {
  it.each([
    ['envoy-1.36', '1.36.4'],
    ['envoy-1.38', '1.38.3'],
    ['envoy-1.40', '1.40.0'],
  ] as const)('are decided by %s as Envoy %s decided them', (profile, version) => {
    const keys = ['v', 's', 'by', 'id', 'audit', 'ext', 'path', 'remote'];
    let pairs = 0;
    for (const [position, answer] of [...evaluateCases(LINES, options(profile))].entries()) {
      const { id, verdicts } = JSON.parse(answer.text);
      for (const [index, want] of expected(LINES[position] ?? '', version).entries()) {
        const pick = (verdict: Record<string, unknown>) => Object.fromEntries(keys.map((key) => [key, verdict[key]]));
        expect(pick(verdicts[index]), `${id} request ${index}`).toEqual(pick(want));
        pairs += 1;
      }
    }
    expect(pairs).toBe(768);
  });

  it('that cannot be read give a line that says so, and the others are evaluated', () => {
    const good = LINES[0] ?? '';
    const answers = [...evaluateCases(['{', '', good, '{"id":"x","objects":7,"requests":[]}'], options('envoy-1.40'))];
    expect(answers.map(({ isError }) => isError)).toEqual([true, false, true]);
    expect(JSON.parse(answers[0]?.text ?? '')).toMatchObject({ line: 1, error: expect.any(String) });
    expect(JSON.parse(answers[2]?.text ?? '')).toEqual({ line: 4, id: 'x', error: 'objects is not a list' });
  });

  it('name the field that is wrong', () => {
    const error = (request: unknown) =>
      JSON.parse(evaluateCase(JSON.stringify({ objects: [], requests: [request] }), 1, options('envoy-1.40')).text).verdicts[0]
        .error;
    expect(error({ peer: 'nobody' })).toBe('requests[0].peer is not one of the identities');
    expect(error({ path: '/\u0101' })).toContain('requests[0].path holds a character beyond latin-1');
    expect(error({ headers: [['only']] })).toBe('requests[0].headers[0] is not [name, value]');
  });

  it('answer their other requests when one cannot be read, which is unknown', () => {
    const requests = [{ path: '/a' }, { peer: 'nobody' }, 7, { path: '/b' }];
    const answer = evaluateCase(JSON.stringify({ id: 'x', objects: [], requests }), 1, options('envoy-1.40'));
    expect(answer.isError).toBe(true);
    expect(JSON.parse(answer.text).verdicts).toMatchObject([
      { v: 'allow', path: '/a' },
      { v: 'unknown', reason: 'unreadable', error: 'requests[1].peer is not one of the identities' },
      { v: 'unknown', reason: 'unreadable', error: 'requests[2] is not an object' },
      { v: 'allow', path: '/b' },
    ]);
  });

  it('keep their name, be it a number, and may have no objects', () => {
    const answer = evaluateCase('{"id":7,"objects":null,"requests":[{"path":"/a"}]}', 1, options('envoy-1.40'));
    expect(JSON.parse(answer.text)).toMatchObject({ id: 7, verdicts: [{ v: 'allow' }] });
  });

  it.each([
    [{ action: 'deny', rules: [{}] }, 'objects[0].spec.action: `deny` is not possible here'],
    [{ action: 1, rules: [{}] }, 'objects[0].spec.action: this must be a string, not the number 1'],
    [
      { rules: [{ to: [{ operation: { paths: '/a' } }] }] },
      'objects[0].spec.rules[0].to[0].operation.paths: this must be a list',
    ],
    [{ rules: [{ to: [{ operation: { not_paths: ['/a'] } }] }] }, 'objects[0].spec.rules[0].to[0].operation.not_paths: write'],
  ])('with an object of which nothing exact would be left are refused: %j', (spec, words) => {
    const policy = { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy', metadata: { name: 'p', namespace: 'foo' } };
    const line = JSON.stringify({ id: 'x', objects: [{ ...policy, spec }], requests: [{ path: '/b' }] });
    expect(JSON.parse(evaluateCase(line, 1, options('envoy-1.40')).text).error).toContain(words);
  });

  it('with kinds of Istio that are not known, or with a list object, are refused, and other kinds are left out', () => {
    const error = (object: object) =>
      JSON.parse(evaluateCase(JSON.stringify({ objects: [object], requests: [] }), 1, options('envoy-1.40')).text).error;
    expect(error({ apiVersion: 'security.istio.io/v9', kind: 'AuthorizationPolicy' })).toContain('is not known');
    expect(error({ apiVersion: 'v1', kind: 'List', items: [] })).toContain('give its items');
    expect(error({ apiVersion: 'networking.istio.io/v1', kind: 'VirtualService' })).toBeUndefined();
  });

  it('with a part of a request that is of another type are refused', () => {
    const error = (request: unknown) =>
      JSON.parse(evaluateCase(JSON.stringify({ objects: [], requests: [request] }), 1, options('envoy-1.40')).text).verdicts[0]
        .error;
    expect(error({ headers: { a: 'b' } })).toBe('requests[0].headers is not a list');
    expect(error({ jwt: 'abc' })).toBe('requests[0].jwt is not an object');
    expect(error({ path: 7 })).toBe('requests[0].path is not a text');
  });

  it('never throw, whatever JSON stands in a line', () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof({ depthSize: 'small' }, fc.string(), fc.integer(), fc.constant(null), fc.array(tie('any')), tie('object')),
      object: fc.dictionary(
        fc.constantFrom(
          'objects',
          'requests',
          'workload',
          'mesh',
          'spec',
          'rules',
          'kind',
          'apiVersion',
          'headers',
          'jwt',
          'path',
          'from',
        ),
        tie('any'),
      ),
    })).object;
    fc.assert(
      fc.property(value, (line) => {
        const { text } = evaluateCase(JSON.stringify(line), 1, options('envoy-1.40'));
        expect(JSON.parse(text)).toSatisfy((answer: object) => 'error' in answer || 'verdicts' in answer);
      }),
    );
  });
});

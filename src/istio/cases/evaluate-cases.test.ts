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
      JSON.parse(evaluateCase(JSON.stringify({ objects: [], requests: [request] }), 1, options('envoy-1.40')).text).error;
    expect(error({ peer: 'nobody' })).toBe('requests[0].peer is not one of the identities');
    expect(error({ path: '/\u0101' })).toContain('requests[0].path holds a character beyond latin-1');
    expect(error({ headers: [['only']] })).toBe('requests[0].headers[0] is not [name, value]');
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

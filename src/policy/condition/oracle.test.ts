import { isCelError, run } from '@bufbuild/cel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../../test/support/runs.ts';
import type { AttributeSchema, AttributeValue } from '../../core/attribute.ts';
import { anonymousCaller } from '../../core/caller.ts';
import { compileCondition, conditionScope } from './condition.ts';
import type { Variant } from './variables.ts';

/** Another implementation of CEL says the same about every generated condition, also about errors. */

const SCHEMA: AttributeSchema = {
  tags: { type: { kind: 'list', of: { kind: 'string' } }, title: '' },
  name1: { type: { kind: 'string' }, title: '' },
  count: { type: { kind: 'int' }, title: '' },
  load: { type: { kind: 'double' }, title: '' },
  labels: { type: { kind: 'map', of: { kind: 'string' } }, title: '' },
  flag: { type: { kind: 'bool' }, title: '' },
};
const VARIANTS: readonly Variant[] = [{ action: 'a', method: 'm', resource: SCHEMA, request: {} }];

// The other implementation orders text by UTF-16 units; no two of these differ in that.
const WORDS = ['', 'a', 'b', 'ab', 'prod', 'é', '😀', 'A'] as const;
const word = fc.constantFrom(...WORDS);
const quoted = word.map((text) => JSON.stringify(text));
const integer = fc.oneof(
  fc.integer({ min: -3, max: 3 }).map(String),
  fc.constantFrom('9223372036854775807', '-9223372036854775808'),
);
const double = fc.constantFrom('0.0', '1.5', '-2.0', '1e300', '3.0', '9007199254740992.0');
const zone = fc.constantFrom('', '"UTC"', '"Europe/Berlin"', '"America/New_York"', '"+05:30"', '"-08:00"');
const part = fc.constantFrom(
  'getFullYear',
  'getMonth',
  'getDayOfMonth',
  'getDate',
  'getDayOfWeek',
  'getDayOfYear',
  'getHours',
  'getMinutes',
  'getSeconds',
  'getMilliseconds',
);
const time = fc.constantFrom(
  '"2024-02-29T23:59:59.5Z"',
  '"1970-01-01T00:00:00Z"',
  '"2023-12-31T23:00:00-05:00"',
  '"1969-12-31T23:59:59.999Z"',
  '"2024-07-01T00:30:00+02:00"',
);
// Whole milliseconds: the other implementation rounds parts of times to these.
const span = fc.constantFrom('"1h30m"', '"-1.5s"', '"300ms"', '"0s"', '"24h"', '"1m1ms"');

interface Texts {
  readonly bool: string;
  readonly int: string;
  readonly double: string;
  readonly string: string;
  readonly list: string;
  readonly time: string;
  readonly span: string;
}

const { bool } = fc.letrec<Texts>((tie) => {
  const two = (kind: keyof Texts, operators: readonly string[]) =>
    fc.tuple(tie(kind), fc.constantFrom(...operators), tie(kind)).map(([a, operator, b]) => `(${a} ${operator} ${b})`);
  const comparisons = ['==', '!=', '<', '<=', '>', '>='];
  const choose = (kind: keyof Texts) =>
    fc.tuple(tie('bool'), tie(kind), tie(kind)).map(([test, a, b]) => `(${test} ? ${a} : ${b})`);
  const options = { depthSize: 'small', withCrossShrink: true } as const;
  return {
    bool: fc.oneof(
      options,
      fc.constantFrom('true', 'false', 'resource.flag'),
      fc.constantFrom(...Object.keys(SCHEMA)).map((name) => `has(resource.${name})`),
      fc.constantFrom('has(resource.labels.team)', '(resource.labels.team == "a")', '(resource.labels["b"] != "")'),
      two('bool', ['&&', '||', '==', '!=']),
      tie('bool').map((text) => `!${text}`),
      two('int', comparisons),
      two('double', comparisons),
      two('string', comparisons),
      two('time', comparisons),
      two('span', comparisons),
      two('list', ['==', '!=']),
      // Small, because the other implementation compares numbers of two kinds as doubles.
      fc
        .tuple(tie('int'), fc.constantFrom(...comparisons), tie('double'))
        .map(([a, operator, b]) => `(${a} % 100 ${operator} ${b})`),
      fc.tuple(tie('string'), tie('list')).map(([a, b]) => `(${a} in ${b})`),
      tie('string').map((text) => `(${text} in resource.labels)`),
      fc
        .tuple(tie('string'), fc.constantFrom('startsWith', 'endsWith', 'contains'), tie('string'))
        .map(([a, name, b]) => `${a}.${name}(${b})`),
      fc
        .tuple(tie('string'), fc.constantFrom('"^a"', '"[b-p]+$"', '""', '"^é|\\\\p{Lu}"'))
        .map(([a, pattern]) => `${a}.matches(${pattern})`),
      fc
        .tuple(tie('list'), fc.constantFrom('exists', 'all'), tie('bool'))
        .map(([list, name, body]) => `${list}.${name}(t, t == "a" || ${body})`),
      fc
        .tuple(tie('list'), fc.constantFrom('exists', 'all'), tie('int'))
        .map(([list, name, n]) => `${list}.${name}(t, 4 / (size(t) - ${n}) > 1)`),
      choose('bool'),
    ),
    int: fc.oneof(
      options,
      integer,
      fc.constant('resource.count'),
      two('int', ['+', '-', '*', '/', '%']),
      // Halved, because the other implementation cancels pairs of signs before it looks at the range.
      tie('int').map((text) => `(-(${text} / 2))`),
      tie('string').map((text) => `size(${text})`),
      tie('list').map((text) => `${text}.size()`),
      fc.tuple(tie('time'), part, zone).map(([a, name, b]) => `${a}.${name}(${b})`),
      fc
        .tuple(tie('span'), fc.constantFrom('getHours', 'getMinutes', 'getSeconds', 'getMilliseconds'))
        .map(([a, name]) => `${a}.${name}()`),
      choose('int'),
    ),
    double: fc.oneof(
      options,
      double,
      fc.constant('resource.load'),
      two('double', ['+', '-', '*', '/']),
      tie('int').map((text) => `double(${text})`),
    ),
    string: fc.oneof(
      options,
      quoted,
      fc.constant('resource.name1'),
      two('string', ['+']),
      fc.constant('resource.tags[0]'),
      fc.constant('resource.labels.team'),
      choose('string'),
    ),
    list: fc.oneof(
      options,
      fc.constant('resource.tags'),
      fc.array(quoted, { maxLength: 3 }).map((items) => `[${items.join(', ')}]`),
      two('list', ['+']),
    ),
    time: fc.oneof(
      options,
      time.map((text) => `timestamp(${text})`),
      fc.tuple(tie('time'), fc.constantFrom('+', '-'), tie('span')).map(([a, operator, b]) => `(${a} ${operator} ${b})`),
    ),
    span: fc.oneof(
      options,
      span.map((text) => `duration(${text})`),
      two('span', ['+', '-']),
      two('time', ['-']),
    ),
  };
});

const attributes = fc.record(
  {
    tags: fc.array(word, { maxLength: 3 }),
    name1: word,
    count: fc.bigInt({ min: -3n, max: 3n }),
    load: fc.constantFrom(0, 1.5, -2),
    labels: fc.dictionary(fc.constantFrom('team', 'b', 'a'), word, { maxKeys: 3 }),
    flag: fc.boolean(),
  },
  { requiredKeys: [] },
);

function ours(text: string, values: Readonly<Record<string, AttributeValue>>): string {
  const { condition, problems } = compileCondition(text, VARIANTS);
  // A generated condition may be dearer or longer than the language allows; the other implementation has no such bounds.
  fc.pre(!problems.some(({ code, message }) => code === 'CONDITION_COST' || message.includes('exceeded max')));
  if (condition === undefined) throw new Error(`${text}: ${JSON.stringify(problems)}`);
  const request = { action: 'a', resource: { path: ['x'], attributes: values }, attributes: { method: 'm' } };
  return condition.evaluate(conditionScope({ caller: anonymousCaller({ address: '' }), request, now: new Date(0) }));
}

function theirs(text: string, values: Readonly<Record<string, AttributeValue>>): string {
  const result = run(text, { resource: values as never });
  return isCelError(result) ? 'error' : String(result);
}

describe('conditions and another implementation of CEL', () => {
  it('agree on every condition, also on what is an error', () => {
    fc.assert(
      fc.property(bool, attributes, (text, values) => {
        const plain = JSON.parse(
          JSON.stringify(values, (_, value) => (typeof value === 'bigint' ? `n${value}` : value)),
          (_, value) => (typeof value === 'string' && /^n-?\d$/.test(value) ? BigInt(value.slice(1)) : value),
        );
        expect(ours(text, plain)).toBe(theirs(text, plain));
      }),
      { numRuns: runs(1000) },
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../../test/support/runs.ts';
import type { AttributeValue } from '../../core/attribute.ts';
import { anonymousCaller, type Caller } from '../../core/caller.ts';
import { compileCondition, conditionScope } from './condition.ts';
import type { Variant } from './variables.ts';

const text = { type: { kind: 'string' }, title: '' } as const;
const VARIANTS: readonly Variant[] = [
  { action: 'run', method: 'one', resource: { s: text, pool: { ...text, optional: true } }, request: { only: text, both: text } },
  { action: 'run', method: 'two', resource: { s: text, pool: { ...text, optional: true } }, request: { both: text } },
  {
    action: 'read',
    method: 'get',
    resource: {},
    request: { n: { type: { kind: 'int' }, title: '' }, big: { type: { kind: 'list', of: { kind: 'int' } }, title: '' } },
  },
];
const RUN = VARIANTS.filter((variant) => variant.action === 'run');
const READ = VARIANTS.filter((variant) => variant.action === 'read');

function codes(condition: string, variants: readonly Variant[] = VARIANTS): readonly string[] {
  return compileCondition(condition, variants).problems.map((problem) => problem.code);
}

interface Seen {
  readonly resource?: Readonly<Record<string, AttributeValue>>;
  readonly request?: Readonly<Record<string, AttributeValue>>;
  readonly caller?: Partial<Caller>;
  readonly variants?: readonly Variant[];
}

function verdict(condition: string, { resource = {}, request = {}, caller = {}, variants = READ }: Seen = {}): string {
  const { condition: compiled, problems } = compileCondition(condition, variants);
  if (compiled === undefined) throw new Error(JSON.stringify(problems));
  const access = {
    action: 'run',
    resource: { path: ['t', 'a'], attributes: resource },
    attributes: { method: 'one', ...request },
  };
  return compiled.evaluate(
    conditionScope({ caller: { ...anonymousCaller({ address: '192.0.2.7' }), ...caller }, request: access, now: new Date(0) }),
  );
}

describe('what a condition may read', () => {
  it('is what every method of every listed action carries', () => {
    expect(codes('request.both == "x"', RUN)).toEqual([]);
    expect(codes('request.only == "x"', RUN)).toEqual(['CONDITION_ATTRIBUTE']);
    expect(codes('request.both == "x"')).toEqual(['CONDITION_ATTRIBUTE']);
    expect(codes('resource.pool == "x"', RUN)).toEqual(['CONDITION_ATTRIBUTE']);
  });

  it.each([
    'has(request.only) && request.only == "x"',
    '!has(request.only) || request.only == "x"',
    'has(request.only) ? request.only == "x" : false',
    'request.method == "one" && request.only == "x"',
    '"one" == request.method && request.only == "x"',
    'request.method != "two" && request.only == "x"',
    'request.method in ["one"] && request.only == "x"',
    '!(request.method in ["two"]) && request.only == "x"',
    '(has(request.only) && true) && request.only == "x"',
    'request["method"] == "one" && request["only"] == "x"',
    'has(resource.pool) && resource.pool.startsWith("x")',
  ])('is more behind a guard: %s', (condition) => {
    expect(codes(condition, RUN)).toEqual([]);
  });

  it.each([
    'has(request.only) || request.only == "x"',
    '!has(request.only) && request.only == "x"',
    'request.method == "two" && request.only == "x"',
    'request.method == "one" || request.only == "x"',
    '(has(request.only) || has(resource.pool)) && request.only == "x"',
    'request.method in ["one", "two"] && request.only == "x"',
    'has(request.only) ? true : request.only == "x"',
  ])('is no more behind a guard that proves nothing: %s', (condition) => {
    expect(codes(condition, RUN)).toEqual(['CONDITION_ATTRIBUTE']);
  });

  it('may be guarded by the action and by the kind of caller', () => {
    expect(codes('action == "read" && request.n > 1')).toEqual([]);
    expect(codes('action in ["run"] && request.both == "x"')).toEqual([]);
    expect(codes('action == "rum"')).toEqual(['CONDITION_ATTRIBUTE']);
    expect(codes('caller.kind == "workload" && caller.namespace == "x"')).toEqual([]);
    expect(codes('caller.kind == "user" && caller.namespace == "x"')).toEqual(['CONDITION_ATTRIBUTE']);
    expect(codes('caller.kind in ["user", "agent"] && caller.name == "x"')).toEqual([]);
    expect(codes('caller.kind == "robot"')).toEqual(['CONDITION_ATTRIBUTE']);
  });

  it('names the method that lacks it', () => {
    const [problem] = compileCondition('request.only == "x"', RUN).problems;
    expect(problem?.message).toBe('`request.only` does not exist for method `two` of `run`');
    expect(problem?.help).toBe('guard it with `has(request.only)` or a `request.method ==` test');
  });

  it('is not hidden by a name of an `exists`, nor reached through one', () => {
    expect(codes('request.big.exists(request, request == 1)', READ)).toEqual([]);
    expect(codes('request.big.exists(request, request.n == 1)', READ)).toEqual(['CONDITION_TYPE']);
  });

  it('lets an `unless` lean on what its `when` proves', () => {
    const when = compileCondition('has(request.only)', RUN);
    expect(compileCondition('request.only == "x"', when.whenTrue).problems).toEqual([]);
  });
});

describe('evaluation', () => {
  it('takes what is missing for an error, which `has` and a decisive operand can absorb', () => {
    expect(verdict('request.n == 1')).toBe('error');
    expect(verdict('request.n != 1')).toBe('error');
    expect(verdict('has(request.n)')).toBe('false');
    expect(verdict('request.n == 1 || true')).toBe('true');
    expect(verdict('request.n == 1 && false')).toBe('false');
    expect(verdict('[1, 0].exists(x, 1 / x == 2 || x == 0)')).toBe('true');
    expect(verdict('[1, 0].all(x, 1 / x == 1)')).toBe('error');
  });

  it('takes a value of another type than declared for an error', () => {
    expect(verdict('request.n == 1', { request: { n: 'one' } })).toBe('error');
    expect(verdict('request.n == 1', { request: { n: 1n } })).toBe('true');
    expect(verdict('request.n == 1', { request: { n: 1 } })).toBe('true');
    expect(verdict('request.n == 1', { request: { n: 1.5 } })).toBe('error');
    expect(verdict('request.n == 1', { request: { n: 2n ** 63n } })).toBe('error');
    expect(verdict('1 in request.big', { request: { big: [2n, 'x', 1n] } })).toBe('error');
  });

  it('does not read what an attribute inherits', () => {
    const inherited = Object.create({ n: 1n, method: 'one' });
    expect(verdict('request.n == 1', { request: inherited })).toBe('error');
    expect(verdict('has(caller.claims.constructor)', { caller: { claims: {} } })).toBe('false');
  });

  it('takes the groups of a caller whose groups are not fully known for an error', () => {
    const membership = { groups: ['a'], complete: false };
    expect(verdict('"b" in caller.groups', { caller: { membership } })).toBe('error');
    expect(verdict('"a" in caller.groups', { caller: { membership: { groups: ['a'], complete: true } } })).toBe('true');
  });

  it('reads who calls', () => {
    const caller: Partial<Caller> = {
      subject: { kind: 'workload', cluster: 'staging', home: false, namespace: 'fraud', serviceAccount: 'scorer' },
      actors: [{ kind: 'agent', name: 'x' }],
      source: 'staging',
      spiffe: 'spiffe://a/ns/fraud/sa/scorer',
    };
    const texts = [
      'caller.text == "agent:x for workload:staging:fraud/scorer"',
      'caller.subject == "workload:staging:fraud/scorer"',
      'has(caller.actor) && caller.actor == "agent:x"',
      'caller.kind == "workload" && caller.name == "fraud/scorer" && caller.serviceAccount == "scorer" && caller.cluster == "staging"',
      'has(caller.spiffe) && caller.spiffe.startsWith("spiffe://a/")',
      'peer.address == "192.0.2.7" && !has(peer.spiffe)',
      'resource.name == "t/a" && resource.path[1] == "a" && size(resource.path) == 2',
      'now == timestamp("1970-01-01T00:00:00Z") && action == "run" && request.method == "one"',
    ];
    for (const condition of texts)
      expect([
        condition,
        verdict(condition, { caller, variants: [{ action: 'run', method: 'one', resource: {}, request: {} }] }),
      ]).toEqual([condition, 'true']);
  });

  it('orders text by code point and numbers exactly', () => {
    expect(verdict('"\uffee" < "😀"')).toBe('true');
    expect(verdict('9223372036854775807 < 9223372036854775807.0')).toBe('true');
    expect(verdict('9007199254740993 == 9007199254740992.0')).toBe('false');
  });

  it('takes overflow for an error', () => {
    expect(verdict('9223372036854775807 + 1 > 0')).toBe('error');
    expect(verdict('-(-9223372036854775808) > 0')).toBe('error');
    expect(verdict('-9223372036854775808 / -1 > 0')).toBe('error');
    expect(verdict('1 / 0 > 0')).toBe('error');
  });

  it.each([
    ['10.1.2.3', 'true'],
    ['::ffff:10.1.2.3', 'true'],
    ['11.1.2.3', 'false'],
    ['::10.1.2.3', 'false'],
    ['010.1.2.3', 'error'],
    ['10.1.2', 'error'],
    ['fe80::1%eth0', 'error'],
    ['', 'error'],
  ])('holds the address %s against 10.0.0.0/8: %s', (address, expected) => {
    expect(verdict('cidr("10.0.0.0/8").containsIP(ip(peer.address))', { caller: { peer: { address } } })).toBe(expected);
  });

  it.each([
    'ip("::1") == ip("0:0:0:0:0:0:0:1")',
    'cidr("2001:db8::/32").containsIP("2001:db8:1::5")',
    '!cidr("2001:db8::/32").containsIP("2001:db9::")',
    'cidr("0.0.0.0/0").containsIP("255.255.255.255")',
    'ip("1:2:3:4:5:6:1.2.3.4") == ip("1:2:3:4:5:6:102:304")',
  ])('knows addresses: %s', (condition) => {
    expect(verdict(condition)).toBe('true');
  });

  it.each([
    'cidr("10.0.0.1/8") == cidr("10.0.0.0/8")',
    'ip("1::2::3") == ip("::1")',
    'ip("::1.2.3.4.5") == ip("::1")',
    'ip("1.2.3.4::") == ip("::1")',
    'cidr("::/129").containsIP("::1")',
    'duration("1 h") > duration("1s")',
    'timestamp("2024-02-30T00:00:00Z") < now',
  ])('finds a wrong literal at load: %s', (condition) => {
    expect(codes(condition)).toEqual(['CONDITION_TYPE']);
  });

  it('takes a condition that runs too long for an error', () => {
    const big = Array.from({ length: 5_000 }, (_, index) => BigInt(index));
    expect(verdict('request.big.all(x, x in request.big)', { request: { big } })).toBe('error');
    expect(verdict('request.big.all(x, x >= 0)', { request: { big } })).toBe('true');
  });

  it('keeps what it read, in JSON terms', () => {
    const { condition } = compileCondition('request.n > 1 && resource.name != "" && request.big.all(x, x > 0)', READ);
    const request = { action: 'read', resource: { path: ['t'], attributes: {} }, attributes: { n: 2n, big: [2n ** 60n] } };
    const scope = conditionScope({ caller: anonymousCaller({ address: '' }), request, now: new Date(0) });
    expect(condition?.evaluate(scope)).toBe('true');
    expect({ ...scope.attributesRead }).toEqual({ 'request.n': 2, 'resource.name': 't', 'request.big': ['1152921504606846976'] });
  });

  it('ends in a condition or in problems for any text, and then in a verdict', () => {
    const token = fc.constantFrom(
      'resource',
      'request',
      'caller',
      'peer',
      'now',
      'action',
      '.',
      'n',
      's',
      'big',
      'path',
      'name',
      'groups',
      'claims',
      'method',
      '[',
      ']',
      '(',
      ')',
      '{',
      '}',
      ',',
      ':',
      '?',
      '==',
      '!=',
      '<',
      '&&',
      '||',
      '!',
      '-',
      '+',
      '*',
      '/',
      '%',
      ' in ',
      '"x"',
      "'y'",
      '1',
      '0',
      '2.5',
      '9223372036854775808',
      'true',
      'null',
      'has',
      'exists',
      'all',
      'size',
      'matches',
      'ip',
      'cidr',
      'timestamp',
      'getHours',
      '"\\UFFFFFFFF"',
      'b"x"',
      '1u',
      '__proto__',
      'constructor',
    );
    const hostile = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 60 }),
      fc.array(token, { maxLength: 12 }).map((tokens) => tokens.join('')),
    );
    const values = fc.dictionary(
      fc.constantFrom('n', 'big', 's', 'method'),
      fc.anything({ withBigInt: true, withDate: true }) as fc.Arbitrary<AttributeValue>,
    );
    fc.assert(
      fc.property(hostile, values, (condition, request) => {
        const compiled = compileCondition(condition, READ);
        expect(compiled.condition === undefined).toBe(compiled.problems.length > 0);
        if (compiled.condition !== undefined) expect(['true', 'false', 'error']).toContain(verdict(condition, { request }));
      }),
      { numRuns: runs(1500) },
    );
  });

  it('ends in problems for text without end', () => {
    expect(codes('('.repeat(4000))).toEqual(['CONDITION_SYNTAX']);
    expect(codes(`${'!'.repeat(4000)}true`)).toEqual(['CONDITION_SYNTAX']);
    expect(codes(`${'true && '.repeat(500)}true`)).toEqual(['CONDITION_SYNTAX']);
    expect(codes('x'.repeat(5000))).toEqual(['CONDITION_COST']);
  });
});

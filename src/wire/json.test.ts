import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../test/support/runs.ts';
import { Problem } from '../core/problem.ts';
import { type JsonLimits, parseJson } from './json.ts';
import { codeOf } from './testing.ts';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (text: string, limits?: Partial<JsonLimits>) => parseJson(bytesOf(text), limits);

describe('parseJson', () => {
  it('reads every kind of value', () => {
    expect(read(' {"a": [1, -0.5e3, true, false, null, "x\\n\\u00e9\\ud83d\\ude00\\/"], "b": {}, "c": []}\n')).toEqual({
      a: [1, -500, true, false, null, 'x\né😀/'],
      b: {},
      c: [],
    });
  });

  it('PATH-8: yields objects without a prototype, so that `__proto__` is a name like any other', () => {
    const value = read('{"__proto__": {"admin": true}, "constructor": 1}');
    expect(Object.getPrototypeOf(value)).toBeNull();
    expect(Object.keys(value as object)).toEqual(['__proto__', 'constructor']);
    expect((value as Record<string, unknown>)['admin']).toBeUndefined();
    expect(JSON.stringify(value)).toBe('{"__proto__":{"admin":true},"constructor":1}');
  });

  it('PATH-8: reads escaped names as the names they are, so that they cannot hide', () => {
    expect(Object.keys(read('{"f\\u006cows": 1}') as object)).toEqual(['flows']);
    expect(codeOf(() => read('{"flows": 1, "f\\u006cows": 2}'))).toBe('JSON_DUPLICATE_KEY');
  });

  it.each([['{"a":1,"a":1}'], ['{"a":{"b":1,"c":2,"b":3}}'], ['[{"":1,"":2}]'], ['{"__proto__":1,"__proto__":2}']])(
    'PATH-8: refuses a name that stands twice: %s',
    (text) => {
      expect(codeOf(() => read(text))).toBe('JSON_DUPLICATE_KEY');
    },
  );

  it('allows the same name in different objects', () => {
    expect(read('{"a":{"a":1},"b":[{"a":1},{"a":2}]}')).toEqual({ a: { a: 1 }, b: [{ a: 1 }, { a: 2 }] });
  });

  it.each([
    ['a byte order mark', [0xef, 0xbb, 0xbf, 0x7b, 0x7d]],
    ['UTF-16 little-endian with its mark', [0xff, 0xfe, 0x7b, 0x00, 0x7d, 0x00]],
    ['an overlong form', [0x22, 0xc0, 0xaf, 0x22]],
    ['an encoded surrogate', [0x22, 0xed, 0xa0, 0x80, 0x22]],
    ['Latin-1', [0x22, 0xe9, 0x22]],
    ['a cut sequence', [0x22, 0xe2, 0x82, 0x22]],
  ])('PATH-8: refuses %s', (_what, bytes) => {
    expect(codeOf(() => parseJson(Uint8Array.from(bytes)))).toBe('JSON_ENCODING');
  });

  it('PATH-8: refuses UTF-16 and UTF-32 without a mark', () => {
    expect(codeOf(() => parseJson(Uint8Array.from([0x7b, 0x00, 0x7d, 0x00])))).toBe('JSON_INVALID');
    expect(codeOf(() => parseJson(Uint8Array.from([0x00, 0x7b, 0x00, 0x7d])))).toBe('JSON_INVALID');
  });

  it.each([
    [''],
    [' '],
    ['NaN'],
    ['Infinity'],
    ['-Infinity'],
    ['1e999'],
    ['-1e999'],
    ['01'],
    ['+1'],
    ['.5'],
    ['1.'],
    ['0x10'],
    ['1_000'],
    ['tru'],
    ['True'],
    ['nullx'],
    ['undefined'],
    ['{a:1}'],
    ["{'a':1}"],
    ['{"a":1,}'],
    ['[1,]'],
    ['[,1]'],
    ['{"a" 1}'],
    ['{"a":1 "b":2}'],
    ['{} {}'],
    ['{}x'],
    ['{"a":1}\0'],
    ['// c\n{}'],
    ['{/* c */}'],
    ['"a\nb"'],
    ['"a\tb"'],
    ['"a'],
    ['"a\\'],
    ['"\\x41"'],
    ['"\\u12"'],
    ['"\\u12g4"'],
    ['"\\u+123"'],
    ['"\\ud800"'],
    ['"\\udc00"'],
    ['"\\ud800\\ud800"'],
    ['"\\ud800x\\udc00"'],
    ['"\\ud800\\n"'],
    ['{"\\udfff":1}'],
    ['\u00a0{}'],
    ['\u2028{}'],
    ['{'],
    ['['],
    ['{"a"'],
    ['{"a":'],
  ])('PATH-8: refuses %j', (text) => {
    expect(codeOf(() => read(text))).toBe('JSON_INVALID');
  });

  it('says where it stopped and shows nothing of the content', () => {
    expect(() => read('{\n  "token": "s3cret",\n  "a": ]\n}')).toThrow(
      'the JSON document cannot be read at line 3, column 8: expected a value',
    );
    expect(() => read('{"s3cret": 1, "s3cret": 2}')).toThrow(/^((?!s3cret).)*line 1, column 15((?!s3cret).)*$/);
  });

  it('bounds size, depth and members', () => {
    expect(codeOf(() => read('[1, 2]', { maxBytes: 5 }))).toBe('BODY_TOO_LARGE');
    expect(read('['.repeat(64) + ']'.repeat(64))).toHaveLength(1);
    expect(codeOf(() => read('['.repeat(65) + ']'.repeat(65)))).toBe('JSON_TOO_DEEP');
    expect(codeOf(() => read(`${'{"a":'.repeat(65)}1${'}'.repeat(65)}`))).toBe('JSON_TOO_DEEP');
    expect(codeOf(() => read('['.repeat(1_000_000)))).toBe('JSON_TOO_DEEP');
    expect(read(`[${'[],'.repeat(1000)}[]]`)).toHaveLength(1001);
    expect(read('[{"a":1},{"b":1}]', { maxKeys: 2 })).toHaveLength(2);
    expect(codeOf(() => read('[{"a":1},{"b":1},{"c":1}]', { maxKeys: 2 }))).toBe('JSON_TOO_MANY_KEYS');
  });

  it('keeps an integer beyond 2^53 as the nearest double', () => {
    expect(read('9007199254740993')).toBe(9007199254740992);
  });

  it('reads whatever JSON.stringify writes to the same value, in every layout', () => {
    fc.assert(
      fc.property(
        fc.jsonValue({ stringUnit: 'binary', maxDepth: 5 }),
        fc.constantFrom(undefined, 1, '\t', '\r\n '),
        (value, indent) => {
          const text = JSON.stringify(value, undefined, indent);
          expect(JSON.stringify(read(text))).toBe(JSON.stringify(JSON.parse(text)));
        },
      ),
      { numRuns: runs(500) },
    );
  });

  it('accepts nothing that JSON.parse refuses, yields the same, and ends in a known Problem otherwise', () => {
    const piece = fc.oneof(
      fc.constantFrom('{', '}', '[', ']', ',', ':', '"', '"a"', '"b":', '1', '-', '0', '.5', 'e1', 'true', 'null', ' ', '\n'),
      fc.constantFrom('"\\u0061"', '"\\ud83d\\ude00"', '\\', '\\u', 'NaN', '\ufeff', '\0', '{"a":1}', '[]'),
      fc.string({ maxLength: 2 }),
    );
    const codes = ['JSON_INVALID', 'JSON_DUPLICATE_KEY', 'JSON_TOO_DEEP', 'JSON_ENCODING'];
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 10 }).map((parts) => parts.join('')),
        (text) => {
          let value: unknown;
          try {
            value = read(text);
          } catch (thrown) {
            if (!(thrown instanceof Problem)) throw thrown;
            expect(codes).toContain(thrown.code);
            if (thrown.code === 'JSON_INVALID' && !/surrogate|range of a double/.test(thrown.message)) {
              expect(() => JSON.parse(text)).toThrow(SyntaxError);
            }
            return;
          }
          expect(JSON.stringify(value)).toBe(JSON.stringify(JSON.parse(text)));
        },
      ),
      { numRuns: runs(3000) },
    );
  });

  it('ends in a value or a known Problem for any bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect([undefined, 'JSON_INVALID', 'JSON_ENCODING', 'JSON_DUPLICATE_KEY']).toContain(codeOf(() => parseJson(bytes)));
      }),
    );
  });
});

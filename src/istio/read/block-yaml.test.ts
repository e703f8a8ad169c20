import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBlockYaml } from './block-yaml.ts';
import { readLibraryYaml } from './library-yaml.ts';

describe('the fast reader', () => {
  it('reads what people and kubectl write', () => {
    const text = `a: b # comment
list:
- x
-   w: 1
    z: [a, 'it''s', "q\\n", {k: v}]
- - nested
nothing:
text: |
  one
    two

  three
folded: a long text
  that goes on
"quoted key": ''
8080: port
`;
    expect(readBlockYaml(text, 0, text.length)).toEqual({
      a: 'b',
      list: ['x', { w: 1, z: ['a', "it's", 'q\n', { k: 'v' }] }, ['nested']],
      nothing: null,
      text: 'one\n  two\n\nthree\n',
      folded: 'a long text that goes on',
      'quoted key': '',
      '8080': 'port',
    });
  });

  it('leaves to the complete reader what is not that simple', () => {
    const texts = [
      'a: &x b',
      'a: *x',
      'a: !!str 1',
      'a: >\n  b\n',
      'a: "b\n  c"',
      'a: [1,\n 2]',
      '? a\n: b',
      '<<: {a: b}',
      'a: b: c',
      'a:\tb',
      'a: 1\na: 2',
      '%YAML 1.2',
      '...',
    ];
    expect(texts.filter((text) => readBlockYaml(text, 0, text.length) !== undefined)).toEqual([]);
  });

  it('agrees with the complete reader on every text that it reads', () => {
    let read = 0;
    fc.assert(
      fc.property(yamlText(), (text) => {
        const fast = readBlockYaml(text, 0, text.length);
        if (fast === undefined) return;
        read++;
        expect(readLibraryYaml({ text, start: 0, end: text.length, line: 1, column: 1 })).toEqual({ value: fast });
      }),
      { numRuns: 1500 },
    );
    expect(read).toBeGreaterThan(100);
  });
});

/** Lines of random indentation, made of the pieces on which readers disagree. */
function yamlText(): fc.Arbitrary<string> {
  const word = fc.constantFrom(
    'a',
    'b',
    'on',
    '1',
    '0755',
    '-1',
    '~',
    '"q"',
    "'s'",
    "'it''s'",
    '"\\n"',
    '[a, b]',
    '{a: b}',
    '[]',
    'a#b',
    'a:b',
    'http://x',
    '-',
    '- x',
    '|',
    '|-',
    '>',
    '&a',
    '*a',
    '?',
    '',
    '# c',
    'a # c',
    '.5',
    'x y',
    '{"a": 1}',
    '[a,]',
    '*',
    '<<',
  );
  const line = fc.record({
    indent: fc.nat(4),
    dash: fc.constantFrom('', '', '- ', '- - ', '-'),
    key: fc.constantFrom('', 'a: ', 'b: ', 'c:', '"d": ', 'e : ', '1: '),
    word,
  });
  return fc
    .array(line, { minLength: 1, maxLength: 7 })
    .map((lines) => lines.map(({ indent, dash, key, word: text }) => `${' '.repeat(indent)}${dash}${key}${text}`).join('\n'))
    .chain((text) => fc.constantFrom(text, `${text}\n`));
}

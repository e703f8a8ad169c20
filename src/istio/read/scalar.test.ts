import { describe, expect, it } from 'vitest';
import { plainKey, plainScalar } from './scalar.ts';

/** What goyaml v2 (`sigs.k8s.io/yaml` 1.6.0, `YAMLToJSON`) makes of each text, run once and written down. */
const SEEN: readonly (readonly [string, string | number | boolean | null])[] = [
  ['on', true],
  ['yes', true],
  ['y', true],
  ['N', false],
  ['off', false],
  ['No', false],
  ['tRUE', 'tRUE'],
  ['yEs', 'yEs'],
  ['~', null],
  ['Null', null],
  ['nULL', 'nULL'],
  ['0755', 493],
  ['08', 8],
  ['0o17', 15],
  ['0x1F', 31],
  ['0b11', 3],
  ['-0b11', -3],
  ['1_000', 1000],
  ['1__2', 12],
  ['_1', '_1'],
  ['1e3', 1000],
  ['1e999', '1e999'],
  ['.5', 0.5],
  ['+.5', 0.5],
  ['5.', 5],
  ['1:30', '1:30'],
  ['2001-01-01', '2001-01-01'],
  ['2001-01-01 10:00:00', '2001-01-01 10:00:00'],
  ['1.2.3.4', '1.2.3.4'],
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['0x', '0x'],
  ['0x1p3', '0x1p3'],
  ['18446744073709551616', 2 ** 64],
  ['GET', 'GET'],
  ['*', '*'],
  ['=', '='],
];

describe('plain scalars', () => {
  it('mean what they mean to Kubernetes', () => {
    expect(SEEN.map(([text]) => [text, plainScalar(text)])).toEqual(SEEN);
  });

  it('are written as keys the way Kubernetes writes them', () => {
    expect(['on', '8080', '0755', 'a', '~', '1.5', '1e3', '18446744073709551616'].map(plainKey)).toEqual([
      'true',
      '8080',
      '493',
      'a',
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '../../core/problem.ts';
import type { JsonValue } from '../../wire/call.ts';
import { nestedKeys, referencesIn } from './templates.ts';

const ID = '019b0000-0000-7000-8000-000000000001';
const blocksOf = (value: JsonValue) => [...referencesIn(value).blocks.values()].map(({ type, name }) => `${type}/${name}`);

describe('references in a value', () => {
  it.each<readonly [JsonValue, readonly string[]]>([
    ['{{ prefect.blocks.secret.token }}', ['secret/token']],
    ['{{prefect.blocks.aws-credentials.my-creds.region_name}}', ['aws-credentials/my-creds']],
    ['https://{{ prefect.blocks.secret.token }}@host/{{ prefect.blocks.secret.other.a[0] }}', ['secret/token', 'secret/other']],
    [{ env: [{ value: '{{\tprefect.blocks.secret.token\n}}' }] }, ['secret/token']],
    [{ '{{ prefect.blocks.secret.token }}': 1 }, ['secret/token']],
    // The client cuts the prefix out wherever it stands.
    ['{{ prefect.blocks.secprefect.blocks.ret.token }}', ['secret/token']],
    ['{{{ prefect.blocks.secret.token }}}', ['secret/token']],
    ['{{ prefect.blocks.secret.token | upper }}', []],
    ['{{ image }} prefect.blocks.secret.token', []],
    ['\u0085{{\u001cprefect.blocks.sécret.tökén\u0085}}', ['sécret/tökén']],
    [{ $ref: { block_document_slug: 'secret/token' } }, ['secret/token']],
    [{ __prefect_kind: 'json', value: '{"a": {"$ref": {"block_document_slug": "secret/token"}}}' }, ['secret/token']],
    [{ __prefect_kind: 'json', value: '"{{ prefect.blocks.secret.token }}"' }, ['secret/token']],
  ])('%j names blocks %j', (value, blocks) => {
    expect(blocksOf(value)).toEqual(blocks);
    expect(referencesIn(value).isAnyBlock).toBe(false);
  });

  it.each<readonly [JsonValue, readonly string[]]>([
    [{ $ref: { block_document_id: ID } }, [ID]],
    [{ $ref: ID.toUpperCase() }, [ID]],
    [{ a: [{ b: { $ref: { block_document_id: `{${ID}}` } } }] }, [ID]],
    [{ $ref: '#/definitions/x' }, []],
    [nestedKeys({ 'env.$ref.block_document_id': ID }), [ID]],
    [nestedKeys({ 'env[$ref]block_document_id': ID }), []],
    [nestedKeys({ 'a[$ref].block_document_id': ID }), [ID]],
    [nestedKeys({ 'a.$ref': { block_document_id: ID } }), [ID]],
  ])('%j names ids %j', (value, ids) => {
    expect([...referencesIn(value).blockIds]).toEqual(ids);
  });

  it.each<JsonValue>([
    '{{ prefect.blocks.secret }}',
    { $ref: { block_document_id: 'not-an-id' } },
    { $ref: { block_document_slug: 'a/b/c' } },
    { $ref: { block_document_slug: 7 } },
    { __prefect_kind: 'json', value: { __prefect_kind: 'jinja', template: '{}' } },
    { __prefect_kind: 'json', value: '{"a": 1, "a": {"$ref": 1}}' },
  ])('%j may name any block', (value) => {
    expect(referencesIn(value).isAnyBlock).toBe(true);
  });

  it('are variables too', () => {
    const found = referencesIn('{{ prefect.variables.region }}', { __prefect_kind: 'workspace_variable', variable_name: 'zone' });
    expect([...found.variables]).toEqual(['region', 'zone']);
    expect(referencesIn({ __prefect_kind: 'workspace_variable', variable_name: { __prefect_kind: 'jinja' } }).isAnyVariable).toBe(
      true,
    );
  });

  it('are bounded: what names too much is refused, not skipped', () => {
    const many = Array.from({ length: 200 }, (_, index) => `{{ prefect.blocks.secret.t${index} }}`);
    expect(() => referencesIn(many)).toThrowError(Problem);
    let deep: JsonValue = '{{ prefect.blocks.secret.token }}';
    for (let level = 0; level < 10; level++) deep = { __prefect_kind: 'json', value: JSON.stringify(deep) };
    expect(() => referencesIn(deep)).toThrowError(Problem);
  });

  it('of any value end in a value or a problem, in linear time', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.string({ maxLength: 40 }), (value, text) => {
        try {
          referencesIn(value as JsonValue, `{{${text}}}{{ prefect.blocks.${text}`);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(Problem);
        }
      }),
    );
    // Quadratic work on this text would outlast the test.
    referencesIn(`${'{{ '.repeat(100_000)}${'prefect.blocks.'.repeat(20_000)}`);
  });
});

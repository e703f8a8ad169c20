import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../wire/call.ts';
import { readJsonObjects } from '../read/json-objects.ts';
import { readMeshObjects } from '../read/mesh-objects.ts';
import { buildModel } from '../read/model.ts';
import { validateModel, validateObject } from './validate.ts';

const CASES = join(import.meta.dirname, 'cases', 'webhook.jsonl');
const CORPUS = resolve(import.meta.dirname, '../../../test/istio-oracle/corpus/envoy-1.38.3.jsonl.gz');

describe('validation beside Istio', () => {
  it("says of each object what Istio's own webhook code said", () => {
    const cases = readFileSync(CASES, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { webhook: string; kind: string; annotations?: JsonValue; spec: JsonValue });
    const wrong = cases.filter(({ webhook, kind, annotations = {}, spec }) => {
      const metadata = { name: 'p', namespace: 'foo', annotations };
      return verdict({ apiVersion: 'security.istio.io/v1', kind, metadata, spec }) !== webhook;
    });
    expect(cases.length).toBeGreaterThan(400);
    expect(wrong).toEqual([]);
  });

  it('rejects and warns of exactly the objects of the corpus that Istio did', () => {
    let objects = 0;
    const wrong: string[] = [];
    for (const line of gunzipSync(readFileSync(CORPUS)).toString('utf8').trim().split('\n')) {
      const set = JSON.parse(withKeys(line)) as {
        objects: readonly JsonValue[];
        validation?: readonly { readonly name: string; readonly error?: string }[];
      };
      for (const object of readJsonObjects(set.objects).objects) {
        objects++;
        const said = set.validation?.find(({ name }) => name === `${object.namespace}/${object.name}`);
        const wanted = said === undefined ? 'accepts' : said.error === undefined ? 'warns' : 'rejects';
        if (verdict(object.raw) !== wanted) wrong.push(`${line.slice(0, 40)} ${object.name}: ${wanted}`);
      }
    }
    expect(objects).toBeGreaterThan(500);
    expect(wrong).toEqual([]);
  });
});

describe('validateModel', () => {
  it('names code, place and field path, and what to do', () => {
    const text = `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata: {name: a, namespace: shop}
spec:
  action: DENY
  rules:
  - from:
    - source:
        ipBlocks: [10.0.0.0/8, 10.0.0.0/33]
    when:
    - key: request.header[x]
      values: [a]
`;
    const model = buildModel(readMeshObjects([{ file: 'a.yaml', text }]).objects);
    expect(validateModel(model)).toMatchObject([
      { code: 'IP_BLOCK_INVALID', line: 9, column: 32, path: 'spec.rules[0].from[0].source.ipBlocks[1]' },
      { code: 'CONDITION_KEY_INVALID', line: 11, path: 'spec.rules[0].when[0].key' },
    ]);
  });

  it.each([
    ['a/{*}', 'PATH_TEMPLATE_UNLOADABLE'],
    ['//a/{*}', 'PATH_TEMPLATE_UNLOADABLE'],
    ['/a/{*}//', 'PATH_TEMPLATE_UNLOADABLE'],
    ['/a//{*}', 'PATH_TEMPLATE_INVALID'],
    ['/{**}/{*}', 'PATH_TEMPLATE_INVALID'],
    ['/{*}b', 'PATH_TEMPLATE_INVALID'],
    ['/*/{*}', 'PATH_TEMPLATE_INVALID'],
    ['/a/{*}/', undefined],
    ['/{*}/{**}', undefined],
    ['a//b', undefined],
    [`/${'x'.repeat(253)}/{*}`, undefined],
    [`/${'x'.repeat(254)}/{*}`, 'PATH_TEMPLATE_UNLOADABLE'],
  ])('tells templates that Istio or Envoy refuses from others (%s)', (path, code) => {
    const spec = { rules: [{ to: [{ operation: { paths: [path] } }] }] };
    const [object] = readJsonObjects([
      { apiVersion: 'security.istio.io/v1', kind: 'AuthorizationPolicy', metadata: { name: 'p' }, spec },
    ]).objects;
    expect(object === undefined ? 'unread' : validateObject(object).map((fault) => fault.code)).toEqual(
      code === undefined ? [] : [code],
    );
  });
});

/** What stock Envoy does not load is not the webhook's business. */
function verdict(value: JsonValue): 'accepts' | 'warns' | 'rejects' {
  const said = readJsonObjects([value])
    .objects.flatMap(validateObject)
    .filter(({ code }) => code !== 'PATH_TEMPLATE_UNLOADABLE');
  if (said.length === 0) return 'accepts';
  return said.some(({ severity }) => severity === 'error') ? 'rejects' : 'warns';
}

function withKeys(line: string): string {
  const keys = JSON.stringify({ keys: [{ kty: 'RSA', n: 'AQAB', e: 'AQAB' }] });
  return line.replaceAll('"@JWKS"', JSON.stringify(keys));
}

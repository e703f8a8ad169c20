import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { configJsonSchema } from './json-schema.ts';
import { fileSchema } from './sections.ts';

const EXAMPLE = parse(readFileSync(join(import.meta.dirname, '../../examples/fairlead.yaml'), 'utf8')) as Record<string, unknown>;
const schema = configJsonSchema();

describe('the JSON Schema of the configuration', () => {
  it('knows every section and nothing else', () => {
    expect(Object.keys(schema['properties'] as object)).toEqual(Object.keys(fileSchema.shape));
    expect(schema).toMatchObject({ type: 'object', additionalProperties: false, required: ['origin'] });
  });

  it('survives being written out', () => {
    expect(JSON.parse(JSON.stringify(schema))).toEqual(schema);
  });

  it('describes values as they are written, not as they are parsed', () => {
    const limits = (schema['properties'] as Record<string, { properties: Record<string, { type: string }> }>)['limits'];
    expect(limits?.properties['headBytes']?.type).toBe('string');
  });

  it('accepts the example and refuses it with another key, when read back', () => {
    const readBack = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0]);
    expect(readBack.safeParse(EXAMPLE).success).toBe(true);
    expect(readBack.safeParse({ ...EXAMPLE, polices: [] }).success).toBe(false);
    expect(readBack.safeParse({ ...EXAMPLE, meshes: [] }).success).toBe(false);
    expect(readBack.safeParse({ ...EXAMPLE, targets: [{ name: 'web', mode: 'observ' }] }).success).toBe(false);
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../../test/support/runs.ts';
import type { AttributeEntry, Attributes, AttributeType, AttributeValue } from '../../core/attribute.ts';
import { ANONYMOUS } from '../../core/caller.ts';
import { Problem } from '../../core/problem.ts';
import type { JsonValue } from '../../wire/call.ts';
import { callerOf, DECISION_ID, headOf } from '../testing.ts';
import { PREFECT_CATALOGUE } from './catalogue.ts';
import { API_ROUTES, routeById } from './routes.ts';
import { IDS, subject } from './testing.ts';
import { CASES } from './testing-cases.ts';

const ACTIONS = new Map(PREFECT_CATALOGUE.actions.map((action) => [action.name, action]));
const METHODS = new Map(PREFECT_CATALOGUE.methods.map((method) => [method.id, method]));

describe('classification', () => {
  it('has a case for each operation', () => {
    expect(Object.keys(CASES).sort()).toEqual(API_ROUTES.map((route) => route.id).sort());
  });

  it.each(Object.entries(CASES))('of %s asks for what it does', async (id, [path, body, ...asks]) => {
    const method = id.slice(0, id.indexOf(' '));
    const { asks: ask } = subject();
    expect(await ask(method, `/api${path}`, body)).toEqual(asks);
  });

  it.each(Object.entries(CASES))('of %s keeps to the catalogue', async (id, [path, body]) => {
    const requests = await subject().requests(id.slice(0, id.indexOf(' ')), `/api${path}`, body);
    for (const request of requests) {
      expect(routeById(id).actions).toContain(request.action);
      expect(request.resource.path[0]).toBe('prefect');
      expect(request.attributes['method']).toBe(id);
      expectTyped(request.attributes, { ...METHODS.get(id)?.request, method: METHOD }, request.moment === undefined);
      const schema = ACTIONS.get(request.action)?.resource ?? {};
      // A right to a whole type carries no attributes of one object.
      const isWhole = Object.keys(request.resource.attributes).length === 0;
      if (!isWhole) expectTyped(request.resource.attributes, schema, true);
    }
  });

  it('of an unknown route is raw, by method and path', async () => {
    expect(await subject().asks('POST', '/api/future/thing')).toEqual(['raw raw/POST/api/future/thing']);
    expect(await subject().asks('DELETE', '/anything')).toEqual(['raw raw/DELETE/anything']);
    expect(await subject().asks('GET', '/v2/dashboard')).toEqual(['server.read server']);
  });

  it('says not found for an object that is not there, but not to somebody without a name', async () => {
    const { adapter } = subject();
    const head = headOf('GET', `/api/flow_runs/${IDS.nowhere}`);
    const call = { operation: adapter.match(head), head, body: undefined, decisionId: DECISION_ID };
    await expect(adapter.classify({ ...call, caller: callerOf({ kind: 'user', name: 'ada' }) })).rejects.toMatchObject({
      kind: 'not_found',
    });
    const { requests } = await adapter.classify({ ...call, caller: callerOf(ANONYMOUS) });
    expect(requests.map(({ action, resource }) => [action, resource.path])).toEqual([
      ['prefect.flow_run.read', ['prefect', 'unresolved']],
    ]);
  });

  it('is a fault, never a denial, when the server does not answer a look-up', async () => {
    const { server, requests } = subject();
    server.answers.set(`GET /api/flow_runs/${IDS.running}`, { status: 500, body: undefined });
    await expect(requests('GET', `/api/flow_runs/${IDS.running}`)).rejects.toMatchObject({
      kind: 'fault',
      code: 'LOOKUP_UNAVAILABLE',
    });
  });

  it('of any body ends in requests or in a known problem', async () => {
    const routes = API_ROUTES.filter((route) => route.body === 'json');
    const names = [
      'flow_id',
      'deployment_id',
      'state',
      'job_variables',
      'parameters',
      'tags',
      'name',
      'actions',
      'flow_runs',
      'id',
      'any_',
      'operator',
      '$ref',
      'filter',
      'data',
      '__proto__',
    ];
    const body = fc.letrec<{ value: JsonValue }>((tie) => ({
      value: fc.oneof(
        { maxDepth: 4 },
        fc.constantFrom<JsonValue>(null, true, 0, 1.5, '', 'x', IDS.running, IDS.etl, '{{ prefect.blocks.a.b }}', 'SCHEDULED'),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(fc.constantFrom(...names), tie('value'), { maxKeys: 5 }),
      ),
    })).value;
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...routes), body, async (route, value) => {
        const [path] = CASES[route.id] ?? [''];
        try {
          const requests = await subject().requests(route.method, `/api${path}`, value);
          expect(requests.length).toBeGreaterThan(0);
          for (const request of requests) expect(route.actions).toContain(request.action);
        } catch (thrown) {
          if (!(thrown instanceof Problem)) throw thrown;
          expect(['invalid', 'too_large', 'not_found']).toContain(thrown.kind);
        }
      }),
      { numRuns: runs(500) },
    );
  });
});

const METHOD: AttributeEntry = { type: { kind: 'string' }, title: 'method' };

function expectTyped(attributes: Attributes, schema: Readonly<Record<string, AttributeEntry>>, mustBeWhole: boolean): void {
  for (const [name, value] of Object.entries(attributes)) {
    const entry = schema[name];
    expect([name, entry !== undefined && isOf(value, entry.type)]).toEqual([name, true]);
  }
  if (!mustBeWhole) return;
  const missing = Object.entries(schema).filter(([name, entry]) => entry.optional !== true && attributes[name] === undefined);
  expect(missing.map(([name]) => name)).toEqual([]);
}

function isOf(value: AttributeValue, type: AttributeType): boolean {
  switch (type.kind) {
    case 'string':
      return typeof value === 'string';
    case 'bool':
      return typeof value === 'boolean';
    case 'list':
      return Array.isArray(value) && value.every((item: AttributeValue) => isOf(item, type.of));
    case 'map':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    default:
      return type.kind === 'dyn';
  }
}

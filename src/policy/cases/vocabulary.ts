import type { AttributeSchema } from '../../core/attribute.ts';
import type { ActionEntry, Catalogue, MethodEntry } from '../../core/catalogue.ts';
import type { Vocabulary } from '../port.ts';

/** A small world for this room's tests: four target kinds with few actions, three identity sources. */

const DEPLOYMENT: AttributeSchema = {
  tags: { type: { kind: 'list', of: { kind: 'string' } }, title: 'tags' },
  displayName: { type: { kind: 'string' }, title: 'display name' },
  pool: { type: { kind: 'string' }, title: 'work pool', optional: true },
  concurrency: { type: { kind: 'int' }, title: 'concurrency limit' },
  load: { type: { kind: 'double' }, title: 'load' },
  updated: { type: { kind: 'timestamp' }, title: 'last change' },
  labels: { type: { kind: 'map', of: { kind: 'string' } }, title: 'labels' },
};

function action(name: string, on: string, resource: AttributeSchema = {}): ActionEntry {
  return { name, title: name, class: 'act', on, resource };
}

function method(id: string, actions: readonly string[], body: MethodEntry['body'], request: AttributeSchema = {}): MethodEntry {
  return { id, title: id, class: 'act', body, actions, request };
}

const PREFECT: Catalogue = {
  kind: 'prefect',
  version: 'test',
  actions: [
    action('prefect.deployment.read', 'prefect/deployments/FLOW/NAME', DEPLOYMENT),
    action('prefect.deployment.run', 'prefect/deployments/FLOW/NAME', DEPLOYMENT),
    action('prefect.flow_run.set_state', 'prefect/deployments/FLOW/NAME/runs/ID'),
    action('prefect.work_pool.poll', 'prefect/work-pools/POOL'),
    action('prefect.block.read', 'prefect/blocks/TYPE/NAME'),
    action('prefect.block.read_secret', 'prefect/blocks/TYPE/NAME'),
    action('prefect.raw', 'prefect/raw/METHOD/PATH'),
  ],
  methods: [
    method('GET /deployments/{id}', ['prefect.deployment.read'], 'none'),
    method('POST /deployments/{id}/create_flow_run', ['prefect.deployment.run'], 'json', {
      parameters: { type: { kind: 'map', of: { kind: 'dyn' } }, title: 'parameters' },
    }),
    method('POST /deployments/bulk_run', ['prefect.deployment.run'], 'json'),
    method('POST /flow_runs/{id}/set_state', ['prefect.flow_run.set_state'], 'json'),
    method('GET /block_documents/{id}', ['prefect.block.read', 'prefect.block.read_secret'], 'none'),
  ],
  bundles: [
    { name: 'prefect.role.viewer', title: 'viewer', actions: ['prefect.deployment.read', 'prefect.block.read'] },
    { name: 'prefect.role.runner', title: 'runner', actions: ['prefect.deployment.read', 'prefect.deployment.run'] },
  ],
  implied: [],
};

const VERTEX: Catalogue = {
  kind: 'vertex',
  version: 'test',
  actions: [
    action('aiplatform.endpoints.predict', 'vertex/projects/P/locations/L/endpoints/ID'),
    action('aiplatform.endpoints.get', 'vertex/projects/P/locations/L/endpoints/ID'),
    action('vertex.method.tune', 'vertex/projects/P'),
  ],
  methods: [
    method('endpoints.generateContent', ['aiplatform.endpoints.predict'], 'json', {
      tools: { type: { kind: 'list', of: { kind: 'string' } }, title: 'tools' },
      temperature: { type: { kind: 'double' }, title: 'temperature', optional: true },
    }),
    method('endpoints.rawPredict', ['aiplatform.endpoints.predict'], 'opaque'),
    method('endpoints.get', ['aiplatform.endpoints.get'], 'none'),
    method('projects.tune', ['vertex.method.tune'], 'json'),
  ],
  bundles: [],
  implied: [{ by: 'aiplatform.endpoints.predict', action: 'aiplatform.endpoints.get' }],
};

const HTTP: Catalogue = {
  kind: 'http',
  version: 'test',
  actions: [action('http.get', 'web/PATH'), action('http.post', 'web/PATH')],
  methods: [method('GET', ['http.get'], 'none'), method('POST', ['http.post'], 'opaque')],
  bundles: [],
  implied: [],
};

const FAIRLEAD: Catalogue = {
  kind: 'fairlead',
  version: 'test',
  actions: [
    action('fairlead.policy.apply', 'fairlead/policy'),
    action('fairlead.policy.read', 'fairlead/policy'),
    action('fairlead.audit.search', 'fairlead/audit'),
  ],
  methods: [method('applyPolicy', ['fairlead.policy.apply'], 'json')],
  bundles: [],
  implied: [],
};

export const VOCABULARY: Vocabulary = {
  targets: [
    { name: 'prefect', kind: 'prefect' },
    { name: 'vertex', kind: 'vertex' },
    { name: 'web', kind: 'http' },
  ],
  catalogues: [PREFECT, VERTEX, HTTP, FAIRLEAD],
  sources: [
    { name: 'okta', home: false },
    { name: 'prod', home: true },
    { name: 'staging', home: false },
  ],
  administrators: ['group:platform', 'user:root@acme.com'],
};

import type { OperationClass } from '../../core/access.ts';
import type { AttributeSchema } from '../../core/attribute.ts';
import type { ActionEntry, BodyMode, Catalogue, MethodEntry } from '../../core/catalogue.ts';

/** Catalogue method of a WebSocket upgrade. */
export const SOCKET_METHOD = 'SOCKET';
/** Catalogue method of everything that no other entry names. */
export const RAW_METHOD = 'raw';

const REQUEST: AttributeSchema = {
  verb: { type: { kind: 'string' }, title: 'HTTP method as sent, in upper case' },
  host: { type: { kind: 'string' }, title: 'Host that the call names, canonical and without port' },
  path: { type: { kind: 'string' }, title: 'Normalised path without the query' },
  query: {
    type: { kind: 'map', of: { kind: 'list', of: { kind: 'string' } } },
    title: 'Query parameters: each name with its values in order',
    clientControlled: true,
  },
};

/** Any web service: what may be asked of it is told by method, host and path. */
export const HTTP_CATALOGUE: Catalogue = {
  kind: 'http',
  version: 'RFC 9110',
  actions: verbs().map(action),
  methods: verbs().map(method),
  bundles: [
    { name: 'http.role.reader', title: 'Read only', actions: ['http.get', 'http.head', 'http.options'] },
    {
      name: 'http.role.writer',
      title: 'Read and change',
      actions: [
        'http.get',
        'http.head',
        'http.options',
        'http.post',
        'http.put',
        'http.patch',
        'http.delete',
        'http.connect_socket',
      ],
    },
  ],
  implied: [{ by: 'http.get', action: 'http.head' }],
};

interface Verb {
  readonly method: string;
  readonly action: string;
  readonly title: string;
  readonly class: OperationClass;
  readonly body: BodyMode;
}

/** RFC 9110 §9.3 and RFC 5789; `class` follows whether the method is safe. */
function verbs(): readonly Verb[] {
  return [
    { method: 'GET', action: 'http.get', title: 'Read a page or object', class: 'read', body: 'opaque' },
    { method: 'HEAD', action: 'http.head', title: 'Read the head of a page or object', class: 'read', body: 'opaque' },
    { method: 'OPTIONS', action: 'http.options', title: 'Ask what a path accepts', class: 'read', body: 'opaque' },
    { method: 'POST', action: 'http.post', title: 'Submit', class: 'write', body: 'opaque' },
    { method: 'PUT', action: 'http.put', title: 'Create or replace', class: 'write', body: 'opaque' },
    { method: 'PATCH', action: 'http.patch', title: 'Change', class: 'write', body: 'opaque' },
    { method: 'DELETE', action: 'http.delete', title: 'Delete', class: 'write', body: 'opaque' },
    { method: SOCKET_METHOD, action: 'http.connect_socket', title: 'Open a WebSocket', class: 'act', body: 'none' },
    { method: RAW_METHOD, action: 'http.raw', title: 'Any other method', class: 'act', body: 'opaque' },
  ];
}

function action(verb: Verb): ActionEntry {
  return { name: verb.action, title: verb.title, class: verb.class, on: 'TARGET/PATH…', resource: {} };
}

function method(verb: Verb): MethodEntry {
  return { id: verb.method, title: verb.title, class: verb.class, body: verb.body, actions: [verb.action], request: REQUEST };
}

import { resourceText } from '../../core/access.ts';
import type { AttributeSchema, AttributeType, AttributeValue } from '../../core/attribute.ts';
import { callerText, subjectText } from '../../core/caller.ts';
import type { Catalogue } from '../../core/catalogue.ts';
import { hasAction } from '../action-pattern.ts';
import type { ActionSet, EvaluationInput } from '../port.ts';

/** A field whose value does not come from a catalogue. `optional`: only some callers have it, so that it needs `has()`. */
export interface FixedField {
  readonly type: AttributeType;
  readonly optional?: boolean;
  read(input: EvaluationInput): AttributeValue | undefined;
}

const STRING: AttributeType = { kind: 'string' };
const STRINGS: AttributeType = { kind: 'list', of: STRING };

/** `caller.*`: who calls, as proved. */
export const CALLER_FIELDS: Readonly<Record<string, FixedField>> = {
  text: { type: STRING, read: ({ caller }) => callerText(caller) },
  subject: { type: STRING, read: ({ caller }) => subjectText(caller.subject) },
  kind: { type: STRING, read: ({ caller }) => caller.subject.kind },
  name: {
    type: STRING,
    optional: true,
    read: ({ caller: { subject } }) => {
      if (subject.kind === 'workload') return `${subject.namespace}/${subject.serviceAccount}`;
      return subject.kind === 'user' || subject.kind === 'agent' ? subject.name : undefined;
    },
  },
  namespace: {
    type: STRING,
    optional: true,
    read: ({ caller: { subject } }) => (subject.kind === 'workload' ? subject.namespace : undefined),
  },
  serviceAccount: {
    type: STRING,
    optional: true,
    read: ({ caller: { subject } }) => (subject.kind === 'workload' ? subject.serviceAccount : undefined),
  },
  cluster: {
    type: STRING,
    optional: true,
    read: ({ caller: { subject } }) => (subject.kind === 'workload' ? subject.cluster : undefined),
  },
  source: { type: STRING, read: ({ caller }) => caller.source },
  /** An incomplete list is an error: what it lacks must not read as `not a member`. */
  groups: { type: STRINGS, read: ({ caller }) => (caller.membership.complete ? caller.membership.groups : undefined) },
  claims: { type: { kind: 'map', of: STRING }, read: ({ caller }) => caller.claims },
  spiffe: { type: STRING, optional: true, read: ({ caller }) => caller.spiffe },
  actor: {
    type: STRING,
    optional: true,
    read: ({ caller: { actors } }) => (actors[0] === undefined ? undefined : subjectText(actors[0])),
  },
};

/** Optional fields of `caller` that a `caller.kind == "…"` guard proves. */
export const FIELDS_OF_KIND: Readonly<Record<string, readonly string[]>> = {
  user: ['name'],
  agent: ['name'],
  workload: ['name', 'namespace', 'serviceAccount', 'cluster'],
  anonymous: [],
  shared_secret: [],
};

export const PEER_FIELDS: Readonly<Record<string, FixedField>> = {
  address: { type: STRING, read: ({ caller }) => caller.peer.address },
  spiffe: { type: STRING, optional: true, read: ({ caller }) => caller.peer.spiffe },
};

/** Of every resource; they stand before attributes of the same name. */
export const RESOURCE_FIELDS: Readonly<Record<string, FixedField>> = {
  name: { type: STRING, read: ({ request }) => resourceText(request.resource.path) },
  path: { type: STRINGS, read: ({ request }) => request.resource.path },
};

export const REQUEST_FIELDS: Readonly<Record<string, FixedField>> = {
  method: { type: STRING, read: ({ request }) => own(request.attributes, 'method') },
};

export const ROOTS = ['caller', 'peer', 'resource', 'request'] as const;
export type Root = (typeof ROOTS)[number];

export const FIXED: Readonly<Record<Root, Readonly<Record<string, FixedField>>>> = {
  caller: CALLER_FIELDS,
  peer: PEER_FIELDS,
  resource: RESOURCE_FIELDS,
  request: REQUEST_FIELDS,
};

/** One way in which a rule may meet a request: an action by a method, with the attributes that these carry. */
export interface Variant {
  readonly action: string;
  readonly method: string;
  readonly resource: AttributeSchema;
  readonly request: AttributeSchema;
}

/** All variants of a rule. `kinds`: the target kinds that its `on` reaches; undefined for all. */
export function variantsOf(
  actions: ActionSet,
  kinds: ReadonlySet<string> | undefined,
  catalogues: readonly Catalogue[],
): readonly Variant[] {
  const variants: Variant[] = [];
  for (const catalogue of catalogues) {
    if (kinds !== undefined && !kinds.has(catalogue.kind)) continue;
    const raw = `${catalogue.kind}.raw`;
    for (const action of catalogue.actions) {
      if (!hasAction(actions, action.name)) continue;
      const methods = catalogue.methods.filter((method) => method.actions.includes(action.name));
      for (const method of methods)
        variants.push({ action: action.name, method: method.id, resource: action.resource, request: method.request });
      if (methods.length === 0)
        variants.push({ action: action.name, method: action.name === raw ? 'raw' : '', resource: action.resource, request: {} });
    }
    if (hasAction(actions, raw) && !catalogue.actions.some((action) => action.name === raw)) {
      variants.push({ action: raw, method: 'raw', resource: {}, request: {} });
    }
  }
  return variants;
}

/** Attributes come from outside: only own properties are there. */
export function own(attributes: Readonly<Record<string, AttributeValue>>, name: string): AttributeValue | undefined {
  return Object.hasOwn(attributes, name) ? attributes[name] : undefined;
}

import type { JsonObject, JsonValue } from '../../wire/call.ts';
import { parseJson } from '../../wire/json.ts';
import type { PeerIdentity, RequestFacts, TokenFact } from '../facts.ts';
import type { MeshModel, WorkloadRef } from '../objects.ts';
import { asFields, fieldsAt, isObject, labelsAt, numberAt, textAt, textsAt, valueAt } from '../read/field.ts';
import { readJsonObjects } from '../read/json-objects.ts';
import { readMeshConfig } from '../read/mesh-config.ts';
import { buildModel } from '../read/model.ts';
import { sampleAuthoriser } from './authoriser.ts';
import { untranslatable } from './translatable.ts';

/** One policy set with requests: a line of the format that `fairlead istio eval` reads. */
export interface Case {
  /** As it stands in the line: a text or a number, or empty. */
  readonly id: string | number;
  readonly model: MeshModel;
  readonly workload: WorkloadRef;
  /** Those that could be read, in order. */
  readonly requests: readonly RequestFacts[];
  /** Those that could not, by their index among all that were written. */
  readonly unreadable: ReadonlyMap<number, CaseError>;
}

/** Certificates by the names that requests use for their peers. */
export type Identities = ReadonlyMap<string, PeerIdentity>;

export interface CaseOptions {
  readonly identities: Identities;
  /** Seconds since the epoch, for `exp` and `nbf`. */
  readonly now: number;
}

/** A case that cannot be read, in words for the person who wrote it. */
export class CaseError extends Error {}

/** Throws `CaseError`, which names the field, when the set as a whole cannot be read. */
export function readCase(value: JsonValue, options: CaseOptions): Case {
  if (!isObject(value)) throw new CaseError('a case is a JSON object');
  const written = listOrThrow(value, 'objects');
  const fault = untranslatable(written);
  if (fault !== undefined) throw new CaseError(fault);
  const { objects } = readJsonObjects(written);
  const model = buildModel(objects, readMeshConfig(fieldsAt(value, 'mesh')));
  const providers = new Map(model.config.extensionProviders.map((provider) => [provider.name, provider]));
  const requests: RequestFacts[] = [];
  const unreadable = new Map<number, CaseError>();
  for (const [index, request] of listOrThrow(value, 'requests').entries()) {
    const facts = readOrError(request, `requests[${index}]`, options);
    if (facts instanceof CaseError) unreadable.set(index, facts);
    else requests.push({ ...facts, askAuthoriser: sampleAuthoriser(facts, providers) });
  }
  return { id: caseId(value) ?? '', model, workload: readWorkload(value), requests, unreadable };
}

/** What answers to this line are known by; undefined when it has no name. */
export function caseId(value: JsonObject): string | number | undefined {
  const id = valueAt(value, 'id');
  return typeof id === 'string' || typeof id === 'number' ? id : undefined;
}

/** `identities.json`: SANs and subject by name. Throws `CaseError`, or a `Problem` for what is no JSON. */
export function readIdentities(text: string): Identities {
  const value = parseJson(new TextEncoder().encode(text));
  if (!isObject(value)) throw new CaseError('identities are a JSON object');
  return new Map(Object.entries(value).map(([name, entry]) => [name, readIdentity(asFields(entry))]));
}

function readIdentity(entry: JsonObject): PeerIdentity {
  const subject = [
    ['CN', textAt(entry, 'cn')],
    ['O', textAt(entry, 'o')],
  ].filter(([, text]) => text !== '');
  return {
    uris: textsAt(entry, 'uri'),
    dns: textsAt(entry, 'dns'),
    subject: subject.map(([attribute, text]) => `${attribute}=${text}`).join(','),
  };
}

function readWorkload(value: JsonObject): WorkloadRef {
  const fields = fieldsAt(value, 'workload');
  const kind = textAt(fields, 'kind') || 'sidecar';
  if (kind !== 'sidecar' && kind !== 'gateway' && kind !== 'waypoint' && kind !== 'ztunnel') {
    throw new CaseError('workload.kind is none of sidecar, gateway, waypoint, ztunnel');
  }
  const service = valueAt(value, 'service');
  const trustedHops = numberAt(value, 'xffNumTrustedHops');
  const filterState = valueAt(value, 'useFilterState');
  return {
    namespace: textAt(fields, 'namespace'),
    labels: labelsAt(fields, 'labels') ?? {},
    kind,
    ...(isObject(service) && { service: readService(service) }),
    ...(trustedHops !== undefined && { trustedHops }),
    ...(typeof filterState === 'boolean' && { filterState }),
  };
}

function readService(service: JsonObject): NonNullable<WorkloadRef['service']> {
  const registry = /^(?:external|serviceentry)$/i.test(textAt(service, 'registry')) ? 'external' : 'kubernetes';
  return { name: textAt(service, 'name'), namespace: textAt(service, 'namespace'), registry };
}

function readOrError(request: JsonValue, place: string, options: CaseOptions): RequestFacts | CaseError {
  try {
    if (!isObject(request)) throw new CaseError(`${place} is not an object`);
    return readRequest(request, place, options);
  } catch (error) {
    if (error instanceof CaseError) return error;
    throw error;
  }
}

function readRequest(request: JsonObject, place: string, { identities, now }: CaseOptions): RequestFacts {
  const kind = textAt(request, 'kind');
  const transport = kind === 'tcp' ? 'tcp' : 'http';
  const directIp = textAt(request, 'directIp') || '127.0.0.1';
  const facts: RequestFacts = {
    transport,
    protocol: textAt(request, 'protocol') === 'h2' ? 'h2' : 'http/1.1',
    method: wire(request, 'method', place) || (transport === 'tcp' ? '' : 'GET'),
    authority: wire(request, 'authority', place),
    path: wire(request, 'path', place),
    headers: (isAbsent(request, 'headers') ? [] : listOrThrow(request, 'headers', place)).map((pair, index) =>
      readHeader(pair, `${place}.headers[${index}]`),
    ),
    tokens: ['jwt', 'jwt2'].flatMap((name) => readToken(valueAt(request, name), `${place}.${name}`)),
    peer: readPeer(valueAt(request, 'peer'), place, identities),
    sni: textAt(request, 'sni') || undefined,
    directIp,
    remoteIp: textAt(request, 'remoteIp') || directIp,
    localIp: textAt(request, 'localIp') || '127.0.0.1',
    localPort: numberAt(request, 'localPort') ?? 0,
    metadata: transport === 'http' ? ORACLE_METADATA : {},
    now,
  };
  return facts;
}

function readHeader(pair: JsonValue, place: string): readonly [string, string] {
  const [name, value] = Array.isArray(pair) ? (pair as readonly JsonValue[]) : [];
  if (typeof name !== 'string' || typeof value !== 'string') throw new CaseError(`${place} is not [name, value]`);
  return [latin1(name, place), latin1(value, place)];
}

function readToken(token: JsonValue | undefined, place: string): readonly TokenFact[] {
  if (token === undefined || token === null) return [];
  if (!isObject(token)) throw new CaseError(`${place} is not an object`);
  const header = textAt(token, 'header');
  const prefix = valueAt(token, 'prefix');
  const isDefault = header === '' || header.toLowerCase() === 'authorization';
  return [
    {
      claims: valueAt(token, 'claims') ?? null,
      signed: textAt(token, 'key') !== 'bad',
      in: { header: header || 'authorization', prefix: typeof prefix === 'string' ? prefix : isDefault ? 'Bearer ' : '' },
    },
  ];
}

function readPeer(peer: JsonValue | undefined, place: string, identities: Identities): PeerIdentity | undefined {
  if (peer === undefined || peer === null) return undefined;
  const identity = typeof peer === 'string' ? identities.get(peer) : undefined;
  if (identity === undefined) throw new CaseError(`${place}.peer is not one of the identities`);
  return identity;
}

function wire(request: JsonObject, name: string, place: string): string {
  const value = valueAt(request, name) ?? '';
  if (typeof value !== 'string') throw new CaseError(`${place}.${name} is not a text`);
  return latin1(value, `${place}.${name}`);
}

function latin1(text: string, place: string): string {
  if (/[^\0-\xff]/.test(text)) throw new CaseError(`${place} holds a character beyond latin-1: one character is one byte`);
  return text;
}

/** A list that was empty where it was written may be `null`, as Go writes it. */
function listOrThrow(value: JsonObject, name: string, place?: string): readonly JsonValue[] {
  const list = valueAt(value, name) === null ? [] : valueAt(value, name);
  if (!Array.isArray(list)) throw new CaseError(`${place === undefined ? '' : `${place}.`}${name} is not a list`);
  return list;
}

function isAbsent(value: JsonObject, name: string): boolean {
  return valueAt(value, name) === undefined;
}

/** What a filter of the test bed writes on every HTTP request. */
const ORACLE_METADATA: RequestFacts['metadata'] = {
  'envoy.filters.http.oracle': { k: 'v', list: ['a', 'bb'], num: 3, n: { m: 'z' } },
};

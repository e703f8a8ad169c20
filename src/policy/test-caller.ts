import { ANONYMOUS, type Caller, type Membership, type Peer, type Subject } from '../core/caller.ts';
import type { Vocabulary } from './port.ts';
import { backticks, type YamlValue } from './yaml-document.ts';

const NAMES = ['user', 'workload', 'agent', 'spiffe', 'anonymous'] as const;
const PARTY = {
  user: 'optional',
  workload: 'optional',
  agent: 'optional',
  spiffe: 'optional',
  anonymous: 'optional',
  groups: 'optional',
  source: 'optional',
  claims: 'optional',
} as const;

interface Party {
  readonly subject: Subject;
  readonly source: string;
  readonly membership: Membership;
  readonly spiffe: string | undefined;
  readonly claims: Readonly<Record<string, string>>;
}

/**
 * Reads `caller:` of a test: `{user: ada@acme.com, groups: [a]}`, `{workload: NS/SA}`, `{agent: x, for: {user: …}}`, or the same
 * from the other side, `{user: …, actor: {agent: x}}`.
 */
export function readTestCaller(value: YamlValue, sources: Vocabulary['sources']): Caller | undefined {
  const fields = value.fields({ ...PARTY, for: 'optional', actor: 'optional', peer: 'optional' });
  if (fields === undefined) return undefined;
  const outer = readParty(value, fields, sources);
  const peer = readPeer(fields.get('peer'));
  const forValue = fields.get('for');
  const actorValue = fields.get('actor');
  if (forValue !== undefined && actorValue !== undefined)
    return value.error('WRONG_VALUE', 'a caller has `for` or `actor`, not both');
  const otherValue = forValue ?? actorValue;
  if (otherValue === undefined) return outer && callerOf(outer, undefined, peer);
  const otherFields = otherValue.fields(PARTY);
  const other = otherFields && readParty(otherValue, otherFields, sources);
  if (outer === undefined || other === undefined) return undefined;
  return forValue === undefined ? callerOf(outer, other, peer) : callerOf(other, outer, peer);
}

function callerOf(subject: Party, actor: Party | undefined, peer: Peer): Caller {
  return {
    subject: subject.subject,
    actors: actor === undefined ? [] : [actor.subject],
    peer,
    source: subject.source,
    membership: subject.membership,
    claims: subject.claims,
    ...(subject.spiffe === undefined ? {} : { spiffe: subject.spiffe }),
    // A test that says nothing of the actor's groups means that it has none.
    ...(actor === undefined ? {} : { actorMembership: actor.membership }),
  };
}

function readParty(value: YamlValue, fields: ReadonlyMap<string, YamlValue>, sources: Vocabulary['sources']): Party | undefined {
  const named = NAMES.filter((name) => fields.has(name));
  const isPair = named.length === 2 && named.includes('workload') && named.includes('spiffe');
  if (named.length !== 1 && !isPair)
    return value.error('WRONG_VALUE', `a caller has exactly one of ${backticks(NAMES)}`, {
      help: '`spiffe` may stand beside `workload`',
    });
  const spiffe = fields.get('spiffe')?.string();
  const subject = readSubject(fields, spiffe, sources);
  if (subject === undefined) return undefined;
  const only = sources.length === 1 ? sources[0]?.name : undefined;
  const source =
    fields.get('source')?.string() ??
    (subject.kind === 'workload' ? subject.cluster : subject.kind === 'anonymous' ? '' : (only ?? ''));
  const groups =
    fields
      .get('groups')
      ?.items()
      ?.flatMap((item) => item.string() ?? []) ?? [];
  const claims: Record<string, string> = Object.create(null);
  for (const entry of fields.get('claims')?.entries() ?? []) claims[entry.name] = entry.value.string() ?? '';
  return { subject, source, membership: { groups, complete: true }, spiffe, claims };
}

function readSubject(
  fields: ReadonlyMap<string, YamlValue>,
  spiffe: string | undefined,
  sources: Vocabulary['sources'],
): Subject | undefined {
  const user = fields.get('user');
  if (user !== undefined) return ifDefined(user.string(), (name) => ({ kind: 'user', name }));
  const agent = fields.get('agent');
  if (agent !== undefined) return ifDefined(agent.string(), (name) => ({ kind: 'agent', name }));
  const anonymous = fields.get('anonymous');
  if (anonymous !== undefined)
    return anonymous.scalar() === true ? ANONYMOUS : anonymous.error('WRONG_VALUE', 'write `anonymous: true`');
  const workload = fields.get('workload');
  const text = workload?.string();
  if (workload !== undefined) {
    const parts = /^(?:([^:/]+):)?([^:/]+)\/([^:/]+)$/.exec(text ?? '');
    if (text !== undefined && parts === null) return workload.error('BAD_WHO', `\`${text}\` is not \`NAMESPACE/SERVICEACCOUNT\``);
    return parts === null ? undefined : workloadOf(parts[1], parts[2] ?? '', parts[3] ?? '', sources);
  }
  const parts = /^spiffe:\/\/[^/]+\/ns\/([^/]+)\/sa\/([^/]+)$/.exec(spiffe ?? '');
  if (parts !== null) return workloadOf(undefined, parts[1] ?? '', parts[2] ?? '', sources);
  return fields
    .get('spiffe')
    ?.error('BAD_WHO', 'this id does not say which workload it is', { help: 'add `workload: NAMESPACE/SERVICEACCOUNT`' });
}

function workloadOf(
  cluster: string | undefined,
  namespace: string,
  serviceAccount: string,
  sources: Vocabulary['sources'],
): Subject {
  const homeSource = sources.find((source) => source.home)?.name;
  const isHome = cluster === undefined || cluster === homeSource;
  return { kind: 'workload', cluster: cluster ?? homeSource ?? '', home: isHome, namespace, serviceAccount };
}

function readPeer(value: YamlValue | undefined): Peer {
  const fields = value?.fields({ address: 'optional', spiffe: 'optional' });
  const spiffe = fields?.get('spiffe')?.string();
  return { address: fields?.get('address')?.string() ?? '127.0.0.1', ...(spiffe === undefined ? {} : { spiffe }) };
}

function ifDefined(name: string | undefined, build: (name: string) => Subject): Subject | undefined {
  return name === undefined ? undefined : build(name);
}

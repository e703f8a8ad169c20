import type { NonEmptyList } from '../core/access.ts';
import { type Caller, type Membership, memberOf, type Subject } from '../core/caller.ts';
import { nearestName } from '../core/diagnostic.ts';
import type { PartyForm, TextPattern, WhoForm } from './port.ts';
import { matchesText, parseTextPattern } from './text-pattern.ts';

/** `can` reads its words narrowly, `cannot` and `must` read the same words widely (POLICY.md, Who). */
export type Width = 'narrow' | 'wide';

/** Three-valued: `unknown` matches where words are wide, and does not where they are narrow. */
export type WhoMatch = 'true' | 'false' | 'unknown';

export function matchWho(form: WhoForm, caller: Caller, width: Width): WhoMatch {
  const actor = caller.actors[0];
  switch (form.kind) {
    case 'all':
      return all(form.of.map((part) => matchWho(part, caller, width)));
    case 'for':
      if (actor === undefined) return 'false';
      return all([partyIs(form.actor, actorParty(caller, actor), width), partyIs(form.subject, subjectParty(caller), width)]);
    default: {
      const subject = partyIs(form, subjectParty(caller), width);
      if (actor === undefined) return subject;
      return width === 'narrow' ? 'false' : either(subject, partyIs(form, actorParty(caller, actor), width));
    }
  }
}

/** Does the list (an OR) let the rule apply to this caller? */
export function appliesTo(match: WhoMatch, width: Width): boolean {
  return match === 'true' || (match === 'unknown' && width === 'wide');
}

/** One of the two who take part in a call. */
interface Party {
  readonly subject: Subject;
  readonly source: string;
  readonly membership: Membership | undefined;
  readonly spiffe: string | undefined;
}

function subjectParty(caller: Caller): Party {
  return { subject: caller.subject, source: caller.source, membership: caller.membership, spiffe: caller.spiffe };
}

function actorParty(caller: Caller, actor: Subject): Party {
  const source = actor.kind === 'workload' ? actor.cluster : caller.source;
  // Agents are in no group unless their source says so; for others silence is no answer.
  const unstated = actor.kind === 'agent' ? NO_GROUPS : undefined;
  return { subject: actor, source, membership: caller.actorMembership ?? unstated, spiffe: undefined };
}

const NO_GROUPS: Membership = { groups: [], complete: true };

function partyIs(form: PartyForm, party: Party, width: Width): WhoMatch {
  const { subject } = party;
  switch (form.kind) {
    case 'user':
      return truth(subject.kind === 'user' && matchesText(form.name, subject.name.normalize('NFC')));
    case 'agent':
      return truth(subject.kind === 'agent' && matchesText(form.name, subject.name.normalize('NFC')));
    case 'group': {
      if (width === 'narrow' && subject.kind !== 'user' && subject.kind !== 'workload') return 'false';
      if (party.membership === undefined) return 'unknown';
      const answer = memberOf(party.source, party.membership, form.name);
      return answer === 'unknown' ? 'unknown' : truth(answer === 'member');
    }
    case 'workload': {
      if (subject.kind !== 'workload') return 'false';
      const cluster = form.cluster === undefined ? subject.home : matchesText(form.cluster, subject.cluster);
      const named = matchesText(form.namespace, subject.namespace) && matchesText(form.serviceAccount, subject.serviceAccount);
      return truth(cluster && named);
    }
    case 'spiffe':
      if (party.spiffe?.startsWith(SPIFFE) === true) return truth(matchesText(form.id, party.spiffe.slice(SPIFFE.length)));
      // Proved by a token, so that only the trust domain is not known.
      if (subject.kind === 'workload' && mayBe(form.id, `/ns/${subject.namespace}/sa/${subject.serviceAccount}`))
        return 'unknown';
      return 'false';
    case 'anyone':
      return truth(width === 'wide' || (subject.kind !== 'anonymous' && subject.kind !== 'shared_secret'));
    case 'anonymous':
      return truth(subject.kind === 'anonymous');
    default:
      return form satisfies never;
  }
}

/** Is there a trust domain with which the pattern matches this path? */
function mayBe(pattern: TextPattern, path: string): boolean {
  if (pattern.kind === 'any') return true;
  if (pattern.kind === 'suffix') return path.endsWith(pattern.text) || pattern.text.endsWith(path);
  const slash = pattern.text.indexOf('/');
  if (slash < 0) return pattern.kind === 'prefix';
  const rest = pattern.text.slice(slash);
  return pattern.kind === 'exact' ? rest === path : path.startsWith(rest);
}

function truth(value: boolean): WhoMatch {
  return value ? 'true' : 'false';
}

function all(parts: readonly WhoMatch[]): WhoMatch {
  if (parts.includes('false')) return 'false';
  return parts.includes('unknown') ? 'unknown' : 'true';
}

function either(a: WhoMatch, b: WhoMatch): WhoMatch {
  if (a === 'true' || b === 'true') return 'true';
  return a === 'unknown' || b === 'unknown' ? 'unknown' : 'false';
}

export type ParsedWho<Form = WhoForm> =
  | { readonly ok: true; readonly form: Form }
  | { readonly ok: false; readonly reason: string; readonly help?: string };

const SPIFFE = 'spiffe://';
const KINDS = ['user', 'group', 'workload', 'agent', 'anyone', 'anonymous', 'spiffe'];

/** Reads one entry of a `who` list. `sources` are the identity sources that `workload:CLUSTER:NS/SA` may name. */
export function parseWho(text: string, sources: readonly string[]): ParsedWho {
  const delegation = /^(\S.*?)\s+for\s+(\S.*)$/.exec(text);
  if (delegation === null) return parseParty(text, sources);
  if (/\sfor\s/.test(delegation[2] ?? '')) {
    return {
      ok: false,
      reason: `\`${text}\` names two delegations: only the current actor counts`,
      help: 'write `ACTOR for SUBJECT`',
    };
  }
  const actor = parseParty(delegation[1] ?? '', sources);
  if (!actor.ok) return actor;
  const subject = parseParty(delegation[2] ?? '', sources);
  if (!subject.ok) return subject;
  if (actor.form.kind !== 'agent' && actor.form.kind !== 'workload') {
    return {
      ok: false,
      reason: `\`${text}\` is not a delegation: only \`agent:NAME\` or \`workload:NAMESPACE/SERVICEACCOUNT\` acts for somebody`,
    };
  }
  return { ok: true, form: { kind: 'for', actor: actor.form, subject: subject.form } };
}

/** `{all: […]}`: each must match. */
export function allOf(forms: NonEmptyList<WhoForm>): WhoForm {
  return { kind: 'all', of: forms };
}

function parseParty(text: string, sources: readonly string[]): ParsedWho<PartyForm> {
  if (text === 'anyone' || text === 'anonymous') return { ok: true, form: { kind: text } };
  if (text.startsWith(SPIFFE)) {
    const id = parseTextPattern(text.slice(SPIFFE.length));
    return id.kind === 'invalid' ? invalid(text, id.reason) : { ok: true, form: { kind: 'spiffe', id } };
  }
  const colon = text.indexOf(':');
  const kind = colon < 0 ? text : text.slice(0, colon);
  const name = colon < 0 ? '' : text.slice(colon + 1);
  switch (kind) {
    case 'user':
    case 'agent': {
      const pattern = parseTextPattern(name);
      return pattern.kind === 'invalid' ? invalid(text, pattern.reason) : { ok: true, form: { kind, name: pattern } };
    }
    case 'group': {
      const pattern = parseTextPattern(name);
      if (pattern.kind === 'exact') return { ok: true, form: { kind, name: pattern.text } };
      return invalid(text, pattern.kind === 'invalid' ? pattern.reason : 'groups are named in full');
    }
    case 'workload':
      return parseWorkload(text, name, sources);
    case 'set':
      return { ok: false, reason: `\`${text}\` names a set, which is not supported yet`, help: 'write the members out' };
    default: {
      const near = nearestName(kind, KINDS);
      const help =
        near === undefined
          ? 'write `user:`, `group:`, `workload:`, `agent:`, `spiffe://`, `anyone` or `anonymous`'
          : `did you mean \`${near}\`?`;
      return { ok: false, reason: `\`${text}\` does not say who`, help };
    }
  }
}

function parseWorkload(text: string, name: string, sources: readonly string[]): ParsedWho<PartyForm> {
  const parts = /^(?:([^:/]+):)?([^:/]+)\/([^:/]+)$/.exec(name);
  if (parts === null)
    return invalid(text, 'it must read `workload:NAMESPACE/SERVICEACCOUNT` or `workload:CLUSTER:NAMESPACE/SERVICEACCOUNT`');
  const namespace = parseTextPattern(parts[2] ?? '');
  const serviceAccount = parseTextPattern(parts[3] ?? '');
  if (namespace.kind === 'invalid') return invalid(text, namespace.reason);
  if (serviceAccount.kind === 'invalid') return invalid(text, serviceAccount.reason);
  if (parts[1] === undefined) return { ok: true, form: { kind: 'workload', namespace, serviceAccount } };
  const cluster = parseTextPattern(parts[1]);
  if (cluster.kind === 'invalid') return invalid(text, cluster.reason);
  if (cluster.kind === 'exact' && !sources.includes(cluster.text)) {
    const near = nearestName(cluster.text, sources);
    const reason = `\`${cluster.text}\` in \`${text}\` is not an identity source`;
    return near === undefined ? { ok: false, reason } : { ok: false, reason, help: `did you mean \`${near}\`?` };
  }
  return { ok: true, form: { kind: 'workload', cluster, namespace, serviceAccount } };
}

function invalid(text: string, reason: string): ParsedWho<never> {
  return { ok: false, reason: `\`${text}\` does not say who: ${reason}` };
}

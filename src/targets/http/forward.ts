import type { Caller } from '../../core/caller.ts';
import { callerText, subjectText } from '../../core/caller.ts';
import type { Call, HeaderChanges } from '../target.ts';

/** Makes the signed assertion of a caller; undefined when the service is not given one. */
export type Assert = (caller: Caller) => Promise<string>;

/**
 * Says to the service who calls: readable headers, and `x-fairlead-assertion` for services that want proof. The headers may be
 * believed only where nobody but the gateway reaches the service. INVARIANT: a header of these names that a client sent never
 * gets through.
 */
export async function forwardHttp(call: Call, assert: Assert | undefined): Promise<HeaderChanges> {
  const { caller } = call;
  if (caller.subject.kind === 'anonymous') return { set: { 'x-fairlead-decision': call.decisionId }, remove: IDENTITY_HEADERS };
  const { said, unsaid } = identityOf(caller);
  const set = { ...said, 'x-fairlead-decision': call.decisionId };
  if (assert === undefined) return { set, remove: [...unsaid, ASSERTION] };
  return { set: { ...set, [ASSERTION]: await assert(caller) }, remove: unsaid };
}

interface Identity {
  readonly said: Readonly<Record<string, string>>;
  /** Names of headers that this caller does not have. */
  readonly unsaid: readonly string[];
}

/** The readable headers of a caller, kept while the caller is: they are the same for each call. */
function identityOf(caller: Caller): Identity {
  let identity = identities.get(caller);
  if (identity === undefined) {
    const said = saidOf(caller);
    identity = { said, unsaid: IDENTITY_HEADERS.filter((name) => said[name] === undefined && name !== ASSERTION) };
    identities.set(caller, identity);
  }
  return identity;
}

const identities = new WeakMap<Caller, Identity>();

function saidOf(caller: Caller): Readonly<Record<string, string>> {
  const said: Record<string, string> = {
    'x-fairlead-caller': headerText(callerText(caller)),
    'x-fairlead-subject': headerText(subjectText(caller.subject)),
    'x-fairlead-groups': caller.membership.groups.map(headerText).join(','),
  };
  if (caller.subject.kind === 'user') said['x-fairlead-user'] = headerText(caller.subject.name);
  const email = caller.claims['email'];
  if (email !== undefined) said['x-fairlead-email'] = headerText(email);
  const actor = caller.actors[0];
  if (actor !== undefined) said['x-fairlead-actor'] = headerText(subjectText(actor));
  return said;
}

const ASSERTION = 'x-fairlead-assertion';

/** Every identity header that a service may read. */
export const IDENTITY_HEADERS: readonly string[] = [
  'x-fairlead-user',
  'x-fairlead-email',
  'x-fairlead-subject',
  'x-fairlead-actor',
  'x-fairlead-caller',
  'x-fairlead-groups',
  ASSERTION,
];

/**
 * Percent-encoded UTF-8 for what is not printable ASCII, and for `%` and `,`, so that a value is one field of one meaning and a
 * list of them splits at commas. A name that is plain ASCII stays as it is.
 */
export function headerText(value: string): string {
  return value.replace(/[^\x21-\x24\x26-\x2b\x2d-\x7e ]+|^ | $/gu, (text) => encodeURIComponent(text.toWellFormed()));
}

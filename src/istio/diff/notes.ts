import type { AuthorizationPolicy, MeshModel, ObjectHead, RequestAuthentication } from '../objects.ts';
import type { Note } from './result.ts';

/** Changes that no verdict hangs on, which a reader of the change still wants to know. */
export function notesOf(before: MeshModel, after: MeshModel): readonly Note[] {
  return [...policyNotes(before, after), ...tokenNotes(before, after), ...providerNotes(before, after)];
}

function policyNotes(before: MeshModel, after: MeshModel): readonly Note[] {
  const key = (policy: AuthorizationPolicy | undefined) =>
    policy === undefined
      ? ''
      : JSON.stringify([policy.action, policy.dryRun, policy.provider, policy.selector, policy.targetRefs, policy.rules]);
  return paired(before.policies, after.policies).flatMap(([old, now]): Note[] => {
    if (key(old) === key(now)) return [];
    const name = nameOf(now ?? old);
    const place = now?.placeOf([]) ?? old?.placeOf([]);
    if (old?.dryRun === true && now !== undefined && !now.dryRun)
      return [{ text: `${name} is no longer a dry run: it is enforced now`, place }];
    if (old !== undefined && !old.dryRun && now?.dryRun === true)
      return [{ text: `${name} is a dry run now: it is written to the log and enforced no longer`, place }];
    const isDry = (old?.dryRun ?? true) && (now?.dryRun ?? true);
    if (isDry)
      return [{ text: `${name} is a dry run and ${changeWord(old, now)}: what is logged changes, and no answer`, place }];
    const isAudit = (old?.action ?? 'AUDIT') === 'AUDIT' && (now?.action ?? 'AUDIT') === 'AUDIT';
    return isAudit
      ? [{ text: `${name} is for AUDIT and ${changeWord(old, now)}: what is marked for the log changes, and no answer`, place }]
      : [];
  });
}

function changeWord(old: unknown, now: unknown): string {
  return old === undefined ? 'new' : now === undefined ? 'gone' : 'changed';
}

function tokenNotes(before: MeshModel, after: MeshModel): readonly Note[] {
  return paired(before.requestAuthentications, after.requestAuthentications).flatMap(([old, now]) =>
    old === undefined || now === undefined ? [] : ruleNotes(old, now),
  );
}

function ruleNotes(old: RequestAuthentication, now: RequestAuthentication): readonly Note[] {
  return now.jwtRules.flatMap((rule, index): Note[] => {
    const same = old.jwtRules.find(({ issuer }) => issuer === rule.issuer);
    if (same === undefined) return [];
    const at = (field: string) => now.placeOf(['spec', 'jwtRules', index, field]);
    const what = `${nameOf(now)}, issuer ${rule.issuer}:`;
    const notes: Note[] = [];
    if (same.jwksUri !== rule.jwksUri || same.jwks !== rule.jwks) {
      notes.push({
        text: `${what} its keys come from elsewhere; tokens that only the old keys sign are refused, which no example can show`,
        place: at('jwksUri'),
      });
    }
    if (same.forwardOriginalToken !== rule.forwardOriginalToken) {
      const text = rule.forwardOriginalToken ? 'the workload gets the token now' : 'the workload gets the token no longer';
      notes.push({ text: `${what} ${text}`, place: at('forwardOriginalToken') });
    }
    if (same.outputPayloadToHeader !== rule.outputPayloadToHeader) {
      const text =
        rule.outputPayloadToHeader === ''
          ? 'the payload is put in no header any more'
          : `the payload is put in header ${rule.outputPayloadToHeader}`;
      notes.push({ text: `${what} ${text}`, place: at('outputPayloadToHeader') });
    }
    if (JSON.stringify(same.outputClaimToHeaders) !== JSON.stringify(rule.outputClaimToHeaders)) {
      notes.push({ text: `${what} other claims are put in headers`, place: at('outputClaimToHeaders') });
    }
    return notes;
  });
}

function providerNotes(before: MeshModel, after: MeshModel): readonly Note[] {
  return after.config.extensionProviders.flatMap((now): Note[] => {
    const old = before.config.extensionProviders.find(({ name }) => name === now.name);
    if (old === undefined || JSON.stringify(old) === JSON.stringify(now)) return [];
    const notes: Note[] = [];
    if (old.service !== now.service || old.port !== now.port) {
      notes.push({
        text: `provider ${now.name} is now ${now.service}:${now.port}: what it says is not known here`,
        place: undefined,
      });
    }
    if (old.failOpen !== now.failOpen) {
      notes.push({
        text: `provider ${now.name}: requests ${now.failOpen ? 'pass' : 'are refused'} now when it cannot be reached`,
        place: undefined,
      });
    }
    if (old.statusOnError !== now.statusOnError) {
      notes.push({
        text: `provider ${now.name}: the status when it cannot be reached is ${now.statusOnError || '403'} now`,
        place: undefined,
      });
    }
    return notes;
  });
}

function nameOf(object: (ObjectHead & { readonly kind: string; readonly action?: string }) | undefined): string {
  return object === undefined ? '' : `${object.action ?? object.kind} ${object.namespace}/${object.name}`;
}

/** Objects of both sides by namespace and name. */
function paired<T extends ObjectHead>(
  before: readonly T[],
  after: readonly T[],
): readonly (readonly [T | undefined, T | undefined])[] {
  const key = ({ namespace, name }: T) => `${namespace}/${name}`;
  const olds = new Map(before.map((one) => [key(one), one]));
  const news = new Map(after.map((one) => [key(one), one]));
  return [...new Set([...news.keys(), ...olds.keys()])].map((name) => [olds.get(name), news.get(name)] as const);
}

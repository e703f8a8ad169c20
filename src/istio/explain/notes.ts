import { leavesOf } from '../branches.ts';
import type { Chain, CompiledRule, DroppedTerm, VanishedRule } from '../chain.ts';
import type { MeshObject } from '../objects.ts';
import type { Assumption, RequestDraft } from '../request/draft.ts';
import type { Target } from '../target/target.ts';
import { validateObject } from '../validate/validate.ts';
import type { Note } from './explanation.ts';
import { pathText } from './rule-report.ts';

interface NotesInput {
  /** What is attached to the workload, of every kind. */
  readonly attached: readonly MeshObject[];
  readonly chain: Chain;
  readonly target: Target;
  readonly assumed: readonly Assumption[];
  readonly notes: readonly string[];
}

/** What a reader should know beside the verdict: what the translation lost, and what was filled in. */
export function notesOf({ attached, chain, target, assumed, notes }: NotesInput): readonly Note[] {
  const steps = [...chain.custom, ...chain.badCustom, chain.audit, chain.deny, chain.allow].filter((step) => step !== undefined);
  const lost = steps.flatMap(({ vanished }) => vanished.map((rule) => vanishedNote(rule, chain)));
  const widened = steps.flatMap(({ rules }) =>
    rules.flatMap((rule) => rule.dropped.map((term) => droppedNote(rule, term, chain))),
  );
  const about = [...target.notes, ...notes].map((text) => ({ code: 'target' as const, text, place: target.place }));
  const looks = attributesOf(chain);
  const told = assumed.flatMap(({ field, value }) => {
    const attribute = LOOKED_AT[field];
    const text = attribute === undefined || !attribute.some((one) => looks.has(one)) ? undefined : assumptionText(field, value);
    return text === undefined ? [] : [{ code: 'assumed' as const, text, place: undefined }];
  });
  const unseen: readonly Note[] = looks.has('metadata')
    ? [{ code: 'assumed', text: 'a rule looks at what other filters of the proxy say: taken as nothing', place: undefined }]
    : [];
  return [...about, ...attached.flatMap(refusals), ...lost, ...widened, ...told, ...unseen];
}

/** What the webhook would not have let into the cluster is evaluated all the same: it may have come in without. */
function refusals(object: MeshObject): readonly Note[] {
  return validateObject(object)
    .filter(({ severity }) => severity === 'error')
    .map(({ message, file, line, column }) => ({
      code: 'validation',
      text: `Istio's webhook would refuse ${object.kind} ${object.namespace}/${object.name} (${message}); here it is taken as it is`,
      place: { file, line, column },
    }));
}

const WHY: Readonly<Record<DroppedTerm['reason'], string>> = {
  'http-only': 'is about HTTP, and this is a plain connection',
  'bad-cidr': 'is no address block',
  'bad-port': 'is no port',
  'bad-key': 'cannot be read as a key',
  'unknown-key': 'is a key that Istio does not know',
};

/** Of ztunnel the reason is wider: it reads less than a plain connection has. */
function whyText({ path, reason }: DroppedTerm, { workload }: Chain): string {
  const why = workload.kind === 'ztunnel' && reason === 'http-only' ? 'is nothing that ztunnel reads' : WHY[reason];
  return `${pathText(path)} ${why}`;
}

function vanishedNote({ policy, index, dropped }: VanishedRule, chain: Chain): Note {
  const [first] = dropped;
  const why = first === undefined ? '' : `: ${whyText(first, chain)}`;
  const effect =
    policy.action === 'ALLOW' && chain.allow?.enforced === true ? ', and the policy still makes denial the default' : '';
  return {
    code: 'vanished-rule',
    text: `${policy.action} ${policy.namespace}/${policy.name} rule[${index}] does not reach the proxy${why}${effect}`,
    place: policy.placeOf(first?.path ?? ['spec', 'rules', index]),
  };
}

function droppedNote({ policy, index, permissions, principals }: CompiledRule, term: DroppedTerm, chain: Chain): Note {
  const isNever = permissions.type === 'never' || principals.type === 'never';
  const effect = isNever
    ? 'never matches here'
    : `is wider than written${chain.transport === 'tcp' ? ' on this connection' : ''}`;
  return {
    code: 'dropped-term',
    text: `${policy.action} ${policy.namespace}/${policy.name} rule[${index}] ${effect}: ${whyText(term, chain)}, and falls away`,
    place: policy.placeOf(term.path),
  };
}

/** The attributes that any rule of a chain looks at; of headers, their names. */
function attributesOf(chain: Chain): ReadonlySet<string> {
  const steps = [...chain.custom, ...chain.badCustom, chain.audit, chain.deny, chain.allow].filter((step) => step !== undefined);
  const rules = steps.flatMap((step) => ('dryRun' in step ? [...step.rules, ...step.dryRun] : step.rules));
  const leaves = rules.flatMap(({ permissions, principals }) => [...leavesOf(permissions), ...leavesOf(principals)]);
  return new Set(leaves.map((leaf) => (leaf.type === 'header' ? leaf.name : leaf.type)));
}

const LOOKED_AT: Readonly<Partial<Record<keyof RequestDraft, readonly string[]>>> = {
  peer: ['identity'],
  method: [':method'],
  path: ['path', ':path'],
  authority: [':authority'],
  directIp: ['directIp', 'remoteIp'],
};

function assumptionText(field: keyof RequestDraft, value: string): string | undefined {
  switch (field) {
    case 'peer':
      return 'nobody said who calls (--from): taken as plain text, without an identity';
    case 'method':
    case 'path':
      return `no ${field} was named (--${field}): ${value} is taken`;
    case 'authority':
      return `no host was named (--host): \`${value}\` is taken`;
    case 'directIp':
      return `no client address was named (--from-ip): ${value} is taken`;
    default:
      return undefined;
  }
}

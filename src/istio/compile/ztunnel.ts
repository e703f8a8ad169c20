import type { Chain, CompiledRule, DroppedTerm, RbacStep, VanishedRule } from '../chain.ts';
import type { LeafTest, Matcher, Origin, StringTest } from '../matcher.ts';
import type {
  AuthorizationPolicy,
  Condition,
  FieldPath,
  MeshModel,
  OperationMatch,
  Rule,
  SourceMatch,
  WorkloadRef,
} from '../objects.ts';
import type { Profile } from '../profile.ts';
import { selects } from './attach.ts';
import { parseCidr } from './cidr.ts';
import { neverRule } from './rule.ts';
import { stringTest } from './terms.ts';

/**
 * What ztunnel enforces (istio pilot/pkg/serviceregistry/ambient/authorization.go, ztunnel src/rbac.rs): ALLOW and DENY on the
 * connection alone, with a translation of its own. Where the sidecar's TCP rules grow wider, these never match.
 */
export function compileZtunnel({ config, policies }: MeshModel, workload: WorkloadRef, profile: Profile): Chain {
  const namespaces = [config.rootNamespace, workload.namespace];
  const attached = policies.filter((policy) => namespaces.includes(policy.namespace) && attaches(policy, workload));
  const step = (action: 'ALLOW' | 'DENY') =>
    compileStep(
      action,
      attached.filter((policy) => policy.action === action),
    );
  return {
    transport: 'tcp',
    workload,
    profile,
    normalization: config.normalization,
    custom: [],
    badCustom: [],
    jwt: [],
    audit: undefined,
    deny: step('DENY'),
    allow: step('ALLOW'),
  };
}

/** Dry-run policies and those for waypoints are not sent; a selector without labels selects nothing. */
function attaches({ dryRun, targetRefs, selector }: AuthorizationPolicy, { labels }: WorkloadRef): boolean {
  if (dryRun || targetRefs.length > 0) return false;
  return selector === undefined || (Object.keys(selector).length > 0 && selects(selector, labels));
}

function compileStep(action: 'ALLOW' | 'DENY', policies: readonly AuthorizationPolicy[]): RbacStep | undefined {
  if (policies.length === 0) return undefined;
  const rules: CompiledRule[] = [];
  const vanished: VanishedRule[] = [];
  for (const policy of policies) {
    const idOf = (index: number) => `ns[${policy.namespace}]-policy[${policy.name}]-rule[${index}]`;
    if (policy.rules.length === 0) rules.push(neverRule(policy, idOf(0)));
    for (const [index, rule] of policy.rules.entries()) {
      const { dropped, permissions, principals } = new AmbientRule(rule, index, policy.namespace);
      const head = { id: idOf(index), policy, index, dropped };
      if (action === 'ALLOW' && dropped.some(({ reason }) => reason === 'http-only')) vanished.push(head);
      else rules.push({ ...head, permissions, principals });
    }
  }
  return { action, enforced: true, rules, dryRun: [], vanished };
}

type AmbientTerm = (value: string, namespace: string) => LeafTest | 'bad-cidr' | 'bad-port';

const ports: AmbientTerm = (value) =>
  /^[0-9]{1,20}$/.test(value) && Number(value) <= 65_535 ? { type: 'port', port: Number(value) } : 'bad-port';
const ips =
  (type: 'directIp' | 'localIp'): AmbientTerm =>
  (value) => {
    const block = parseCidr(value);
    return block === undefined ? 'bad-cidr' : { type, block };
  };
const namespaces: AmbientTerm = (value) => ({ type: 'identity', test: { op: 'meshNamespace', test: stringTest(value) } });
const principals: AmbientTerm = (value) => ({ type: 'identity', test: principalTest(stringTest(value, 'spiffe://')) });
const serviceAccounts: AmbientTerm = (value, namespace) => {
  const slash = value.indexOf('/');
  const account = { namespace: slash < 0 ? namespace : value.slice(0, slash), name: value.slice(slash + 1) };
  return { type: 'identity', test: { op: 'meshAccount', ...account } };
};

function principalTest(test: StringTest): Extract<LeafTest, { type: 'identity' }>['test'] {
  return test.op === 'suffix' ? { op: 'spiffeSuffix', suffix: test.value } : test;
}

const OPERATION: readonly (readonly [keyof OperationMatch, AmbientTerm | undefined])[] = [
  ['ports', ports],
  ['hosts', undefined],
  ['methods', undefined],
  ['paths', undefined],
];
const SOURCE: readonly (readonly [keyof SourceMatch, AmbientTerm | undefined])[] = [
  ['principals', principals],
  ['serviceAccounts', serviceAccounts],
  ['namespaces', namespaces],
  ['ipBlocks', ips('directIp')],
  ['requestPrincipals', undefined],
  ['remoteIpBlocks', undefined],
];
/** `trustDomains` is read by nobody, so that what stands beside it decides alone. */
const CONDITIONS: Readonly<Record<string, readonly ['permissions' | 'principals', AmbientTerm]>> = {
  'source.namespace': ['principals', namespaces],
  'source.principal': ['principals', principals],
  'source.ip': ['principals', ips('directIp')],
  'destination.port': ['permissions', ports],
  'destination.ip': ['permissions', ips('localIp')],
};

class AmbientRule {
  readonly dropped: DroppedTerm[] = [];
  readonly permissions: Matcher;
  readonly principals: Matcher;
  readonly #namespace: string;

  constructor(rule: Rule, index: number, namespace: string) {
    this.#namespace = namespace;
    const base = ['spec', 'rules', index];
    const when = { permissions: [] as Matcher[], principals: [] as Matcher[] };
    let isNever = false;
    for (const [position, condition] of rule.when.entries()) {
      const [side, terms] = this.#condition([...base, 'when', position], condition);
      // A clause that has nothing left to compare never matches, and takes the rule with it.
      if (terms.length === 0) isNever = true;
      when[side].push(...terms);
    }
    const to = rule.to.map((operation, position) =>
      OPERATION.flatMap(([field, term]) => this.#field([...base, 'to', position, 'operation'], operation, field, term)),
    );
    const from = rule.from.map((source, position) =>
      SOURCE.flatMap(([field, term]) => this.#field([...base, 'from', position, 'source'], source, field, term)),
    );
    this.permissions = isNever ? NEVER : anyBranch(to, when.permissions);
    this.principals = isNever ? NEVER : anyBranch(from, when.principals);
  }

  #condition(
    path: FieldPath,
    { key, values, notValues }: Condition,
  ): readonly ['permissions' | 'principals', readonly Matcher[]] {
    const known = Object.hasOwn(CONDITIONS, key) ? CONDITIONS[key] : undefined;
    if (known === undefined) {
      this.dropped.push({ path: [...path, 'key'], reason: 'http-only' });
      return ['principals', []];
    }
    const [side, term] = known;
    return [
      side,
      [...this.#term([...path, 'values'], values, term, false), ...this.#term([...path, 'notValues'], notValues, term, true)],
    ];
  }

  /** A field and its negation; without a term for it, ztunnel does not know the field. */
  #field<T extends object>(
    base: FieldPath,
    match: T,
    field: keyof T & string,
    term: AmbientTerm | undefined,
  ): readonly Matcher[] {
    const negative = `not${field[0]?.toUpperCase()}${field.slice(1)}` as keyof T & string;
    return [field, negative].flatMap((name, position) => {
      const values = match[name] as readonly string[];
      if (term !== undefined) return this.#term([...base, name], values, term, position === 1);
      if (values.length > 0) this.dropped.push({ path: [...base, name], reason: 'http-only' });
      return [];
    });
  }

  #term(path: FieldPath, values: readonly string[], term: AmbientTerm, negated: boolean): readonly Matcher[] {
    const of: Matcher[] = [];
    for (const [position, value] of values.entries()) {
      const origin: Origin = { path: [...path, position], value };
      const leaf = term(value, this.#namespace);
      if (typeof leaf === 'string') this.dropped.push({ path: origin.path, reason: leaf });
      else of.push({ ...leaf, origin });
    }
    if (of.length === 0) return [];
    const either: Matcher = of.length === 1 && of[0] !== undefined ? of[0] : { type: 'or', of };
    return [negated ? { type: 'not', of: either } : either];
  }
}

const NEVER: Matcher = { type: 'never' };

/** Any branch with terms, each with the conditions; a branch without terms never matches, no branches at all always do. */
function anyBranch(branches: readonly (readonly Matcher[])[], when: readonly Matcher[]): Matcher {
  const all =
    branches.length === 0 ? [when] : branches.filter((branch) => branch.length > 0).map((branch) => [...branch, ...when]);
  const of = all.map((terms): Matcher => {
    if (terms.length === 0) return { type: 'any' };
    return terms.length === 1 && terms[0] !== undefined ? terms[0] : { type: 'and', of: terms };
  });
  if (of.length === 0) return NEVER;
  return of.length === 1 && of[0] !== undefined ? of[0] : { type: 'or', of };
}

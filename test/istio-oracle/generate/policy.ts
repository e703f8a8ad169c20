import type { KubernetesObject } from '../case.ts';
import { CONDITIONS, type Field, OPERATION_FIELDS, SOURCE_FIELDS } from './fields.ts';
import type { Random } from './random.ts';

/** Values of one field in one place of a rule. */
export interface Term {
  readonly field: Field;
  readonly positive: readonly string[];
  readonly negative: readonly string[];
}

/** A rule as it was thought of: requests are made from it. */
export interface Plan {
  readonly sources: readonly (readonly Term[])[];
  readonly operations: readonly (readonly Term[])[];
  readonly conditions: readonly Term[];
}

export interface PlannedPolicy {
  readonly object: KubernetesObject;
  readonly plans: readonly Plan[];
}

export type Action = 'ALLOW' | 'DENY' | 'AUDIT' | 'CUSTOM';

export interface Placement {
  readonly namespace: string;
  /** `selector` or `targetRefs`, or neither. */
  readonly attachment: Readonly<Record<string, unknown>>;
}

export interface PolicyOptions {
  readonly name: string;
  readonly action: Action;
  readonly provider?: string;
  readonly isTcpMinded: boolean;
  readonly placement: Placement;
  /** How many, where the policy is one of a crowd; few otherwise. */
  readonly ruleCount?: number;
}

/** A policy with one to three rules of few terms each, so that a request can fit them. */
export function makePolicy(random: Random, options: PolicyOptions): PlannedPolicy {
  const { name, action, provider, isTcpMinded, placement, ruleCount } = options;
  const plans =
    ruleCount !== undefined
      ? crowdedPlans(random, ruleCount)
      : random.chance(0.02)
        ? []
        : Array.from(
            {
              length: random.weighted([
                [6, 1],
                [3, 2],
                [1, 3],
                [0.15, 11],
              ]),
            },
            () => makePlan(random, isTcpMinded),
          );
  const rules = plans.map((plan) =>
    ruleCount === undefined && random.chance(0.02) ? random.pick(HOLLOW) : ruleOf(random, plan),
  );
  const annotations = dryRun(random, action);
  return {
    plans,
    object: {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name, namespace: placement.namespace, ...(annotations === undefined ? {} : { annotations }) },
      spec: {
        action,
        ...(provider === undefined ? {} : { provider: { name: provider } }),
        ...placement.attachment,
        ...(rules.length === 0 && random.chance(0.5) ? {} : { rules }),
      },
    },
  };
}

/** Rules that ask for something: one that fits everything would hide the rest of its crowd. */
function crowdedPlans(random: Random, count: number): Plan[] {
  const plans: Plan[] = [];
  while (plans.length < count) {
    const plan = makePlan(random, false);
    const terms = [...plan.sources.flat(), ...plan.operations.flat(), ...plan.conditions];
    if (terms.length > 1 && terms.every(({ positive }) => positive.length > 0 && !positive.includes('*'))) plans.push(plan);
  }
  return plans;
}

function dryRun(random: Random, action: Action): Record<string, string> | undefined {
  const probability = action === 'ALLOW' || action === 'DENY' ? 0.11 : 0.01;
  if (!random.chance(probability)) return undefined;
  return { 'istio.io/dry-run': random.pick(['true', 'true', '1', 't', 'TRUE', 'True', 'yes', 'false', 'tRue', '']) };
}

function makePlan(random: Random, isTcpMinded: boolean): Plan {
  if (random.chance(0.02)) return { sources: [], operations: [], conditions: [] };
  const usable = (fields: readonly Field[]): readonly Field[] =>
    isTcpMinded ? fields.filter((field) => field.isHttpOnly !== true) : fields;
  const branches = (fields: readonly Field[], probability: number): Term[][] =>
    random.chance(probability)
      ? Array.from(
          {
            length: random.weighted([
              [7, 1],
              [3, 2],
            ]),
          },
          () =>
            random
              .some(
                usable(fields),
                random.weighted([
                  [7, 1],
                  [3, 2],
                ]),
              )
              .map((field) => makeTerm(random, field)),
        )
      : [];
  const sources = branches(SOURCE_FIELDS, 0.45);
  const operations = branches(OPERATION_FIELDS, 0.5);
  const isBare = sources.length === 0 && operations.length === 0;
  const count = random.weighted([
    [isBare ? 0 : 5, 0],
    [5, 1],
    [1.5, 2],
  ]);
  const conditions = random.some(usable(CONDITIONS), count).map((field) => makeTerm(random, field));
  return { sources, operations, conditions };
}

function makeTerm(random: Random, field: Field): Term {
  const values = (): string[] =>
    Array.from(
      {
        length: random.weighted([
          [6, 1],
          [3, 2],
          [1, 3],
        ]),
      },
      () => makeValue(random, field),
    );
  return random.weighted([
    [6, () => ({ field, positive: values(), negative: [] })],
    [3, () => ({ field, positive: [], negative: values() })],
    [1, () => ({ field, positive: values(), negative: values() })],
  ])();
}

/** Now and then what only a cluster without the webhook would hold. */
function makeValue(random: Random, field: Field): string {
  const isAddress = field.list?.[0].endsWith('pBlocks') === true || field.key === 'destination.ip';
  if (isAddress && random.chance(0.06))
    return random.pick([
      '10.0.0.0/33',
      'nowhere',
      '10.1.2',
      '2001:db8::/129',
      '',
      '1::2::3',
      '10.1.2.3/',
      '10.1.2.3/+8',
      '::ffff:10.1.2.3/96',
      '10.1.2.256',
      '010.1.2.3',
      '1:2:3:4:5:6:7',
      'fe80::1%eth0',
      '::12345',
      '10.1.2.3/08',
    ]);
  if (field.key === 'destination.port' && random.chance(0.03)) return random.pick(['70000', 'http', '-1', '08080', '8080.0']);
  return field.value(random);
}

function ruleOf(random: Random, plan: Plan): Record<string, unknown> {
  const when = [...plan.conditions.map(conditionOf), ...(random.chance(0.04) ? [random.pick(MALFORMED)] : [])];
  return {
    ...(plan.sources.length === 0 ? {} : { from: plan.sources.map((terms) => ({ source: fieldsOf(terms) })) }),
    ...(plan.operations.length === 0 ? {} : { to: plan.operations.map((terms) => ({ operation: fieldsOf(terms) })) }),
    ...(when.length === 0 ? {} : { when }),
  };
}

function fieldsOf(terms: readonly Term[]): Record<string, readonly string[]> {
  const fields: Record<string, readonly string[]> = {};
  for (const { field, positive, negative } of terms) {
    const [yes, no] = field.list ?? ['', ''];
    if (positive.length > 0) fields[yes] = positive;
    if (negative.length > 0) fields[no] = negative;
  }
  return fields;
}

function conditionOf({ field, positive, negative }: Term): Record<string, unknown> {
  return {
    key: field.key,
    ...(positive.length === 0 ? {} : { values: positive }),
    ...(negative.length === 0 ? {} : { notValues: negative }),
  };
}

/** Rules that say nothing, each in a way of its own. */
const HOLLOW: readonly unknown[] = [
  null,
  {},
  { from: [], to: [] },
  { from: [{}] },
  { from: [{ source: {} }] },
  { to: [{}] },
  { to: [{ operation: {} }], when: [] },
  { to: [{ operation: { paths: [] } }] },
  { from: [{ source: {} }, { source: { namespaces: ['bar'] } }] },
];

/** Keys that the compiler treats in ways of its own: unknown ones, and ones that only look right. */
const MALFORMED = [
  { key: 'foo.bar', values: ['x'] },
  { key: 'source.foo', notValues: ['x'] },
  { key: 'request.auth.claims', values: ['x'] },
  { key: 'request.auth.claims.x[y]', values: ['x'] },
  { key: 'request.auth.claims[a[b]]', values: ['yes'] },
  { key: 'request.auth.claims[a]b[c]', values: ['yes'] },
  { key: 'request.auth.claims[a][b', values: ['yes'] },
  { key: 'request.auth.claims[a]]', values: ['x'] },
  { key: 'request.auth.claims[[a]]', values: ['x'] },
  { key: 'request.auth.claims[][a]', notValues: ['x'] },
  { key: 'request.auth.claims[a]x', notValues: ['x'] },
  { key: 'request.headers[a][b]', notValues: ['x'] },
  { key: 'request.headers[x-role]x', notValues: ['x'] },
  { key: 'request.headers[x-role', notValues: ['x'] },
  { key: 'request.auth.claims[]', values: ['x'] },
  { key: 'request.headersX[y]', values: ['x'] },
  { key: 'request.headers[]', values: ['x'] },
  { key: 'request.headers', values: ['x'] },
  { key: 'request.headersX[y]', notValues: ['x'] },
  { key: 'request.auth.claims.x[y]', notValues: ['x'] },
  { key: 'experimental.envoy.filters.http.oracle[n][m]', values: ['z'] },
  { key: 'experimental.envoy.filters.http.oracle', values: ['v'] },
  { key: 'destination.user', values: ['x'] },
  { key: 'source.user', values: ['x'] },
  { key: 'request.headers[x-role]' },
  { key: 'destination.labels[app]', values: ['httpbin'] },
];

import type { Chain, CompiledRule } from '../chain.ts';
import { attachedPolicies, GATEWAY_NAME, selects } from '../compile/attach.ts';
import { compileChain } from '../compile/chain.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import type { RequestFacts } from '../facts.ts';
import type {
  Attachment,
  AuthorizationPolicy,
  FieldPath,
  MeshModel,
  MeshObject,
  ObjectHead,
  RequestAuthentication,
  Rule,
  WorkloadObject,
  WorkloadRef,
} from '../objects.ts';
import type { Profile } from '../profile.ts';
import { pathText } from '../read/object-reader.ts';
import { isAmbient, waypointOf } from '../target/ambient.ts';
import { LINT_CODES, type LintCode } from './codes.ts';
import type { Finding, LintExample } from './finding.ts';
import { isMatched, PLAIN_REQUEST, requestFor } from './sample-request.ts';

/** One rule of one policy. */
export interface RuleSite {
  readonly policy: AuthorizationPolicy;
  readonly rule: Rule;
  readonly index: number;
  readonly path: FieldPath;
}

export interface FindingDraft {
  readonly object: MeshObject;
  readonly path: FieldPath;
  readonly message: string;
  readonly help: string;
  readonly example?: LintExample | undefined;
}

/** A proxy that one policy attaches to, with the rule as it has it. */
export interface RuleAtProxy {
  readonly chain: Chain;
  readonly compiled: CompiledRule;
}

/** What checks look at: the model, the proxies in it, and requests tried on them. */
export class LintContext {
  readonly model: MeshModel;
  readonly profile: Profile;
  readonly #proxies: readonly WorkloadRef[];
  readonly #chains = new Map<string, Chain>();
  #attached: ReadonlyMap<MeshObject, readonly WorkloadRef[]> | undefined;

  constructor(model: MeshModel, profile: Profile) {
    this.model = model;
    this.profile = profile;
    this.#proxies = proxiesIn(model);
  }

  get rules(): readonly RuleSite[] {
    return this.model.policies.flatMap((policy) =>
      policy.rules.map((rule, index) => ({ policy, rule, index, path: ['spec', 'rules', index] })),
    );
  }

  /**
   * The proxies of the files that enforce a policy. Where none of its namespace is in the files there stands one for them, with the
   * labels that the policy asks for, so that a file of policies alone can be looked at, too.
   */
  proxiesOf(policy: AuthorizationPolicy): readonly WorkloadRef[] {
    const attached = this.#attachedTo().get(policy) ?? [];
    return attached.length > 0 || this.#isKnown(policy) ? attached : standIn(policy, this.model);
  }

  /** The proxies that read tokens by an authentication; ztunnel reads none. */
  proxiesOfAuthentication(object: RequestAuthentication): readonly WorkloadRef[] {
    const attached = (this.#attachedTo().get(object) ?? []).filter(({ kind }) => kind !== 'ztunnel');
    return attached.length > 0 || this.#isKnown(object) ? attached : standIn(object, this.model);
  }

  #attachedTo(): ReadonlyMap<MeshObject, readonly WorkloadRef[]> {
    if (this.#attached !== undefined) return this.#attached;
    const found = new Map<MeshObject, WorkloadRef[]>();
    for (const workload of this.#proxies) {
      const { ALLOW, DENY, AUDIT, CUSTOM, requestAuthentications } = attachedPolicies(this.model, workload);
      for (const object of [...ALLOW, ...DENY, ...AUDIT, ...CUSTOM, ...requestAuthentications]) {
        const list = found.get(object);
        if (list === undefined) found.set(object, [workload]);
        else list.push(workload);
      }
    }
    this.#attached = found;
    return found;
  }

  chain(workload: WorkloadRef, transport: Chain['transport']): Chain {
    const key = JSON.stringify([workload, transport]);
    const known = this.#chains.get(key);
    if (known !== undefined) return known;
    const chain = compileChain(this.model, workload, transport, this.profile);
    this.#chains.set(key, chain);
    return chain;
  }

  /** A rule at the first HTTP proxy that has it. */
  atProxy({ policy, index }: RuleSite): RuleAtProxy | undefined {
    for (const workload of this.proxiesOf(policy)) {
      if (workload.kind === 'ztunnel') continue;
      const chain = this.chain(workload, 'http');
      const compiled = rulesIn(chain).find((rule) => rule.policy === policy && rule.index === index);
      if (compiled !== undefined) return { chain, compiled };
    }
    return undefined;
  }

  /** A request that the rule matches at this proxy. */
  matched({ chain, compiled }: RuleAtProxy): RequestFacts | undefined {
    return requestFor(chain, compiled, PLAIN_REQUEST);
  }

  isMatched({ chain, compiled }: RuleAtProxy, facts: RequestFacts): boolean {
    return isMatched(chain, compiled, facts);
  }

  /** The request with the verdict of the whole chain; undefined when the proxy refuses it or does not tell. */
  example(chain: Chain, facts: RequestFacts): LintExample | undefined {
    const { v } = evaluate(chain, facts);
    if (v !== 'allow' && v !== 'deny') return undefined;
    return { request: requestText(facts), verdict: v, workload: chain.workload, facts };
  }

  finding(code: LintCode, draft: FindingDraft): Finding {
    const { object, path, message, help, example } = draft;
    return {
      severity: LINT_CODES[code],
      code,
      message,
      ...object.placeOf(path),
      path: pathText(path),
      help,
      object: { kind: object.kind, namespace: object.namespace, name: object.name },
      ...(example === undefined ? {} : { example }),
    };
  }

  /** Whether the files hold workloads, or targets, of the namespaces that the policy is for. */
  #isKnown(object: ObjectHead): boolean {
    const isRoot = object.namespace === this.model.config.rootNamespace;
    return this.#proxies.some(({ namespace }) => isRoot || namespace === object.namespace);
  }
}

export function rulesIn(chain: Chain): readonly CompiledRule[] {
  const steps = [...chain.badCustom, chain.audit, chain.deny, chain.allow].flatMap((step) => step ?? []);
  return [...chain.custom.flatMap(({ rules }) => rules), ...steps.flatMap(({ rules, dryRun }) => [...rules, ...dryRun])];
}

/** `GET /admin on shop.example from spiffe://…`, with what the request has and a plain one has not. */
export function requestText(facts: RequestFacts): string {
  const parts = facts.transport === 'tcp' ? [`a connection to port ${facts.localPort}`] : [`${facts.method} ${facts.path}`];
  if (facts.transport === 'http' && facts.authority !== PLAIN_REQUEST.authority) parts.push(`on ${facts.authority}`);
  for (const [name, value] of facts.headers) parts.push(`with ${name}: ${value}`);
  const [token] = facts.tokens;
  if (token !== undefined) parts.push(`with a token ${JSON.stringify(token.claims)}`);
  if (facts.sni !== undefined) parts.push(`for server name ${facts.sni}`);
  parts.push(facts.peer === undefined ? 'without a client certificate' : `from ${facts.peer.uris[0] ?? 'a peer'}`);
  if (facts.directIp !== PLAIN_REQUEST.directIp) parts.push(`at ${facts.directIp}`);
  if (facts.remoteIp !== PLAIN_REQUEST.remoteIp) parts.push(`(client ${facts.remoteIp})`);
  if (facts.transport === 'http' && facts.localPort !== PLAIN_REQUEST.localPort) parts.push(`to port ${facts.localPort}`);
  return parts.join(' ');
}

function proxiesIn(model: MeshModel): readonly WorkloadRef[] {
  const found = new Map<string, WorkloadRef>();
  const add = (workload: WorkloadRef): void => void found.set(JSON.stringify(workload), workload);
  for (const workload of model.workloads) {
    add({ namespace: workload.namespace, labels: workload.podLabels, kind: kindOf(model, workload) });
  }
  for (const service of model.services) {
    const front = waypointOf(model, service);
    if (front === undefined) continue;
    const object = model.gateways.find(({ name, namespace }) => name === front.name && namespace === front.namespace);
    add({
      namespace: front.namespace,
      labels: { ...object?.labels, [GATEWAY_NAME]: front.name },
      kind: 'waypoint',
      filterState: true,
      service: { name: service.name, namespace: service.namespace, registry: 'kubernetes' },
    });
  }
  for (const { api, gatewayClass, namespace, name, labels } of model.gateways) {
    if (api !== 'kubernetes') continue;
    const isWaypoint = gatewayClass.endsWith('waypoint');
    add({
      namespace,
      labels: { ...labels, [GATEWAY_NAME]: name },
      kind: isWaypoint ? 'waypoint' : 'gateway',
      ...(isWaypoint ? { filterState: true } : {}),
    });
  }
  return [...found.values()];
}

function kindOf(model: MeshModel, workload: WorkloadObject): WorkloadRef['kind'] {
  if (workload.podLabels[GATEWAY_NAME] !== undefined) return 'gateway';
  if (
    model.gateways.some(
      ({ api, selector }) => api === 'istio' && Object.keys(selector).length > 0 && selects(selector, workload.podLabels),
    )
  ) {
    return 'gateway';
  }
  return isAmbient(model, workload) ? 'ztunnel' : 'sidecar';
}

function standIn(policy: Attachment & ObjectHead, model: MeshModel): readonly WorkloadRef[] {
  const { namespace, selector, targetRefs } = policy;
  if (targetRefs.length === 0) {
    const isRoot = namespace === model.config.rootNamespace;
    return [{ namespace: isRoot && selector === undefined ? 'default' : namespace, labels: selector ?? {}, kind: 'sidecar' }];
  }
  return targetRefs.flatMap((ref): readonly WorkloadRef[] => {
    if (ref.kind === 'Gateway') return [{ namespace, labels: { [GATEWAY_NAME]: ref.name }, kind: 'gateway' }];
    if (ref.kind !== 'Service' && ref.kind !== 'ServiceEntry') return [];
    const registry = ref.kind === 'Service' ? 'kubernetes' : 'external';
    const service = { name: ref.name, namespace, registry } as const;
    return [{ namespace, labels: { [GATEWAY_NAME]: 'waypoint' }, kind: 'waypoint', filterState: true, service }];
  });
}

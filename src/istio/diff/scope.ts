import { parseAddress } from '../address.ts';
import { attachedPolicies } from '../compile/attach.ts';
import type {
  AuthorizationPolicy,
  MeshModel,
  ObjectHead,
  PeerAuthentication,
  RequestAuthentication,
  WorkloadRef,
} from '../objects.ts';

/** One side's objects by namespace, so that a workload's own few are looked at and not all. */
export class Scope {
  readonly model: MeshModel;
  readonly #models = new Map<string, MeshModel>();
  readonly #keys = new WeakMap<object, string>();
  readonly #bySpace: ReadonlyMap<string, Part>;

  constructor(model: MeshModel) {
    this.model = model;
    this.#bySpace = partsOf(model);
  }

  /** The model without what lies in namespaces that do not concern a workload. */
  modelFor(workload: WorkloadRef): MeshModel {
    const names = [
      ...new Set([this.model.config.rootNamespace, workload.namespace, workload.service?.namespace ?? workload.namespace]),
    ];
    const key = names.join('\n');
    const known = this.#models.get(key);
    if (known !== undefined) return known;
    const parts = names.map((name) => this.#bySpace.get(name) ?? NO_PART);
    const made: MeshModel = {
      ...this.model,
      policies: parts.flatMap(({ policies }) => policies),
      requestAuthentications: parts.flatMap(({ requestAuthentications }) => requestAuthentications),
      peerAuthentications: parts.flatMap(({ peerAuthentications }) => peerAuthentications),
    };
    this.#models.set(key, made);
    return made;
  }

  /** The same for workloads that the same policies decide on, whatever the policies are called and in which order they stand. */
  keyFor(workload: WorkloadRef): string {
    const model = this.modelFor(workload);
    const attached = attachedPolicies(model, workload);
    const policies = [...attached.CUSTOM, ...attached.AUDIT, ...attached.DENY, ...attached.ALLOW].map((one) =>
      this.#policyKey(one),
    );
    const mtls = model.peerAuthentications.map((one) => this.#mtlsKey(one, workload));
    return JSON.stringify([
      policies.sort(),
      attached.requestAuthentications.map((one) => this.#jwtKey(one)),
      mtls.filter((key) => key !== ''),
    ]);
  }

  #policyKey(policy: AuthorizationPolicy): string {
    return this.#keyOf(policy, () =>
      JSON.stringify([policy.namespace, policy.action, policy.provider, policy.dryRun, policy.rules]),
    );
  }

  #jwtKey(policy: RequestAuthentication): string {
    return this.#keyOf(policy, () => JSON.stringify(policy.jwtRules));
  }

  #mtlsKey({ namespace, selector, mode, portLevelMtls, created }: PeerAuthentication, { labels }: WorkloadRef): string {
    if (selector !== undefined && !Object.entries(selector).every(([name, value]) => labels[name] === value)) return '';
    return JSON.stringify([namespace, selector, mode, portLevelMtls, created]);
  }

  #keyOf(object: ObjectHead, make: () => string): string {
    const known = this.#keys.get(object);
    if (known !== undefined) return known;
    const key = make();
    this.#keys.set(object, key);
    return key;
  }
}

/** Everything of the mesh configuration that decides. */
export function configKey({ config }: MeshModel): string {
  const { rootNamespace, trustDomain, trustDomainAliases, normalization, extensionProviders } = config;
  const mode = normalization === 'DEFAULT' ? 'BASE' : normalization;
  return JSON.stringify([rootNamespace, trustDomain, trustDomainAliases, mode, extensionProviders]);
}

/** An address for people's examples that is in no block of documentation that rules are written for. */
export function addressOf(text: string): { readonly text: string; readonly bytes: readonly number[] } {
  return { text, bytes: parseAddress(text) ?? [] };
}

interface Part {
  readonly policies: AuthorizationPolicy[];
  readonly requestAuthentications: RequestAuthentication[];
  readonly peerAuthentications: PeerAuthentication[];
}

const NO_PART: Part = { policies: [], requestAuthentications: [], peerAuthentications: [] };

function partsOf(model: MeshModel): ReadonlyMap<string, Part> {
  const parts = new Map<string, Part>();
  const part = ({ namespace }: ObjectHead): Part => {
    const known = parts.get(namespace);
    if (known !== undefined) return known;
    const made: Part = { policies: [], requestAuthentications: [], peerAuthentications: [] };
    parts.set(namespace, made);
    return made;
  };
  for (const one of model.policies) part(one).policies.push(one);
  for (const one of model.requestAuthentications) part(one).requestAuthentications.push(one);
  for (const one of model.peerAuthentications) part(one).peerAuthentications.push(one);
  return parts;
}

import { describe, expect, it } from 'vitest';
import { edit, rewrite, TCP_SENSITIVE } from '../../../test/support/istio-edits.ts';
import { CONFIG, type Json, mesh, request } from '../../../test/support/istio-mesh.ts';
import { randomFrom } from '../../../test/support/random.ts';
import { runs } from '../../../test/support/runs.ts';
import type { JsonObject } from '../../wire/call.ts';
import type { Chain } from '../chain.ts';
import { compileChain } from '../compile/chain.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import { mtlsMode } from '../evaluate/mtls-mode.ts';
import type { RequestFacts } from '../facts.ts';
import type { MeshModel, WorkloadRef } from '../objects.ts';
import { PROFILES } from '../profile.ts';
import { readJsonObjects } from '../read/json-objects.ts';
import { readMeshConfig } from '../read/mesh-config.ts';
import { buildModel } from '../read/model.ts';
import { diffModels } from './diff.ts';
import { type Change, DIFF_DEFAULTS, type DiffResult } from './result.ts';

const PROFILE = PROFILES['envoy-1.40'];
const WORKLOADS: readonly { readonly title: string; readonly ref: WorkloadRef }[] = [
  { title: 'Deployment shop/cart', ref: { namespace: 'shop', labels: { app: 'cart' }, kind: 'sidecar' } },
  { title: 'Deployment shop/web', ref: { namespace: 'shop', labels: { app: 'web', tier: 'front' }, kind: 'sidecar' } },
];
const SEEDS = 2000;
const EDITS = runs(200);

function modelOf(objects: readonly Json[]): MeshModel {
  return buildModel(readJsonObjects(objects as readonly JsonObject[]).objects, readMeshConfig(CONFIG));
}

function compared(before: readonly Json[], after: readonly Json[]): DiffResult {
  return diffModels(modelOf(before), modelOf(after), { profile: 'envoy-1.40', ...DIFF_DEFAULTS, limit: 1000 });
}

/** What a caller sees, by the evaluator alone: `passes`, the provider that is asked, or `refused`. */
function answer(model: MeshModel, workload: WorkloadRef, facts: RequestFacts): string {
  const { mode } = mtlsMode(model, workload, facts.localPort);
  if (mode === 'STRICT' && facts.peer === undefined && workload.kind !== 'waypoint') return 'refused';
  const asked: string[] = [];
  const askAuthoriser = (provider: string) => {
    asked.push(provider);
    return { answer: 'allow' } as const;
  };
  const { v } = evaluate(chainOf(model, workload, facts.transport), { ...facts, askAuthoriser });
  return v === 'allow' ? ['passes', ...asked].join(' ') : 'refused';
}

const chains = new WeakMap<MeshModel, Map<string, Chain>>();

function chainOf(model: MeshModel, workload: WorkloadRef, transport: 'http' | 'tcp'): Chain {
  const own = chains.get(model) ?? new Map<string, Chain>();
  chains.set(model, own);
  const key = JSON.stringify([workload, transport]);
  const chain = own.get(key) ?? compileChain(model, workload, transport, PROFILE);
  own.set(key, chain);
  return chain;
}

function changeOf(before: string, after: string): Change | undefined {
  if (before === after) return undefined;
  return before === 'refused' ? 'gained' : after === 'refused' ? 'lost' : 'changed';
}

interface Sampled {
  readonly title: string;
  readonly transport: 'http' | 'tcp';
  readonly change: Change;
}

/** Differences that random requests happen to show. */
function sampled(
  before: MeshModel,
  after: MeshModel,
  random: () => number,
  count: number,
  workloads: typeof WORKLOADS = WORKLOADS,
): readonly Sampled[] {
  const found = new Map<string, Sampled>();
  for (const { title, ref } of workloads) {
    for (const transport of ref.kind === 'ztunnel' ? (['tcp'] as const) : (['http', 'tcp'] as const)) {
      for (let index = 0; index < count; index += 1) {
        const facts = request(random, transport);
        // ztunnel takes no certificate without a name of the mesh's form.
        if (ref.kind === 'ztunnel' && facts.peer?.uris.length === 0) continue;
        const change = changeOf(answer(before, ref, facts), answer(after, ref, facts));
        if (change !== undefined) found.set(`${title} ${transport} ${change}`, { title, transport, change });
      }
    }
  }
  return [...found.values()];
}

function isReported({ findings }: DiffResult, { title, transport, change }: Sampled): boolean {
  return findings.some(
    (one) => one.transport === transport && one.change === change && one.workloads.some((workload) => workload.title === title),
  );
}

/** Findings whose example the evaluator does not answer as they say, on one of their workloads. */
function untrue({ findings }: DiffResult, before: MeshModel, after: MeshModel): readonly string[] {
  return findings.flatMap(({ change, example, workloads, before: first, after: second }) => {
    if (change === 'changed' && first.class !== 'asks' && second.class !== 'asks') return [];
    return workloads
      .filter(({ ref }) => changeOf(answer(before, ref, example.facts), answer(after, ref, example.facts)) !== change)
      .map(({ title }) => `${change} ${title}: ${example.text}`);
  });
}

describe('a comparison of generated policies', () => {
  it(`reports all of ${EDITS} edits of one field that change a verdict, each with an example that the evaluator confirms`, {
    timeout: 120_000,
  }, () => {
    const names = new Set<string>();
    let edits = 0;
    for (let seed = 1; edits < EDITS && seed < SEEDS; seed += 1) {
      const random = randomFrom(seed);
      const old = mesh(random);
      const now = structuredClone(old);
      const name = edit(now, random);
      const before = modelOf(old);
      const after = modelOf(now);
      const shown = sampled(before, after, random, 30);
      const result = compared(old, now);
      expect(result.bounds, `seed ${seed}: ${name}`).toEqual([]);
      expect(untrue(result, before, after), `seed ${seed}: ${name}`).toEqual([]);
      expect(
        shown.filter((one) => !isReported(result, one)),
        `seed ${seed}: ${name}`,
      ).toEqual([]);
      if (shown.length === 0) continue;
      edits += 1;
      names.add(name);
    }
    expect(edits).toBe(EDITS);
    expect(names.size).toBeGreaterThan(15);
  });

  it(`is silent on ${EDITS} rewrites that mean the same`, { timeout: 120_000 }, () => {
    const names = new Set<string>();
    for (let seed = 1; seed <= EDITS; seed += 1) {
      const random = randomFrom(seed + 10_000);
      const old = mesh(random);
      const now = structuredClone(old);
      const name = rewrite(now, random);
      names.add(name);
      const result = compared(old, now);
      // An ALLOW rule loses all of its branches on TCP when one cannot be translated, so splitting it means something there.
      const findings = TCP_SENSITIVE.has(name)
        ? result.findings.filter(({ transport }) => transport === 'http')
        : result.findings;
      expect(
        findings.map(({ change, callers, requests, example }) => [change, callers, requests, example.text]),
        `seed ${seed}: ${name}`,
      ).toEqual([]);
      expect(result.bounds, `seed ${seed}: ${name}`).toEqual([]);
    }
    expect(names.size).toBeGreaterThan(8);
  });

  it('reports every kind of difference that random requests show between unrelated sets', { timeout: 120_000 }, () => {
    let differing = 0;
    const pairs = runs(50);
    for (let seed = 1; seed <= pairs; seed += 1) {
      const random = randomFrom(seed + 20_000);
      const old = mesh(random);
      const now = mesh(random);
      const before = modelOf(old);
      const after = modelOf(now);
      const shown = sampled(before, after, random, 40);
      const result = compared(old, now);
      differing += shown.length;
      expect(
        shown.filter((one) => !isReported(result, one)),
        `seed ${seed}`,
      ).toEqual([]);
      expect(untrue(result, before, after), `seed ${seed}`).toEqual([]);
      expect(result.compared.unconfirmed, `seed ${seed}`).toBe(0);
    }
    expect(differing).toBeGreaterThan(2 * pairs);
  });

  it('does so for ztunnel and for waypoints too', { timeout: 120_000 }, () => {
    let differing = 0;
    for (const { change, workloads } of [AMBIENT, WAYPOINT]) {
      for (let seed = 1; seed <= runs(50); seed += 1) {
        const random = randomFrom(seed + 30_000);
        const [old, now] = [mesh(random).map(change), mesh(random).map(change)];
        const shown = sampled(modelOf(old), modelOf(now), random, 40, workloads);
        const result = compared(old, now);
        differing += shown.length;
        expect(
          shown.filter((one) => !isReported(result, one)),
          `seed ${seed}`,
        ).toEqual([]);
        expect(untrue(result, modelOf(old), modelOf(now)), `seed ${seed}`).toEqual([]);
        expect(result.compared.unconfirmed, `seed ${seed}`).toBe(0);
      }
    }
    expect(differing).toBeGreaterThan(runs(100));
  });
});

interface Surroundings {
  readonly change: (object: Json) => Json;
  readonly workloads: typeof WORKLOADS;
}

const MODE = 'istio.io/dataplane-mode';

/** The same workloads behind ztunnel. */
const AMBIENT: Surroundings = {
  change: (object) => {
    const template = object['kind'] === 'Deployment' ? ((object['spec'] as Json)['template'] as Json) : undefined;
    const metadata = template?.['metadata'] as Json | undefined;
    if (metadata !== undefined) metadata['labels'] = { ...(metadata['labels'] as Json), [MODE]: 'ambient' };
    return object;
  },
  workloads: WORKLOADS.map(({ title, ref }) => ({
    title,
    ref: { ...ref, labels: { ...ref.labels, [MODE]: 'ambient' }, kind: 'ztunnel' },
  })),
};

/** The policies of the namespace for one Service, which a waypoint serves. */
const WAYPOINT: Surroundings = {
  change: (object) => {
    const spec = object['spec'] as Json;
    const isOfShop = (object['metadata'] as Json)['namespace'] === 'shop';
    if (!isOfShop || !['AuthorizationPolicy', 'RequestAuthentication'].includes(String(object['kind']))) return object;
    delete spec['selector'];
    spec['targetRefs'] = [{ group: '', kind: 'Service', name: 'api' }];
    return object;
  },
  workloads: [
    {
      title: 'waypoint of Service shop/api',
      ref: {
        namespace: 'shop',
        labels: { 'gateway.networking.k8s.io/gateway-name': 'waypoint' },
        kind: 'waypoint',
        filterState: true,
        service: { name: 'api', namespace: 'shop', registry: 'kubernetes' },
      },
    },
  ],
};

// How long the comparison of two sets of 1,000 Istio policies takes, by the way in which they differ.
//
//   node bench/istio-diff.ts [RUNS]
//
// Prints medians of processor time and of time on the clock, with the load average, without which the clock says little. Reading
// the YAML is counted apart. Asserts nothing.
import { performance } from 'node:perf_hooks';
import { diffModels } from '../src/istio/diff/diff.ts';
import { DIFF_DEFAULTS } from '../src/istio/diff/result.ts';
import type { MeshModel } from '../src/istio/objects.ts';
import { readMeshObjects } from '../src/istio/read/mesh-objects.ts';
import { buildModel } from '../src/istio/read/model.ts';
import { type Json, pick } from '../test/support/istio-mesh.ts';
import { randomFrom } from '../test/support/random.ts';
import { load, median } from './support.ts';

const POLICIES = 1000;
const runs = Number(process.argv[2] ?? 7);

/** The mix of rules that the other benchmarks have: exact callers mostly, prefixes and suffixes, hosts, some claims. */
function policies(seed: number, layout: Layout): Json[] {
  const random = randomFrom(seed);
  const number = (below: number) => Math.floor(random() * below);
  return Array.from({ length: POLICIES }, (_, index) => {
    const caller = random();
    const path = random();
    const account = `sa/svc${number(200)}`;
    const source: Json =
      caller < 0.7
        ? { principals: [`cluster.local/ns/team${number(40)}/${account}`] }
        : caller < 0.85
          ? { namespaces: [`team${number(40)}`] }
          : { principals: [`*/${account}`] };
    const where =
      path < 0.4
        ? [`/api/v${number(3)}/res${number(300)}/*`]
        : path < 0.7
          ? [`/api/v1/res${number(300)}`]
          : path < 0.8
            ? [`*/export${number(30)}`]
            : path < 0.9
              ? [`/api/{*}/res${number(300)}`]
              : undefined;
    const operation: Json = {
      methods: [pick(random, ['GET', 'POST', 'PUT', 'DELETE'])],
      ...(where === undefined ? {} : { paths: where }),
      ...(random() < 0.6 ? { hosts: [`svc${number(50)}.example`] } : {}),
    };
    const when = random() < 0.2 ? { when: [{ key: 'request.auth.claims[role]', values: [pick(random, ['dev', 'ops'])] }] } : {};
    const selector = layout === 'spread' ? { selector: { matchLabels: { app: `app${Math.floor(index / 50)}` } } } : {};
    return {
      apiVersion: 'security.istio.io/v1',
      kind: 'AuthorizationPolicy',
      metadata: { name: `p${index}`, namespace: layout === 'spread' ? `ns${index % 50}` : 'shop' },
      spec: {
        ...selector,
        action: random() < 0.15 ? 'DENY' : 'ALLOW',
        rules: [{ from: [{ source }], to: [{ operation }], ...when }],
      },
    };
  });
}

/** `spread`: over 50 namespaces and 1,000 selectors; `one`: all for the same workloads. */
type Layout = 'spread' | 'one';

const TOKENS: Json = {
  apiVersion: 'security.istio.io/v1',
  kind: 'RequestAuthentication',
  metadata: { name: 'jwt', namespace: 'istio-system' },
  spec: { jwtRules: [{ issuer: 'https://idp.example', jwks: '{}' }] },
};

function textOf(objects: readonly Json[]): string {
  return [TOKENS, ...objects].map((object) => JSON.stringify(object)).join('\n---\n');
}

function read(text: string): MeshModel {
  const { objects, isComplete } = readMeshObjects([{ file: 'mesh.yaml', text }]);
  if (!isComplete) throw new Error('the generated policies cannot be read');
  return buildModel(objects);
}

function edited(objects: readonly Json[], count: number): Json[] {
  const copy = structuredClone(objects) as Json[];
  for (let index = 0; index < count; index += 1) {
    const spec = copy[(index * 37) % copy.length]?.['spec'] as { rules: { to: { operation: { methods: string[] } }[] }[] };
    const operation = spec.rules[0]?.to[0]?.operation;
    if (operation !== undefined) operation.methods = ['PATCH'];
  }
  return copy;
}

function measure(name: string, work: () => string): void {
  const cpu: number[] = [];
  const wall: number[] = [];
  let result = '';
  for (let run = 0; run < runs; run += 1) {
    const before = process.cpuUsage();
    const start = performance.now();
    result = work();
    const { user, system } = process.cpuUsage(before);
    cpu.push((user + system) / 1000);
    wall.push(performance.now() - start);
  }
  console.log(
    `${name.padEnd(44)} ${median(cpu).toFixed(0).padStart(6)} ms cpu ${median(wall).toFixed(0).padStart(6)} ms  ${result}`,
  );
}

console.log(`two sets of ${POLICIES} policies, ${runs} runs, ${load()}`);
for (const layout of ['spread', 'one'] as const) {
  const old = policies(1, layout);
  const text = textOf(old);
  measure(`${layout}: reading one set`, () => `${read(text).policies.length} policies`);
  const before = read(text);
  for (const [name, objects] of [
    ['the same', old],
    ['one edit', edited(old, 1)],
    ['20 edits', edited(old, 20)],
    ['every policy edited', edited(old, POLICIES)],
    ['another set', policies(2, layout)],
  ] as const) {
    const after = read(textOf(objects));
    measure(`${layout}: ${name}`, () => {
      const { findings, bounds, compared } = diffModels(before, after, { profile: 'envoy-1.40', ...DIFF_DEFAULTS });
      return `${findings.length} findings, ${compared.searches} searches${bounds.length === 0 ? '' : `; ${bounds.join('; ')}`}`;
    });
  }
}

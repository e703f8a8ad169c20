// What one evaluation of Istio's rules costs at 10, 1,000 and 10,000 policies: against reading all rules in order, and against
// what Envoy's RBAC filter adds to a request under the same policies.
//
//   node bench/istio.ts [--no-envoy]
//
// Envoy and the translator are those of `npm run conformance:istio`; without them the last column stays empty. Asserts nothing.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import type { Chain } from '../src/istio/chain.ts';
import { compileChain } from '../src/istio/compile/chain.ts';
import { evaluate } from '../src/istio/evaluate/evaluate.ts';
import { firstMatch, linearFirstMatch } from '../src/istio/evaluate/rbac.ts';
import { traceView } from '../src/istio/evaluate/trace.ts';
import type { RequestFacts } from '../src/istio/facts.ts';
import type { WorkloadRef } from '../src/istio/objects.ts';
import { NEWEST } from '../src/istio/profile.ts';
import { readMeshObjects } from '../src/istio/read/mesh-objects.ts';
import { buildModel } from '../src/istio/read/model.ts';
import type { Case, KubernetesObject } from '../test/istio-oracle/case.ts';
import { IDENTITIES } from '../test/istio-oracle/corpus.ts';
import { http1Channel } from '../test/istio-oracle/drive/ask.ts';
import { issueCertificates } from '../test/istio-oracle/drive/certificates.ts';
import { Envoy } from '../test/istio-oracle/drive/envoy.ts';
import { listenersOf } from '../test/istio-oracle/drive/listeners.ts';
import { openSocket } from '../test/istio-oracle/drive/socket.ts';
import { Tokens } from '../test/istio-oracle/drive/tokens.ts';
import { translate } from '../test/istio-oracle/drive/translate.ts';
import { findEnvoy, findTranslator } from '../test/istio-oracle/tools.ts';
import { load } from './support.ts';

const SIZES = [10, 1_000, 10_000];
const WORKLOAD: WorkloadRef = { namespace: 'foo', labels: { app: 'httpbin' }, kind: 'sidecar' };

/** A fourth of them DENY; two rules each, as teams write them: who may do what, by identity, path, method and host. */
function policies(count: number): readonly KubernetesObject[] {
  return Array.from({ length: count }, (_, index) => ({
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: `p${index}`, namespace: 'foo' },
    spec: {
      action: index % 4 === 3 ? 'DENY' : 'ALLOW',
      rules: [
        {
          from: [{ source: { principals: [`cluster.local/ns/team-${index % 97}/sa/client-${index}`] } }],
          to: [{ operation: { methods: ['GET', 'POST'], paths: [`/svc-${index}/*`, `/status-${index}`] } }],
        },
        {
          from: [{ source: { namespaces: [`team-${index}`] } }],
          to: [{ operation: { hosts: [`h${index}.example.com`], paths: [`/api/${index}/{*}`] } }],
        },
      ],
    },
  }));
}

/** The request of one client; every fifth one fits no rule. */
function request(index: number): RequestFacts {
  const client = index % 5 === 4 ? `spiffe://cluster.local/ns/none/sa/x-${index}` : clientOf(index);
  return {
    transport: 'http',
    protocol: 'h2',
    method: 'GET',
    authority: `h${index}.example.com`,
    path: `/svc-${index}/items/${index}?page=2`,
    headers: [
      ['user-agent', 'bench/1'],
      ['accept', '*/*'],
      ['x-request-id', `r-${index}`],
    ],
    tokens: [],
    peer: { uris: [client], dns: [], subject: '' },
    sni: undefined,
    directIp: '10.0.0.7',
    remoteIp: '10.0.0.7',
    localIp: '10.9.0.1',
    localPort: 8080,
    metadata: {},
    now: 1_800_000_000,
  };
}

function clientOf(index: number): string {
  return `spiffe://cluster.local/ns/team-${index % 97}/sa/client-${index}`;
}

interface Cost {
  readonly p50: number;
  readonly p99: number;
}

/** Microseconds of single calls, the clock's own cost taken off. */
function costOf(calls: readonly (() => unknown)[], budgetMs: number): Cost {
  const clock = percentiles(Array.from({ length: 5_000 }, () => timed(() => undefined))).p50;
  const warmUntil = performance.now() + budgetMs / 2;
  for (let at = 0; performance.now() < warmUntil; at += 1) calls[at % calls.length]?.();
  const times: number[] = [];
  const until = performance.now() + budgetMs;
  for (let at = 0; performance.now() < until; at += 1) times.push(timed(calls[at % calls.length] as () => unknown));
  const { p50, p99 } = percentiles(times);
  return { p50: Math.max(0, p50 - clock), p99: Math.max(0, p99 - clock) };
}

function timed(call: () => unknown): number {
  const start = process.hrtime.bigint();
  call();
  return Number(process.hrtime.bigint() - start) / 1000;
}

function percentiles(times: readonly number[]): Cost {
  const sorted = [...times].sort((left, right) => left - right);
  const at = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
  return { p50: at(0.5), p99: at(0.99) };
}

function shown({ p50, p99 }: Cost): string {
  return `${p50.toFixed(2)} / ${p99.toFixed(2)}`;
}

/** The rules that decide, on the attributes of each request: looked up, and read in order. */
function rulesOnly(chain: Chain, requests: readonly RequestFacts[]): { readonly looked: Cost; readonly read: Cost } {
  const steps = [chain.deny, chain.allow].flatMap((step) => (step === undefined ? [] : [step.rules]));
  const views = requests.flatMap((facts) => traceView(chain, facts, 'policies') ?? []);
  const all = (first: typeof firstMatch) =>
    views.map(({ attributes }) => () => {
      for (const rules of steps) first(rules, attributes);
    });
  return { looked: costOf(all(firstMatch), 700), read: costOf(all(linearFirstMatch), 1_500) };
}

/** The median of what requests take longer through Envoy with the policies than through a listener without any, in microseconds. */
async function envoyCost(sizes: readonly number[]): Promise<ReadonlyMap<number, Cost> | string> {
  const tools = [await findEnvoy('1.40.0'), await findTranslator()];
  for (const tool of tools) if (tool.kind === 'missing') return tool.reason;
  const [binary = '', translator = ''] = tools.map((tool) => (tool.kind === 'found' ? tool.path : ''));
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-bench-istio-'));
  const certificates = await issueCertificates(join(folder, 'certificates'), IDENTITIES);
  const own: KubernetesObject = {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'z', namespace: 'foo' },
    spec: { rules: [{ from: [{ source: { principals: ['cluster.local/ns/foo/sa/sleep'] } }] }] },
  };
  const cases = [0, ...sizes].map((size): Case => {
    const objects = size === 0 ? [] : [...policies(size), own];
    const mesh = { rootNamespace: 'istio-system', trustDomain: 'cluster.local', trustDomainAliases: [] };
    return { id: `n${size}`, mesh, workload: { namespace: 'foo', labels: {} }, objects, requests: [] };
  });
  const translations = await translate(translator, folder, cases, new Tokens().keySet);
  const listeners = cases.flatMap((set) => {
    const translation = translations.get(set.id);
    return translation === undefined ? [] : listenersOf(set, translation, certificates);
  });
  const envoy = await Envoy.start(binary, join(folder, 'envoy'), listeners, []);
  try {
    const costs = new Map<number, Cost>();
    for (const size of sizes) costs.set(size, await addedLatency(envoy, `http-n${size}`, certificates));
    return costs;
  } finally {
    await envoy.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function addedLatency(envoy: Envoy, name: string, certificates: Parameters<typeof openSocket>[3]): Promise<Cost> {
  const wire = { peer: 'sleep-foo', directIp: '127.0.0.1', remoteIp: '10.0.0.7', localIp: '10.9.0.1', localPort: 8080 };
  const open = async (listener: string) =>
    http1Channel(await openSocket(envoy.ports.get(listener) ?? 0, wire, 'http/1.1', certificates));
  const [plain, ruled] = [await open('http-n0'), await open(name)];
  const ask = async (channel: typeof plain): Promise<number> => {
    const start = performance.now();
    const reply = await channel.ask({ method: 'GET', authority: 'example.com', path: '/svc-7/x', headers: [] });
    if (reply?.status !== 200) throw new Error(`Envoy answered ${reply?.status}`);
    return (performance.now() - start) * 1000;
  };
  const times = { plain: [] as number[], ruled: [] as number[] };
  // At 10,000 policies a request takes a tenth of a second.
  for (const until = performance.now() + 15_000; performance.now() < until && times.plain.length < 1_500; ) {
    times.plain.push(await ask(plain));
    times.ruled.push(await ask(ruled));
  }
  plain.close();
  ruled.close();
  const [without, within] = [percentiles(times.plain), percentiles(times.ruled)];
  return { p50: within.p50 - without.p50, p99: within.p99 - without.p99 };
}

const isWithEnvoy = !process.argv.includes('--no-envoy');
const added = isWithEnvoy ? await envoyCost(SIZES) : 'left out';
console.log(`load ${load()}`);
console.log(
  '| policies | read and compile, CPU ms | evaluate, us p50 / p99 | its rules looked up | its rules read in order | added by Envoy, us p50 / p99 |',
);
console.log('|---|---|---|---|---|---|');
for (const size of SIZES) {
  const text = policies(size)
    .map((policy) => JSON.stringify(policy))
    .join('\n---\n');
  const start = process.cpuUsage();
  const model = buildModel(readMeshObjects([{ file: 'mesh.yaml', text }]).objects);
  const chain = compileChain(model, WORKLOAD, 'http', NEWEST);
  const { user, system } = process.cpuUsage(start);
  const importMs = (user + system) / 1000;
  const requests = Array.from({ length: 512 }, (_, index) => request((index * 7_919) % size));
  const whole = costOf(
    requests.map((facts) => () => evaluate(chain, facts)),
    1_000,
  );
  const { looked, read } = rulesOnly(chain, requests);
  const cost = typeof added === 'string' ? added : shown(added.get(size) ?? { p50: Number.NaN, p99: Number.NaN });
  console.log(`| ${size} | ${importMs.toFixed(0)} | ${shown(whole)} | ${shown(looked)} | ${shown(read)} | ${cost} |`);
}

import type { ProxyKind } from '../../istio/objects.ts';
import type { MeshReading } from '../../istio/read/mesh-objects.ts';
import type { TargetOptions } from '../../istio/target/target.ts';
import type { Output } from '../output.ts';
import { type LoadedMesh, loadSomeMesh, type MeshOptions } from './mesh.ts';
import { portOption, usage } from './request-options.ts';

/** What a verb that asks one workload takes beside the files. */
export interface WorkloadOptions extends MeshOptions {
  readonly to: string;
  readonly port?: string;
  readonly proxy?: ProxyKind;
  readonly trustedHops?: string;
}

export interface Surroundings extends LoadedMesh {
  readonly target: TargetOptions;
  /** What a reader must know before any answer: what was not read, and what can change everything. */
  readonly caveats: readonly Caveat[];
}

export interface Caveat {
  readonly code: 'partial' | 'left-aside';
  readonly text: string;
}

/** The mesh and the way to the workload in it. Problem: as `loadSomeMesh`. */
export async function loadSurroundings(options: WorkloadOptions, output: Output): Promise<Surroundings> {
  const mesh = await loadSomeMesh(options, output);
  const port = portOption(options.port);
  const hops = hopsOption(options.trustedHops);
  const target: TargetOptions = {
    namespace: options.namespace ?? 'default',
    ...(port === undefined ? {} : { port }),
    ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
    ...(hops === undefined ? {} : { trustedHops: hops }),
  };
  return { ...mesh, target, caveats: caveatsOf(mesh.reading) };
}

function hopsOption(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^\d{1,3}$/.test(text)) throw usage(`--trusted-hops: \`${text}\` is no number of proxies`);
  return Number(text);
}

/** Kinds that put filters of their own into a proxy. */
const CHANGES_PROXIES = /(?:^| )(?:EnvoyFilter|WasmPlugin|TrafficExtension)$/;

function caveatsOf({ isComplete, skipped }: MeshReading): readonly Caveat[] {
  const aside = [...skipped]
    .filter(([kind]) => CHANGES_PROXIES.test(kind))
    .map(([kind, count]) => `${count} ${kind.split(' ').at(-1)}`);
  return [
    ...(isComplete
      ? []
      : [{ code: 'partial' as const, text: 'Not all files could be read: what is missing could change this.' }]),
    ...(aside.length === 0
      ? []
      : [
          {
            code: 'left-aside' as const,
            text: `Not taken into account: ${aside.join(', ')}. They can put anything into a proxy.`,
          },
        ]),
  ];
}

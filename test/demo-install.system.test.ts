import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { expect, it } from 'vitest';
import { installEnvironmentVariables } from '../src/demo/environment.ts';
import { openLogFile } from '../src/demo/log-file.ts';
import { findPython, probeWith } from '../src/demo/python.ts';
import { installEnvironment } from '../src/demo/virtual-environment.ts';

it('the real pip cannot reach its registry, and the demo says so in one sentence', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-install-'));
  const found = await findPython({ wanted: undefined, run: probeWith(process.env) });
  expect(found).toMatchObject({ kind: 'python' });
  const lockFile = join(folder, 'lock.txt');
  writeFileSync(lockFile, `nothing-of-this-name==1.0 \\\n    --hash=sha256:${'0'.repeat(64)}\n`);
  const outside = { PIP_INDEX_URL: 'http://127.0.0.1:9/simple', PIP_EXTRA_INDEX_URL: '', PIP_NO_CACHE_DIR: '1' };
  const result = await installEnvironment({
    python: found.kind === 'python' ? found.path : '',
    watcher: resolve(import.meta.dirname, '../src/demo/watcher.py'),
    folder: join(folder, 'venv'),
    lockFile,
    log: openLogFile(join(folder, 'install.log')),
    env: { ...installEnvironmentVariables(process.env), ...outside },
    onProgress: () => {},
    signal: new AbortController().signal,
  });
  expect(result).toEqual({
    kind: 'failed',
    sentence:
      'The Python package registry cannot be reached, so Prefect was not installed: check the network, the proxy or PIP_INDEX_URL and start again.',
  });
  expect(existsSync(join(folder, 'venv', 'bin', 'python'))).toBe(true);
  rmSync(folder, { recursive: true, force: true });
});

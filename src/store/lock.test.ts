import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join, resolve } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../../test/support/records.ts';
import { lockFolder } from './lock.ts';

describe('the lock of the data folder', () => {
  it('is refused to a second gateway, with the number of the process that holds it', () => {
    const dir = temporaryFolder(onTestFinished);
    const unlock = lockFolder(dir);
    expect(() => lockFolder(dir)).toThrowError(
      expect.objectContaining({ code: 'STORE_LOCKED', message: expect.stringContaining(`process ${process.pid}`) }),
    );
    unlock();
    lockFolder(dir)();
  });

  it('ends with its process, however that dies', async () => {
    const dir = temporaryFolder(onTestFinished);
    const lock = JSON.stringify(resolve(import.meta.dirname, 'lock.ts'));
    const script = `import { lockFolder } from ${lock}; const release = lockFolder(${JSON.stringify(dir)}); console.log('held'); setInterval(() => release.name, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    onTestFinished(() => void child.kill('SIGKILL'));
    await once(child.stdout, 'data');
    expect(() => lockFolder(dir)).toThrowError(expect.objectContaining({ code: 'STORE_LOCKED' }));
    child.kill('SIGKILL');
    await once(child, 'exit');
    lockFolder(join(dir))();
  });
});

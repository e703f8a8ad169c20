import { chmodSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../../test/support/records.ts';
import { openDatabase } from './database.ts';
import { prepareFolder } from './folder.ts';

const mode = (file: string): number => statSync(file).mode & 0o777;

describe('the data folder', () => {
  it('is made for this user alone, and so is each file of the database', () => {
    const dir = join(temporaryFolder(onTestFinished), 'a', 'data');
    prepareFolder(dir);
    const file = join(dir, 'fairlead.db');
    const database = openDatabase(file, 'write', 100);
    database.exec('CREATE TABLE t (a INTEGER) STRICT');
    expect(mode(dir)).toBe(0o700);
    expect([file, `${file}-wal`, `${file}-shm`].map(mode)).toEqual([0o600, 0o600, 0o600]);
    database.close();
  });

  it('is closed to others when it is empty or ours', () => {
    const dir = join(temporaryFolder(onTestFinished), 'data');
    mkdirSync(dir);
    chmodSync(dir, 0o755);
    prepareFolder(dir);
    expect(mode(dir)).toBe(0o700);
    writeFileSync(join(dir, 'fairlead.db'), '');
    chmodSync(dir, 0o750);
    prepareFolder(dir);
    expect(mode(dir)).toBe(0o700);
  });

  it('is refused when it holds other files and others may read it', () => {
    const dir = join(temporaryFolder(onTestFinished), 'shared');
    mkdirSync(dir);
    chmodSync(dir, 0o755);
    writeFileSync(join(dir, 'notes.txt'), 'x');
    expect(() => prepareFolder(dir)).toThrowError(expect.objectContaining({ code: 'STORE_FOLDER_OPEN' }));
    expect(mode(dir)).toBe(0o755);
  });

  it('is refused when a file stands in its place', () => {
    const file = join(temporaryFolder(onTestFinished), 'file');
    writeFileSync(file, '');
    expect(() => prepareFolder(join(file, 'data'))).toThrowError(expect.objectContaining({ code: 'STORE_UNUSABLE' }));
  });

  it('may not hold something else under the name of the database', () => {
    const file = join(temporaryFolder(onTestFinished), 'fairlead.db');
    writeFileSync(file, 'this is not a database, and long enough to be seen as none by its header');
    expect(() => openDatabase(file, 'write', 100)).toThrowError(
      expect.objectContaining({ code: 'STORE_UNUSABLE', message: expect.stringContaining('not a database') }),
    );
  });
});

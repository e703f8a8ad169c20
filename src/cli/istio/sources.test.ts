import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readMeshSources, readText, SOURCE_LIMITS } from './sources.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-sources-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

async function* nothing(): AsyncIterable<string> {}

async function* chunks(...parts: readonly (string | Uint8Array)[]): AsyncIterable<string | Uint8Array> {
  yield* parts;
}

function write(name: string, content: string | Uint8Array = `# ${name}\n`): string {
  const file = join(folder, name);
  mkdirSync(join(file, '..'), { recursive: true });
  writeFileSync(file, content);
  return file;
}

async function names(paths: readonly string[] = [folder]): Promise<readonly string[]> {
  return (await readMeshSources(paths, nothing())).map(({ file }) => file.replace(`${folder}/`, ''));
}

function refusal(promise: Promise<unknown>): Promise<{ code: string; message: string }> {
  return promise.then(
    () => expect.fail('it was read'),
    (error) => error as { code: string; message: string },
  );
}

describe('reading a folder', () => {
  it('takes YAML and JSON below it in the order of names, and neither hidden entries nor other files', async () => {
    for (const name of ['b.yaml', 'a/z.yml', 'a/y.json', 'c.YAML', 'README.md', '.git/x.yaml', '.hidden.yaml', 'a/notes.txt'])
      write(name);
    expect(await names()).toEqual(['a/y.json', 'a/z.yml', 'b.yaml', 'c.YAML']);
  });

  it('reads once what is reached twice, and goes through links that lead in a circle', async () => {
    write('a/x.yaml');
    symlinkSync(folder, join(folder, 'a', 'circle'));
    symlinkSync(join(folder, 'a', 'x.yaml'), join(folder, 'again.yaml'));
    symlinkSync(join(folder, 'nowhere'), join(folder, 'broken'));
    expect(await names()).toEqual(['a/x.yaml']);
    expect(await names([join(folder, 'a', 'x.yaml'), folder])).toEqual(['a/x.yaml']);
  });

  it('refuses a policy file that is a link to nothing: what it should hold would be missing', async () => {
    symlinkSync(join(folder, 'nowhere.yaml'), join(folder, 'broken.yaml'));
    expect(await refusal(names())).toMatchObject({ code: 'MESH_UNREADABLE', message: expect.stringContaining('broken.yaml') });
  });

  it('does not wait for a pipe that lies in it', async () => {
    execFileSync('mkfifo', [join(folder, 'pipe.yaml')]);
    write('x.yaml');
    expect(await names()).toEqual(['x.yaml']);
  });

  it('is bounded in files, bytes and depth', async () => {
    write('a/b/x.yaml', 'x'.repeat(10));
    write('a/y.yaml', 'y'.repeat(10));
    const read = (limits: object) => readMeshSources([folder], nothing(), { ...SOURCE_LIMITS, ...limits });
    expect(await read({ files: 2, depth: 2, fileBytes: 10, allBytes: 20 })).toHaveLength(2);
    for (const limits of [{ files: 1 }, { depth: 1 }, { fileBytes: 9 }, { allBytes: 19 }])
      expect(await refusal(read(limits))).toMatchObject({ code: 'MESH_UNREADABLE' });
  });
});

describe('reading what is named', () => {
  it('says at which line a file grows too large', async () => {
    const file = write('dump.yaml', 'kind: A\n---\n'.repeat(5));
    const reading = readMeshSources([file], nothing(), { ...SOURCE_LIMITS, fileBytes: 30 });
    expect(await refusal(reading)).toMatchObject({ code: 'MESH_UNREADABLE', message: expect.stringContaining('dump.yaml:5`') });
  });

  it('takes standard input for `-`, and a file whatever its name is', async () => {
    const file = write('manifest', 'kind: A\n');
    const sources = await readMeshSources(['-', file], chunks('kind', Buffer.from(': B\n')));
    expect(sources).toEqual([
      { file: '-', text: 'kind: B\n' },
      { file, text: 'kind: A\n' },
    ]);
  });

  it('reads text with a byte order mark, UTF-16 too, and refuses what is no text', async () => {
    const marked = write('a', Buffer.from('\ufeffkind: Ä\n'));
    const wide = write('b', Buffer.from('\ufeffkind: Ä\n', 'utf16le'));
    const sources = await readMeshSources([marked, wide], nothing());
    expect(sources.map(({ text }) => text)).toEqual(['kind: Ä\n', 'kind: Ä\n']);
    const bad = write('c', Uint8Array.of(0x6b, 0xff, 0xfe, 0x80));
    expect(await refusal(readMeshSources([bad], nothing()))).toMatchObject({ message: expect.stringContaining('not UTF-8') });
  });

  it('says what is missing', async () => {
    const missing = join(folder, 'gone');
    expect(await refusal(readMeshSources([missing], nothing()))).toMatchObject({
      code: 'MESH_UNREADABLE',
      message: `\`${missing}\`: there is no such file or folder`,
    });
    expect(await refusal(readText(folder, nothing(), 10))).toMatchObject({ message: `\`${folder}\`: this is a folder` });
    expect(await readText('-', chunks('1234567890'), 10)).toBe('1234567890');
    expect(await refusal(readText('-', chunks('12345678901'), 10))).toMatchObject({ code: 'MESH_UNREADABLE' });
  });
});

import { createReadStream } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Problem } from '../../core/problem.ts';

/** A text to read mesh objects from, and the name that places in it are shown with. */
export interface MeshSource {
  /** As it was named, or found below a folder that was named: what a terminal opens. `-` is standard input. */
  readonly file: string;
  readonly text: string;
}

/** What is beyond is a mistake, such as naming the home folder, or an attack. */
export interface SourceLimits {
  readonly files: number;
  readonly depth: number;
  readonly fileBytes: number;
  readonly allBytes: number;
}

export const SOURCE_LIMITS: SourceLimits = {
  files: 20_000,
  depth: 32,
  fileBytes: 32 * 1024 * 1024,
  allBytes: 256 * 1024 * 1024,
};

/**
 * Reads what `-f` names, in the order of the names: a file as it is, a folder with all `*.yaml`, `*.yml` and `*.json` below it in the
 * order of their names, `-` as standard input. Hidden entries of folders are left out, and what is reached twice, by links too, is read
 * once. Problem: MESH_UNREADABLE, which names the path; nothing is left out because it cannot be read.
 */
export async function readMeshSources(
  paths: readonly string[],
  stdin: AsyncIterable<Uint8Array | string>,
  limits: SourceLimits = SOURCE_LIMITS,
): Promise<readonly MeshSource[]> {
  const reader = new Reader(limits);
  for (const path of paths) {
    if (path === '-') await reader.text('-', stdin);
    else await reader.path(path, 0, true);
  }
  return reader.sources;
}

/** One text of a few kilobytes, such as a request or claims, from a file or from standard input. Problem: MESH_UNREADABLE. */
export async function readText(path: string, stdin: AsyncIterable<Uint8Array | string>, maxBytes: number): Promise<string> {
  const [source] = await readMeshSources([path], stdin, { files: 1, depth: -1, fileBytes: maxBytes, allBytes: maxBytes });
  return source?.text ?? '';
}

class Reader {
  readonly sources: MeshSource[] = [];
  readonly #limits: SourceLimits;
  readonly #seen = new Set<string>();
  #bytes = 0;

  constructor(limits: SourceLimits) {
    this.#limits = limits;
  }

  async path(path: string, depth: number, isNamed: boolean): Promise<void> {
    try {
      const info = await stat(path);
      if (info.isDirectory()) await this.#folder(path, depth);
      // A pipe that was named, such as the `<(…)` of a shell, is read; in a folder nobody waits for one.
      else if (isNamed || info.isFile()) await this.#file(path, info.isFile());
    } catch (error) {
      throw unreadable(path, error);
    }
  }

  async #folder(path: string, depth: number): Promise<void> {
    if (depth > this.#limits.depth)
      throw refused(path, this.#limits.depth < 0 ? 'this is a folder' : 'the folders are nested too deeply');
    if (!(await this.#isNew(path))) return;
    const names = (await readdir(path)).filter((name) => !name.startsWith('.')).sort();
    for (const name of names) {
      const below = join(path, name);
      if (/\.(ya?ml|json)$/i.test(name)) await this.path(below, depth + 1, false);
      else if (await isFolder(below)) await this.path(below, depth + 1, false);
    }
  }

  async #file(path: string, isRegular: boolean): Promise<void> {
    if (isRegular && !(await this.#isNew(path))) return;
    await this.text(path, createReadStream(path));
  }

  async text(name: string, chunks: AsyncIterable<Uint8Array | string>): Promise<void> {
    const { files, fileBytes, allBytes } = this.#limits;
    if (this.sources.length >= files) throw refused(name, `there are more than ${files} files`);
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of chunks) {
      const part = typeof chunk === 'string' ? Buffer.from(chunk) : chunk;
      size += part.byteLength;
      parts.push(part);
      if (size > fileBytes)
        throw refused(`${name}:${linesWithin(parts, fileBytes)}`, `here it grows larger than ${fileBytes} bytes`);
    }
    this.#bytes += size;
    if (this.#bytes > allBytes) throw refused(name, `the files together are larger than ${allBytes} bytes`);
    this.sources.push({ file: name, text: decoded(name, Buffer.concat(parts)) });
  }

  async #isNew(path: string): Promise<boolean> {
    const real = await realpath(path);
    if (this.#seen.has(real)) return false;
    this.#seen.add(real);
    return true;
  }
}

/** The 1-based number of the line in which the byte at `end` stands. */
function linesWithin(parts: readonly Uint8Array[], end: number): number {
  return (
    Buffer.concat(parts)
      .subarray(0, end)
      .filter((byte) => byte === 0x0a).length + 1
  );
}

/** Whether it is one, also behind a link; what is gone meanwhile, or a link to nothing, is none. */
async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
}

/** UTF-8, or what PowerShell writes when its output goes to a file: UTF-16 with a byte order mark. */
function decoded(name: string, bytes: Uint8Array): string {
  const encoding =
    bytes[0] === 0xff && bytes[1] === 0xfe ? 'utf-16le' : bytes[0] === 0xfe && bytes[1] === 0xff ? 'utf-16be' : 'utf-8';
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (error) {
    throw refused(name, 'it is not UTF-8 text', error);
  }
}

function unreadable(path: string, error: unknown): Problem {
  if (error instanceof Problem) return error;
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined) throw error;
  return refused(path, code === 'ENOENT' ? 'there is no such file or folder' : `it cannot be read (${code})`, error);
}

function refused(path: string, why: string, cause?: unknown): Problem {
  return new Problem({
    code: 'MESH_UNREADABLE',
    kind: 'invalid',
    message: `\`${path}\`: ${why}`,
    ...(cause === undefined ? {} : { cause }),
  });
}

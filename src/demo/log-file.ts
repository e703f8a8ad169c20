import { closeSync, fstatSync, openSync, renameSync, writeSync } from 'node:fs';

/** A log of one child: `NAME.log`, and `NAME.log.1` with what was before. Together never more than twice `maxBytes`. */
export interface LogFile {
  readonly path: string;
  line(text: string): void;
  close(): void;
}

const DEFAULT_MAX_BYTES = 4 * 1024 * 1024;

/**
 * Opens `path` for appending, readable by its owner alone. When it has grown past `maxBytes` it becomes `path.1`.
 * Writing is synchronous: lines are few, and the last ones before a crash matter most. A full disk loses lines, not the demo.
 */
export function openLogFile(path: string, maxBytes: number = DEFAULT_MAX_BYTES): LogFile {
  let descriptor: number | undefined = openSync(path, 'a', 0o600);
  let size = fstatSync(descriptor).size;

  function rotate(): void {
    if (descriptor !== undefined) closeSync(descriptor);
    descriptor = undefined;
    renameSync(path, `${path}.1`);
    descriptor = openSync(path, 'a', 0o600);
    size = 0;
  }

  return {
    path,
    line(text) {
      const bytes = Buffer.from(`${text}\n`, 'utf8');
      try {
        if (size > 0 && size + bytes.length > maxBytes) rotate();
        if (descriptor !== undefined) size += writeSync(descriptor, bytes);
      } catch {
        // The log is a help for people, and there is nobody to tell but the log itself.
      }
    },
    close() {
      if (descriptor !== undefined) closeSync(descriptor);
      descriptor = undefined;
    },
  };
}

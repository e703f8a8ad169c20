import { randomBytes } from 'node:crypto';
import { extname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import type { AuditConfig } from './audit/config.ts';
import type { Parcel } from './audit/parcel.ts';
import type { AuditSearch } from './audit/port.ts';
import { AuditRecorder } from './audit/recorder.ts';
import { loadSealKey } from './audit/seal-key.ts';
import { SearchLink } from './audit/search-link.ts';
import type { Clock, Health, Log, Randomness, Store } from './core/ports.ts';
import { Problem } from './core/problem.ts';
import type { Recorder } from './core/record.ts';
import type { SearchThreadData } from './search-thread.ts';
import { openDatabase } from './store/database.ts';
import { DATABASE_FILE, prepareFolder } from './store/folder.ts';
import { KvStore } from './store/kv-store.ts';
import { lockFolder } from './store/lock.ts';
import { migrate } from './store/migrate.ts';
import { MIGRATIONS } from './store/migrations.ts';
import { WriterLink } from './store/writer-link.ts';
import type { WriterThreadData } from './writer-thread.ts';

export interface StorageOptions {
  /** Folder of the database and its keys; made with mode 0700 when absent. */
  readonly dir: string;
  readonly clock: Clock;
  readonly log: Log;
  readonly health: Health;
  /** How long and how much of the record is kept. */
  readonly retention: AuditConfig;
  /** The operating system's when absent. */
  readonly randomness?: Randomness;
}

/** Everything durable, behind one writer thread. */
export interface Storage {
  readonly recorder: Recorder & {
    /** Resolves when all that was handed in before is on disk, folded entries too. */
    flush(): Promise<void>;
    close(): Promise<void>;
  };
  readonly store: Store;
  readonly search: AuditSearch;
  /** Flushes, ends both threads, gives the folder free. */
  close(): Promise<void>;
}

/**
 * How long a start waits for the writer, which first closes what the process before left open. Long, because a machine that is busy
 * with other things may not give a new thread its turn for a while.
 */
const START_MS = 120_000;
/** Writers that end one after the other: the next would too. */
const MAX_FAILURES = 3;

/**
 * Opens the data folder: takes its lock, brings its schema forward, starts the writer. Throws a Problem STORE_LOCKED when another
 * gateway has it; STORE_UNUSABLE, STORE_NEWER, STORE_FOREIGN, STORE_FOLDER_OPEN or AUDIT_KEY_UNUSABLE when it cannot be used.
 */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const { dir, clock, log, health } = options;
  prepareFolder(dir);
  const unlock = lockFolder(dir);
  let link: WriterLink | undefined;
  try {
    const files = { databaseFile: join(dir, DATABASE_FILE), keyFile: join(dir, 'audit.key') };
    prepareDatabase(files.databaseFile, options);
    loadSealKey(files.keyFile);
    const { retain: maxAgeMs, maxBytes } = options.retention;
    const writer = new WriterLink({
      log,
      health,
      spawn: (isFirst) => thread('writer', { ...files, maxAgeMs, maxBytes, isFirst } satisfies WriterThreadData),
    });
    link = writer;
    await ready(writer);
    const reads = openDatabase(files.databaseFile, 'read', 250);
    const store = new KvStore({ database: reads, clock, writer });
    const recorder = new AuditRecorder({
      clock,
      log,
      health,
      randomness: options.randomness ?? { bytes: (count) => randomBytes(count) },
      writer: {
        get isReady() {
          return writer.isReady;
        },
        async write(items) {
          const done = await writer.submit('audit', items);
          return { refused: new Set(done.refused?.map((refusal) => refusal.index)) };
        },
        async writeParcel({ memory, length }, isRetry) {
          const done = await writer.submit('audit-parcel', [{ memory, length } satisfies Parcel], isRetry);
          return { refused: Number(done.values?.[0] ?? done.refused?.length ?? 0) };
        },
      },
    });
    const search = new SearchLink({
      flush: () => recorder.flush(),
      spawn: () => thread('search', files satisfies SearchThreadData),
    });
    let closing: Promise<void> | undefined;
    const close = async (): Promise<void> => {
      await recorder.close();
      await search.close();
      await writer.close();
      reads.close();
      unlock();
    };
    return {
      recorder,
      store,
      search,
      close() {
        closing ??= close();
        return closing;
      },
    };
  } catch (thrown) {
    await link?.close();
    unlock();
    throw thrown;
  }
}

function prepareDatabase(file: string, { clock, log }: StorageOptions): void {
  const database = openDatabase(file, 'write', 5_000);
  try {
    const versions = migrate(database, MIGRATIONS, clock);
    if (versions.length > 0) log.info('store.migrated', { versions });
  } finally {
    database.close();
  }
}

/** Runs from sources as TypeScript and from a bundle as JavaScript: the thread's file ends as this one does. */
function thread(name: 'writer' | 'search', data: WriterThreadData | SearchThreadData): Worker {
  const file = new URL(`./${name}-thread${extname(import.meta.url)}`, import.meta.url);
  // Options of the process are for the process (an inspector's port, a test runner's loader), not for its threads.
  const worker = new Worker(file, { workerData: data, execArgv: [], name: `fairlead ${name}` });
  // The search thread holds nothing that could be lost; a process that ends before the writer has finished would lose entries.
  if (name === 'search') worker.unref();
  return worker;
}

async function ready(link: WriterLink): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  let checking: NodeJS.Timeout | undefined;
  try {
    await new Promise<void>((resolve, reject) => {
      timer = setTimeout(() => reject(notReady()), START_MS);
      checking = setInterval(() => {
        if (link.failures >= MAX_FAILURES) reject(notReady());
      }, 100);
      link.onReady(resolve);
    });
  } finally {
    clearTimeout(timer);
    clearInterval(checking);
  }
}

function notReady(): Problem {
  return new Problem({
    code: 'STORE_UNUSABLE',
    kind: 'fault',
    message: 'the thread that writes the store did not start',
    hint: 'the log says why, if it could be told; check that the disk is not full and the machine not overloaded',
  });
}

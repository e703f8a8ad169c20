import { randomBytes } from 'node:crypto';
import { type MessagePort, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { itemText } from './audit/item.ts';
import type { Parcel } from './audit/parcel.ts';
import { type Deletion, Retention } from './audit/retention.ts';
import { createSealer } from './audit/seal.ts';
import { loadSealKey } from './audit/seal-key.ts';
import { AuditWriter } from './audit/writer.ts';
import { uuidv7 } from './core/id.ts';
import { CommitLoop } from './store/commit-loop.ts';
import { isPassing, openDatabase, sqliteReason } from './store/database.ts';
import { kvHandler, sweepExpired } from './store/kv-writer.ts';
import { Maintenance } from './store/maintenance.ts';
import type { Batch, FromWriter, ToWriter } from './store/message.ts';

/** What `storage.ts` starts this thread with. */
export interface WriterThreadData {
  readonly databaseFile: string;
  readonly keyFile: string;
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  /** The process has just started: decisions that the one before left open are closed as unknown. */
  readonly isFirst: boolean;
}

const clock = { now: () => Date.now() };

/** Entry of the writer thread, the only one that changes the database: the record and the small state. */
function main(data: WriterThreadData, port: MessagePort): void {
  const database = openDatabase(data.databaseFile, 'write', 5_000);
  const audit = new AuditWriter({ database, clock, sealer: createSealer(loadSealKey(data.keyFile)) });
  const retention = new Retention({ database, clock, limits: data });
  const reply = (message: FromWriter): void => port.postMessage(message);
  let isClosing = false;

  /** An own transaction beside the batches. */
  function transaction(work: () => void): void {
    database.exec('BEGIN IMMEDIATE');
    try {
      work();
      database.exec('COMMIT');
      audit.committed();
    } catch (thrown) {
      if (database.isTransaction) database.exec('ROLLBACK');
      audit.rolledBack();
      throw thrown;
    }
  }

  /** The next batch that waits in the port. */
  function next(): Batch | undefined {
    const message = receiveMessageOnPort(port)?.message as ToWriter | undefined;
    if (message?.kind === 'close') isClosing = true;
    return message?.kind === 'batch' ? message.batch : undefined;
  }

  const loop = new CommitLoop({
    database,
    handlers: {
      kv: kvHandler(database),
      audit: (item) => audit.write(String(item), false),
      // Made by `storage.ts` alone.
      'audit-parcel': (item, batch) => audit.writeParcel(item as Parcel, batch.isRetry === true),
    },
    next,
    reply,
    onCommit: () => audit.committed(),
    onRollback: () => audit.rolledBack(),
    // The reply must leave before the thread does; the gateway starts another one.
    onFatal: () => setImmediate(() => process.exit(1)),
  });

  const maintenance = new Maintenance({
    intervalMs: 30_000,
    tasks: [
      () => sweepExpired(database, clock.now()),
      () => {
        const { more, finished } = retention.step();
        if (finished !== undefined) transaction(() => audit.write(retentionItem(finished), false));
        return more;
      },
      () => {
        transaction(() => audit.noteOpen());
        return false;
      },
    ],
    onError: (thrown) => {
      reply({ kind: 'log', level: 'error', event: 'store.maintenance_failed', fields: { reason: sqliteReason(thrown) } });
      if (!isPassing(thrown)) process.exit(1);
    },
  });

  function close(): void {
    maintenance.stop();
    try {
      transaction(() => audit.noteOpen());
      database.exec('PRAGMA wal_checkpoint(TRUNCATE)');
    } catch (thrown) {
      reply({ kind: 'log', level: 'warn', event: 'store.close_incomplete', fields: { reason: sqliteReason(thrown) } });
    }
    database.close();
    reply({ kind: 'closed' });
    port.close();
  }

  if (data.isFirst) {
    let closed = 0;
    transaction(() => {
      closed = audit.closeOpen();
    });
    if (closed > 0) reply({ kind: 'log', level: 'warn', event: 'audit.outcomes_unknown', fields: { decisions: closed } });
  }
  port.on('message', (message: ToWriter) => {
    if (message.kind === 'batch') loop.run(message.batch);
    else isClosing = true;
    if (isClosing) close();
  });
  maintenance.start();
  reply({ kind: 'ready' });
}

function retentionItem(finished: Deletion): string {
  const id = uuidv7(clock, { bytes: (count) => randomBytes(count) });
  return itemText({
    kind: 'event',
    record: { id, timeMs: clock.now(), type: 'audit.retention', caller: 'gateway', detail: { ...finished } },
  });
}

if (parentPort !== null) main(workerData as WriterThreadData, parentPort);

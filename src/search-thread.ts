import { performance } from 'node:perf_hooks';
import { parentPort, workerData } from 'node:worker_threads';
import { createOpener } from './audit/seal.ts';
import { loadSealKey } from './audit/seal-key.ts';
import { RecordReader } from './audit/search.ts';
import type { SearchReply, SearchRequest } from './audit/search-message.ts';
import { asProblem } from './core/problem.ts';
import { openDatabase } from './store/database.ts';

/** What `storage.ts` starts this thread with. */
export interface SearchThreadData {
  readonly databaseFile: string;
  readonly keyFile: string;
}

/** Entry of the search thread: reads the record on a connection of its own, one request at a time. */
function main(data: SearchThreadData, port: NonNullable<typeof parentPort>): void {
  const reader = new RecordReader({
    database: openDatabase(data.databaseFile, 'read', 1_000),
    opener: createOpener(loadSealKey(data.keyFile)),
    elapsed: () => performance.now(),
  });

  function answer(request: SearchRequest): SearchReply {
    const { id } = request;
    try {
      return request.kind === 'search'
        ? { id, kind: 'page', page: reader.search(request.query) }
        : { id, kind: 'entry', entry: reader.get(request.decisionId, request.reveal) };
    } catch (thrown) {
      const { code, kind, message } = asProblem(thrown, 'AUDIT_SEARCH_FAILED');
      return { id, kind: 'problem', problem: { code, kind, message } };
    }
  }

  port.on('message', (request: SearchRequest) => port.postMessage(answer(request)));
}

if (parentPort !== null) main(workerData as SearchThreadData, parentPort);

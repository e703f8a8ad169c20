import { Problem } from '../core/problem.ts';
import type { AuditEntry, AuditPage, AuditQuery, AuditSearch } from './port.ts';
import type { SearchReply, SearchRequest } from './search-message.ts';

/** What the link needs of a `Worker`. */
export interface SearchThread {
  postMessage(request: SearchRequest): void;
  on(event: 'message', listener: (reply: SearchReply) => void): unknown;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  on(event: 'exit', listener: (code: number) => void): unknown;
  terminate(): Promise<unknown>;
}

export interface SearchLinkOptions {
  spawn(): SearchThread;
  /** Puts what is still in memory on disk, so that it is found. */
  flush(): Promise<void>;
  /** How long a search waits for `flush`, in milliseconds: a blocked writer never blocks reads. 1,000 when absent. */
  readonly flushMs?: number;
  /** 10,000 when absent. */
  readonly timeoutMs?: number;
  /** The thread ends when nothing was asked for so long; 60,000 when absent. */
  readonly idleMs?: number;
}

interface Waiting {
  resolve(reply: SearchReply): void;
  reject(problem: Problem): void;
}

const MAX_WAITING = 100;

/** The gateway's end of the search thread, which is started when it is first needed. */
export class SearchLink implements AuditSearch {
  readonly #options: SearchLinkOptions;
  readonly #waiting = new Map<number, Waiting>();
  #thread: SearchThread | undefined;
  #nextId = 1;
  #idle: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: SearchLinkOptions) {
    this.#options = options;
  }

  async search(query: AuditQuery): Promise<AuditPage> {
    // Older pages hold nothing that is still in memory.
    if (query.cursor === undefined) await this.#flush();
    const reply = await this.#ask({ id: this.#nextId++, kind: 'search', query });
    return reply.kind === 'page' ? reply.page : { entries: [] };
  }

  async get(decisionId: string, options?: { readonly reveal?: boolean }): Promise<AuditEntry | undefined> {
    await this.#flush();
    const reply = await this.#ask({ id: this.#nextId++, kind: 'get', decisionId, reveal: options?.reveal === true });
    return reply.kind === 'entry' ? reply.entry : undefined;
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#end();
  }

  async #flush(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, this.#options.flushMs ?? 1_000);
    });
    // What cannot be written now is not found now; the search itself goes on.
    await Promise.race([this.#options.flush().catch(() => undefined), timeout]);
    clearTimeout(timer);
  }

  async #ask(request: SearchRequest): Promise<SearchReply> {
    if (this.#isClosed || this.#waiting.size >= MAX_WAITING) throw unavailable('AUDIT_SEARCH_BUSY', undefined);
    clearTimeout(this.#idle);
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<SearchReply>((resolve, reject) => {
        timer = setTimeout(() => reject(unavailable('AUDIT_SEARCH_TIMEOUT', undefined)), this.#options.timeoutMs ?? 10_000);
        this.#waiting.set(request.id, { resolve, reject });
        this.#running().postMessage(request);
      });
    } finally {
      clearTimeout(timer);
      this.#waiting.delete(request.id);
      if (this.#waiting.size === 0) this.#endWhenIdle();
    }
  }

  #running(): SearchThread {
    if (this.#thread !== undefined) return this.#thread;
    const thread = this.#options.spawn();
    this.#thread = thread;
    thread.on('message', (reply) => this.#receive(reply));
    thread.on('error', (error) => this.#died(thread, error));
    thread.on('exit', () => this.#died(thread, undefined));
    return thread;
  }

  #receive(reply: SearchReply): void {
    const waiting = this.#waiting.get(reply.id);
    if (reply.kind === 'problem') waiting?.reject(new Problem(reply.problem));
    else waiting?.resolve(reply);
  }

  #died(thread: SearchThread, cause: unknown): void {
    if (thread !== this.#thread) return;
    this.#thread = undefined;
    for (const waiting of this.#waiting.values()) waiting.reject(unavailable('AUDIT_SEARCH_FAILED', cause));
  }

  #endWhenIdle(): void {
    this.#idle = setTimeout(() => void this.#end(), this.#options.idleMs ?? 60_000);
    this.#idle.unref();
  }

  async #end(): Promise<void> {
    clearTimeout(this.#idle);
    const thread = this.#thread;
    if (thread === undefined) return;
    this.#died(thread, undefined);
    await thread.terminate();
  }
}

function unavailable(code: string, cause: unknown): Problem {
  return new Problem({ code, kind: 'fault', message: 'the record cannot be searched now', hint: 'try again shortly', cause });
}

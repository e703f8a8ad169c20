import { LRUCache } from 'lru-cache';
import { Problem } from '../../core/problem.ts';
import type { JsonObject, JsonValue } from '../../wire/call.ts';
import type { UpstreamReader } from '../target.ts';
import { isList, isObject } from './bodies.ts';
import type { FlowRunFacts } from './facts.ts';
import { type FactsOf, type Kind, LEARNED, LOOKUPS, type Lookup } from './lookups.ts';

/**
 * How old an answer may be. `now`: read at decision time (writes, acts, secrets). `recent`: half a minute (reads, polls).
 * `ever`: for what never changes while an id lives, such as the name of a flow or the run of a task run; also that of an object
 * which is gone, for as long as it is remembered.
 */
export type Freshness = 'now' | 'recent' | 'ever';

/** Names and labels of the server's objects by id. Undefined: the server says that there is no such object. */
export interface Names {
  /** Rejects with a Problem LOOKUP_UNAVAILABLE when the server does not say. */
  get<K extends Kind>(kind: K, key: string, freshness: Freshness): Promise<FactsOf<K> | undefined>;
  /** Several at once, in as few calls as the server allows; what does not exist is left out. */
  many<K extends 'flow' | 'deployment' | 'flowRun'>(
    kind: K,
    ids: readonly string[],
    freshness: Freshness,
  ): Promise<readonly FactsOf<K>[]>;
  /** Takes what an answer of the server says; what is not of a known shape is left out. Never throws. */
  learn(operationId: string, body: JsonValue | undefined): void;
}

export interface NamesParts {
  readonly upstream: UpstreamReader;
  now(): number;
  /** Told of every run that is learned of. */
  readonly onRun?: (run: FlowRunFacts) => void;
}

interface Entry {
  readonly facts: object;
  readonly readAtMs: number;
}

const MAX_ENTRIES = 20_000;
const RECENT_MS = 30_000;
/** Kinds that are too large or too seldom asked for to be kept. */
const NOT_KEPT: ReadonlySet<Kind> = new Set<Kind>(['automation', 'latestArtifact', 'flowRunState', 'taskRunState']);

/**
 * A bounded cache that learns only from the server's own answers. INVARIANT: nothing that a client says gets into it; a failed
 * look-up is a fault, never an absence.
 */
export function createNames({ upstream, now, onRun }: NamesParts): Names {
  const cache = new LRUCache<string, Entry>({ max: MAX_ENTRIES });
  const running = new Map<string, Promise<object | undefined>>();

  function keep(kind: Kind, key: string, facts: object, readAtMs: number): void {
    if (!NOT_KEPT.has(kind)) cache.set(`${kind} ${key}`, { facts, readAtMs });
    if (kind === 'flowRun') onRun?.(facts as FlowRunFacts); // the kind says the type
  }

  function kept(kind: Kind, key: string, freshness: Freshness): object | undefined {
    if (freshness === 'now') return undefined;
    const entry = cache.get(`${kind} ${key}`);
    return entry === undefined || (freshness === 'recent' && now() - entry.readAtMs > RECENT_MS) ? undefined : entry.facts;
  }

  async function fetch(kind: Kind, key: string): Promise<object | undefined> {
    const lookup: Lookup<object> = LOOKUPS[kind];
    const { method, path, body } = lookup.request(key);
    const readAtMs = now();
    const answer = await upstream.json(method, path, body);
    if (answer.status === 404) {
      // Its name is still told by `ever`: what belonged to it may live on.
      const former = cache.peek(`${kind} ${key}`);
      if (former !== undefined) cache.set(`${kind} ${key}`, { facts: former.facts, readAtMs: Number.NEGATIVE_INFINITY });
      return undefined;
    }
    if (answer.status !== 200) throw unavailable();
    const found = lookup.isList === true ? onlyOne(answer.body) : answer.body;
    if (found === undefined) return undefined;
    const facts = isObject(found) ? lookup.read(found) : undefined;
    if (facts === undefined) throw unavailable();
    keep(kind, key, facts, readAtMs);
    return facts;
  }

  /** Callers that may take an answer of half a minute ago may share one that is under way. */
  function shared(kind: Kind, key: string): Promise<object | undefined> {
    const name = `${kind} ${key}`;
    const existing = running.get(name);
    if (existing !== undefined) return existing;
    const started = fetch(kind, key).finally(() => running.delete(name));
    running.set(name, started);
    return started;
  }

  return {
    async get<K extends Kind>(kind: K, key: string, freshness: Freshness) {
      const facts = kept(kind, key, freshness) ?? (await (freshness === 'now' ? fetch(kind, key) : shared(kind, key)));
      return facts as FactsOf<K> | undefined; // each kind's entries come from its own reader
    },

    async many<K extends 'flow' | 'deployment' | 'flowRun'>(kind: K, ids: readonly string[], freshness: Freshness) {
      const found: object[] = [];
      const missing: string[] = [];
      for (const id of new Set(ids)) {
        const facts = kept(kind, id, freshness);
        if (facts === undefined) missing.push(id);
        else found.push(facts);
      }
      for (let start = 0; start < missing.length; start += PAGE) {
        const page = missing.slice(start, start + PAGE);
        const readAtMs = now();
        const { path, filter } = COLLECTIONS[kind];
        const body = { [filter]: { id: { any_: page } }, limit: page.length };
        const answer = await upstream.json('POST', path, body);
        if (answer.status !== 200 || !isList(answer.body)) throw unavailable();
        for (const item of answer.body) {
          const lookup: Lookup<object & { readonly id: string }> = LOOKUPS[kind];
          const facts = isObject(item) ? lookup.read(item) : undefined;
          if (facts === undefined) throw unavailable();
          keep(kind, facts.id, facts, readAtMs);
          found.push(facts);
        }
      }
      return found as FactsOf<K>[]; // as above
    },

    learn(operationId, body) {
      const kind = LEARNED.get(operationId);
      if (kind === undefined) return;
      const read: (item: JsonObject) => object | undefined = LOOKUPS[kind].read;
      for (const item of itemsOf(body)) {
        const facts = read(item);
        if (facts !== undefined && 'id' in facts && typeof facts.id === 'string') keep(kind, facts.id, facts, now());
      }
    },
  };
}

/** The server answers at most this many objects at once. */
const PAGE = 100;

const COLLECTIONS = {
  flow: { path: '/api/flows/filter', filter: 'flows' },
  deployment: { path: '/api/deployments/filter', filter: 'deployments' },
  flowRun: { path: '/api/flow_runs/filter', filter: 'flow_runs' },
} as const;

function onlyOne(body: JsonValue | undefined): JsonValue | undefined {
  if (!isList(body)) throw unavailable();
  return body[0];
}

/** An object, a list of objects, or a page of them. */
function itemsOf(body: JsonValue | undefined): readonly JsonObject[] {
  const list = isObject(body) && isList(body['results']) ? body['results'] : body;
  if (isList(list)) return list.filter(isObject);
  return isObject(list) ? [list] : [];
}

function unavailable(): Problem {
  return new Problem({
    code: 'LOOKUP_UNAVAILABLE',
    kind: 'fault',
    message: 'the Prefect server did not say what the call is about',
  });
}

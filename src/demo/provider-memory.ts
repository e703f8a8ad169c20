import type { Adapter, AdapterPayload } from 'oidc-provider';

/** More than a demo ever needs; the oldest entry goes when one more comes. */
const MAX_ENTRIES = 5_000;

interface Entry {
  readonly payload: AdapterPayload;
  readonly expiresAtMs: number;
}

/**
 * What the provider remembers: its own sessions, codes and tokens, in memory, bounded. They end with the demo; Fairlead's sessions do not,
 * for they stand in Fairlead's own store.
 */
export function createProviderMemory(now: () => number): (model: string) => Adapter {
  const entries = new Map<string, Entry>();

  function read(key: string): AdapterPayload | undefined {
    const entry = entries.get(key);
    if (entry === undefined) return undefined;
    if (entry.expiresAtMs > now()) return entry.payload;
    entries.delete(key);
    return undefined;
  }

  function readBy(model: string, name: 'uid' | 'userCode', value: string): AdapterPayload | undefined {
    for (const key of entries.keys()) {
      const payload = key.startsWith(`${model}:`) ? read(key) : undefined;
      if (payload?.[name] === value) return payload;
    }
    return undefined;
  }

  return (model) => ({
    async upsert(id, payload, expiresIn) {
      const key = `${model}:${id}`;
      entries.delete(key);
      const [oldest] = entries.keys();
      if (entries.size >= MAX_ENTRIES && oldest !== undefined) entries.delete(oldest);
      const expiresAtMs = expiresIn !== undefined && expiresIn > 0 ? now() + expiresIn * 1000 : Number.POSITIVE_INFINITY;
      entries.set(key, { payload, expiresAtMs });
    },
    find: async (id) => read(`${model}:${id}`),
    findByUid: async (uid) => readBy(model, 'uid', uid),
    findByUserCode: async (userCode) => readBy(model, 'userCode', userCode),
    async consume(id) {
      const key = `${model}:${id}`;
      const entry = entries.get(key);
      if (entry !== undefined) entries.set(key, { ...entry, payload: { ...entry.payload, consumed: Math.floor(now() / 1000) } });
    },
    async destroy(id) {
      entries.delete(`${model}:${id}`);
    },
    async revokeByGrantId(grantId) {
      for (const [key, entry] of entries) {
        if (key.startsWith(`${model}:`) && entry.payload.grantId === grantId) entries.delete(key);
      }
    },
  });
}

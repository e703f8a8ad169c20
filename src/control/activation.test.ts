import { describe, expect, it, vi } from 'vitest';
import { POLICY, TOOLS } from '../../test/support/control-gateway.ts';
import type { ObligationKind } from '../core/decision.ts';
import type { Store } from '../core/ports.ts';
import { memoryStore, testClock, testHealth, testLog } from '../identity/fixture.ts';
import type { PolicyFile } from '../policy/port.ts';
import { type ActivationParts, openActivation } from './activation.ts';

const OTHER: PolicyFile = { ...POLICY, text: POLICY.text.replace('web/reports/**', 'web/other/**') };
const THIRD: PolicyFile = { ...POLICY, text: POLICY.text.replace('web/reports/**', 'web/third/**') };
const BROKEN: PolicyFile = { path: 'policies/web.yaml', text: 'kind: [\n' };
const HELD: PolicyFile = {
  ...POLICY,
  text: `${POLICY.text.trimEnd()}\n    - { name: hold, who: [anyone], must: [http.get], on: ["web/**"], require: { approval: { from: ["group:platform"] } } }\n`,
};

function world(store?: Store) {
  const clock = testClock();
  const parts: ActivationParts & { health: ReturnType<typeof testHealth>; log: ReturnType<typeof testLog> } = {
    tools: TOOLS,
    enforced: new Set<ObligationKind>(),
    store: store ?? memoryStore(clock),
    clock,
    log: testLog(),
    health: testHealth(),
    metrics: { count() {}, gauge() {}, observe() {} },
  };
  return parts;
}

const revisionOf = (file: PolicyFile) => TOOLS.load([file]).policy?.revision;

describe('activation', () => {
  it('starts with the configured folders', async () => {
    const parts = world();
    const activation = await openActivation(parts, [POLICY]);
    expect(activation.current().revision).toBe(revisionOf(POLICY));
    expect(parts.health.states.get('policy')).toBe('ok');
  });

  it('keeps what was applied across a restart while the folders are as they were', async () => {
    const parts = world();
    await (await openActivation(parts, [POLICY])).apply([OTHER], 'user:grace@acme.example');
    const again = world(parts.store);
    expect((await openActivation(again, [POLICY])).current().revision).toBe(revisionOf(OTHER));
    expect(again.health.states.get('policy')).toBe('ok');
    expect((await openActivation(world(parts.store), [POLICY])).current().revision).toBe(revisionOf(OTHER));
  });

  it('takes the folders again once they have changed', async () => {
    const parts = world();
    await (await openActivation(parts, [POLICY])).apply([OTHER], 'user:grace@acme.example');
    expect((await openActivation(world(parts.store), [THIRD])).current().revision).toBe(revisionOf(THIRD));
    expect((await openActivation(world(parts.store), [THIRD])).current().revision).toBe(revisionOf(THIRD));
  });

  it('goes on with the last good revision when the folders do not load, and says so', async () => {
    const parts = world();
    await openActivation(parts, [POLICY]);
    const again = world(parts.store);
    const activation = await openActivation(again, [BROKEN]);
    expect(activation.current().revision).toBe(revisionOf(POLICY));
    expect(again.health.states.get('policy')).toBe('degraded');
    expect(again.log.lines.some(({ event }) => event === 'policy_not_loaded')).toBe(true);
  });

  it('goes on with the last good revision when the folders cannot be read, and allows nothing where there is none', async () => {
    const parts = world();
    await openActivation(parts, [POLICY]);
    const again = world(parts.store);
    expect((await openActivation(again, undefined)).current().revision).toBe(revisionOf(POLICY));
    expect(again.health.states.get('policy')).toBe('degraded');
    const first = world();
    expect((await openActivation(first, undefined)).current().files).toEqual([]);
    expect(first.health.states.get('policy')).toBe('failed');
  });

  it('allows nothing when nothing loads, loudly', async () => {
    const parts = world();
    const activation = await openActivation(parts, [BROKEN]);
    expect(activation.current().rules.filter(({ ref }) => ref.file === POLICY.path)).toEqual([]);
    expect(parts.health.states.get('policy')).toBe('failed');
  });

  it('does not take a kept revision that cannot be read for a policy', async () => {
    const parts = world();
    await parts.store.put('policy', 'active', { revision: 1, files: 'x' });
    const activation = await openActivation(parts, [BROKEN]);
    expect(activation.current().revision).toBe(TOOLS.load([]).policy?.revision);
    expect(parts.log.lines.some(({ event }) => event === 'policy_kept_unreadable')).toBe(true);
  });

  it('refuses by name what nothing enforces, and keeps what is active', async () => {
    const activation = await openActivation(world(), [POLICY]);
    const answer = await activation.apply([HELD], 'user:grace@acme.example');
    expect(answer).toMatchObject({ isActivatable: false, conflict: false });
    expect(answer.diagnostics.map(({ message }) => message).join()).toContain('approval');
    expect(activation.current().revision).toBe(revisionOf(POLICY));
  });

  it('tells its listeners of each change, and all of them though one fails', async () => {
    const parts = world();
    const activation = await openActivation(parts, [POLICY]);
    const heard = vi.fn();
    activation.onChange(() => {
      throw new Error('broken listener');
    });
    const stop = activation.onChange(heard);
    await activation.apply([OTHER], 'a');
    expect(heard).toHaveBeenCalledTimes(1);
    expect(heard.mock.calls[0]?.[0]).toBe(activation.current());
    stop();
    await activation.apply([POLICY], 'a');
    expect(heard).toHaveBeenCalledTimes(1);
    await activation.apply([BROKEN], 'a');
    expect(activation.current().revision).toBe(revisionOf(POLICY));
  });

  it('lets one of two writers win who both saw the same revision', async () => {
    const activation = await openActivation(world(), [POLICY]);
    const seen = activation.current().revision;
    const answers = await Promise.all([activation.apply([OTHER], 'a', seen), activation.apply([THIRD], 'b', seen)]);
    expect(answers.map(({ conflict }) => conflict)).toEqual([false, true]);
    expect(activation.current().revision).toBe(revisionOf(OTHER));
  });

  it('stays with the old policy when the new one cannot be kept, and takes the next', async () => {
    const parts = world();
    const { store } = parts;
    let isFull = false;
    const put: Store['put'] = (...given) => (isFull ? Promise.reject(new Error('disk full')) : store.put(...given));
    const activation = await openActivation({ ...parts, store: { ...store, put } }, [POLICY]);
    isFull = true;
    await expect(activation.apply([OTHER], 'a')).rejects.toThrow('disk full');
    expect(activation.current().revision).toBe(revisionOf(POLICY));
    isFull = false;
    await activation.apply([OTHER], 'a');
    expect(activation.current().revision).toBe(revisionOf(OTHER));
  });
});

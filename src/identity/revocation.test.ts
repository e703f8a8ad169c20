import { describe, expect, it } from 'vitest';
import type { Caller, Subject } from '../core/caller.ts';
import { memoryStore, PEER, testClock, testLog } from './fixture.ts';
import type { Credential } from './port.ts';
import { openRevocations } from './revocation.ts';

const ID = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);
const KEEP_MS = 100_000_000;

function caller(subject: Subject, actors: readonly Subject[] = []): Caller {
  return { subject, actors, peer: PEER, source: 'okta', membership: { groups: [], complete: true }, claims: {} };
}
const ADA: Subject = { kind: 'user', name: 'ada@acme.example' };
const SCORER: Subject = { kind: 'workload', cluster: 'prod', home: true, namespace: 'fraud', serviceAccount: 'scorer' };
const COPILOT: Subject = { kind: 'agent', name: 'copilot' };

async function open() {
  const clock = testClock();
  const store = memoryStore(clock);
  const log = testLog();
  const start = () => openRevocations({ store, clock, log, keepMs: KEEP_MS });
  const revocations = await start();
  const credential = (more: Partial<Credential> = {}): Credential => ({
    kind: 'session',
    id: ID,
    issuedAtMs: clock.now(),
    viaCookie: true,
    ...more,
  });
  return { clock, store, log, revocations, start, credential };
}

describe('REV-1: a revocation', () => {
  it('of a person refuses everything issued up to now, and nothing issued later', async () => {
    const { clock, revocations, credential } = await open();
    const before = credential();
    expect(revocations.isRevoked(caller(ADA), before)).toBe(false);
    await revocations.revoke({ subject: 'user:ada@acme.example', by: 'user:root' });
    expect(revocations.isRevoked(caller(ADA), before)).toBe(true);
    expect(revocations.isRevoked(caller({ kind: 'user', name: 'bob@acme.example' }), before)).toBe(false);
    clock.nowMs += 1;
    expect(revocations.isRevoked(caller(ADA), credential())).toBe(false);
  });

  it('holds for tokens of a provider whose clock is ahead of ours, as far as clocks may differ', async () => {
    const { clock, revocations, credential } = await open();
    await revocations.revoke({ subject: 'user:ada@acme.example', by: 'user:root' });
    const bearer = (aheadMs: number) => credential({ kind: 'bearer', issuedAtMs: clock.now() + aheadMs });
    expect(revocations.isRevoked(caller(ADA), bearer(30_000))).toBe(true);
    expect(revocations.isRevoked(caller(ADA), bearer(30_001))).toBe(false);
  });

  it('reaches whoever acts for the subject, and whomever it acts for', async () => {
    const { revocations, credential } = await open();
    await revocations.revoke({ subject: 'workload:fraud/scorer', by: 'user:root' });
    expect(revocations.isRevoked(caller(SCORER), credential())).toBe(true);
    expect(revocations.isRevoked(caller(ADA, [SCORER]), credential())).toBe(true);
    expect(revocations.isRevoked(caller(SCORER, [COPILOT]), credential())).toBe(true);
    expect(revocations.isRevoked(caller(ADA, [COPILOT]), credential())).toBe(false);
  });

  it('of a sign-in or token refuses it and all that came from it', async () => {
    const { revocations, credential } = await open();
    await revocations.revoke({ session: ID, by: 'user:root' });
    expect(revocations.isRevoked(caller(ADA), credential())).toBe(true);
    expect(revocations.isRevoked(caller(ADA), credential({ id: OTHER, ancestors: [ID] }))).toBe(true);
    expect(revocations.isRevoked(caller(ADA), credential({ id: OTHER }))).toBe(false);
    await revocations.revoke({ token: OTHER, by: 'user:root' });
    expect(revocations.isRevoked(caller(ADA), credential({ kind: 'program_token', id: OTHER }))).toBe(true);
  });

  it('tells listeners before it is on disk, each whatever the others do', async () => {
    const { revocations, store, credential, log } = await open();
    const told: boolean[] = [];
    let onDisk = () => {};
    store.put = () =>
      new Promise((resolve) => {
        onDisk = resolve;
      });
    revocations.onRevoked(() => {
      throw new Error('a broken listener');
    });
    const stop = revocations.onRevoked((isRevoked) => told.push(isRevoked(caller(ADA), credential())));
    const done = revocations.revoke({ subject: 'user:ada@acme.example', by: 'user:root' });
    expect(told).toEqual([true]);
    expect(revocations.isRevoked(caller(ADA), credential())).toBe(true);
    expect(log.lines.map(({ event }) => event)).toEqual(['identity.revocation_listener_failed']);
    onDisk();
    await done;
    stop();
    void revocations.revoke({ subject: 'agent:copilot', by: 'user:root' });
    expect(told).toEqual([true]);
  });

  it('tells listeners of what was revoked just now only, so that nobody else loses a stream', async () => {
    const { revocations, credential } = await open();
    const tests: ((who: Caller, by: Credential) => boolean)[] = [];
    revocations.onRevoked((isRevoked) => tests.push(isRevoked));
    await revocations.revoke({ session: ID, by: 'user:root' });
    expect(tests[0]?.(caller(ADA), credential())).toBe(true);
    expect(tests[0]?.(caller(ADA), credential({ id: OTHER }))).toBe(false);
  });
});

describe('REV-3: after a restart', () => {
  it('what was revoked stays revoked', async () => {
    const { start, revocations, credential, clock } = await open();
    await revocations.revoke({ subject: 'user:ada@acme.example', by: 'user:root' });
    await revocations.revoke({ token: ID, by: 'user:root' });
    await revocations.revoke({ subject: 'agent:copilot', by: 'user:root', block: true });
    const again = await start();
    expect(again.isRevoked(caller(ADA), credential({ id: OTHER }))).toBe(true);
    expect(again.isRevoked(caller(SCORER), credential())).toBe(true);
    expect(await again.list()).toEqual(await revocations.list());
    clock.nowMs += KEEP_MS;
    const late = await start();
    expect((await late.list()).map(({ value }) => value)).toEqual(['agent:copilot']);
    expect(late.isRevoked(caller(COPILOT), credential())).toBe(true);
  });
});

describe('a block', () => {
  it('refuses later credentials too, until it is lifted; earlier ones stay refused', async () => {
    const { clock, revocations, credential, start } = await open();
    const early = credential();
    await revocations.revoke({ subject: 'user:ada@acme.example', by: 'user:root', block: true });
    clock.nowMs += 86_400_000;
    expect(revocations.isRevoked(caller(ADA), credential())).toBe(true);
    await revocations.lift('user:ada@acme.example');
    for (const one of [revocations, await start()]) {
      expect(one.isRevoked(caller(ADA), credential())).toBe(false);
      expect(one.isRevoked(caller(ADA), early)).toBe(true);
    }
  });

  it('is not weakened by a later revocation without it', async () => {
    const { clock, revocations, credential } = await open();
    await revocations.revoke({ subject: 'user:ada@acme.example', by: 'user:root', block: true });
    await revocations.revoke({ subject: 'user:ada@acme.example', by: 'user:root' });
    clock.nowMs += 1;
    expect(revocations.isRevoked(caller(ADA), credential())).toBe(true);
  });
});

describe('what can be revoked', () => {
  it('is written as policies write it, in any case of an address', async () => {
    const { revocations, credential } = await open();
    await revocations.revoke({ subject: 'user:Ada@ACME.example', by: 'user:root' });
    expect(revocations.isRevoked(caller(ADA), credential())).toBe(true);
  });

  it.each([
    {},
    { subject: 'ada@acme.example' },
    { subject: 'user:' },
    { subject: 'user:*' },
    { subject: 'anonymous' },
    { subject: 'user:a b' },
    { session: 'a-pasted-cookie' },
    { token: `pnu_${'x'.repeat(43)}` },
    { subject: 'user:ada', token: ID },
  ])('is not %j, which would revoke nothing', async (input) => {
    const { revocations, store } = await open();
    await expect(revocations.revoke({ ...input, by: 'user:root' })).rejects.toMatchObject({
      code: 'REVOCATION_INVALID',
      kind: 'invalid',
    });
    expect(store.text()).toBe('[]');
  });
});

import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  decision,
  decisionRecord,
  handClock,
  healthBoard,
  quietLog,
  randomness,
  refusalRecord,
  requestDecision,
} from '../../test/support/records.ts';
import type { OperationClass } from '../core/access.ts';
import type { DecisionRecord } from '../core/record.ts';
import { safeText } from './canonical.ts';
import { entryText } from './draft.ts';
import { readItem } from './item.ts';
import { textsOf } from './parcel.ts';
import type { Fold } from './port.ts';
import { AuditRecorder, type RecorderLimits } from './recorder.ts';

type Behaviour = 'write' | 'fail' | 'hang' | 'refuse';

interface Written {
  readonly kind: string;
  readonly isOpen: boolean;
  /** The entry, and what is sealed of it. */
  readonly record: { readonly id: string; readonly peer?: string; readonly ended?: object };
  readonly fold?: Fold;
}

function writtenItem(text: string): Written {
  const row = readItem(text);
  const { fold: stored, ...entry } = JSON.parse(entryText(row));
  const { last, mixed, ...fold } = stored ?? {};
  return {
    kind: entry.type.replace('.v1', ''),
    isOpen: row.isOpen,
    record: { ...entry, ...JSON.parse(row.secret ?? '{}') },
    ...(stored === undefined
      ? {}
      : { fold: { ...fold, lastTimeMs: Date.parse(last), ...(mixed === undefined ? {} : { isMixed: mixed }) } }),
  };
}

function setUp(limits: Partial<RecorderLimits> = {}) {
  const clock = handClock();
  const health = healthBoard();
  const written: Written[] = [];
  const batches: { size: number; isRetry: boolean }[] = [];
  const hanging: (() => void)[] = [];
  let behaviour: Behaviour = 'write';
  let isReady = true;
  async function write(items: readonly string[], isRetry: boolean): Promise<{ readonly refused: ReadonlySet<number> }> {
    batches.push({ size: items.length, isRetry });
    if (behaviour === 'hang') await new Promise<void>((resolve) => hanging.push(resolve));
    if (behaviour === 'fail') throw new Error('the disk is full');
    if (behaviour === 'refuse') return { refused: new Set(items.keys()) };
    written.push(...items.map(writtenItem));
    return { refused: new Set<number>() };
  }
  const recorder = new AuditRecorder({
    clock,
    health,
    randomness,
    log: quietLog,
    limits,
    writer: {
      get isReady() {
        return isReady;
      },
      write: (items) => write(items, false),
      async writeParcel(parcel, isRetry) {
        return { refused: (await write(textsOf(parcel), isRetry)).refused.size };
      },
    },
  });
  onTestFinished(async () => {
    behaviour = 'write';
    for (const release of hanging) release();
    await recorder.close();
  });
  return {
    recorder,
    clock,
    health,
    written,
    batches,
    kinds: () => written.map((item) => item.kind),
    folds: () => written.flatMap((item) => ('fold' in item && item.fold !== undefined ? [item.fold] : [])),
    become(next: Behaviour) {
      behaviour = next;
      for (const release of hanging.splice(0)) release();
    },
    setReady(next: boolean) {
      isReady = next;
    },
    /** The recorder's own timer, without the wait. */
    async pass(ms: number) {
      clock.move(ms);
      recorder.tick();
      await setImmediate();
      await setImmediate();
    },
  };
}

const of = (operation: OperationClass, verdict: 'allow' | 'hold' | 'deny' = 'allow', change = {}) =>
  decisionRecord({ class: operation, decision: decision({ verdict, code: verdict.toUpperCase() }), ...change });

describe('the recorder', () => {
  it.each(['write', 'act', 'secret', 'invoke'] as const)(
    'writes a decision of class %s before it resolves, whatever the verdict',
    async (operation) => {
      const { recorder, written } = setUp();
      for (const verdict of ['allow', 'hold', 'deny'] as const) {
        await recorder.decision(of(operation, verdict));
        expect(written.at(-1)).toMatchObject({ kind: 'decision', isOpen: true, record: { decision: { verdict } } });
      }
    },
  );

  it('resolves a read at once and writes it within a second', async () => {
    const { recorder, written, pass, become } = setUp();
    become('hang');
    await recorder.decision(of('read'));
    expect(written).toEqual([]);
    become('write');
    await pass(250);
    await pass(250);
    expect(written).toMatchObject([{ kind: 'decision', isOpen: false }]);
    expect(written[0]?.record).not.toHaveProperty('ended');
  });

  it('makes one entry of a read and its outcome, however far apart its writing lets them be', async () => {
    const { recorder, written, pass } = setUp();
    const [quick, slow, slower] = [of('read'), of('read'), of('read')];
    const end = (record: DecisionRecord) =>
      recorder.outcome({ id: record.id, timeMs: 1_700_000_000_007, durationMs: 7, outcome: { kind: 'answered', status: 200 } });
    for (const record of [quick, slow, slower]) await recorder.decision(record);
    end(quick);
    await pass(250);
    end(slow);
    const ended = { durationMs: 7, outcome: { kind: 'answered', status: 200 }, time: '2023-11-14T22:13:20.007Z' };
    expect(written).toMatchObject([{ record: { id: quick.id, ended } }]);
    await pass(250);
    end(slower);
    end(slower);
    await pass(250);
    expect(written.slice(1)).toMatchObject([
      { kind: 'decision', record: { id: slow.id, ended } },
      { kind: 'decision', record: { id: slower.id } },
      { kind: 'outcome', record: { id: slower.id } },
      { kind: 'outcome', record: { id: slower.id } },
    ]);
    expect(written[2]?.record).not.toHaveProperty('ended');
  });

  it('keeps back no more reads than it may, and none when all is to be on disk', async () => {
    const { recorder, written, pass } = setUp({ readsUnderWay: 2 });
    const records = [of('read'), of('read'), of('read')];
    for (const record of records) await recorder.decision(record);
    await pass(250);
    expect(written.map((item) => item.record.id)).toEqual([records[2]?.id]);
    await recorder.flush();
    expect(written).toHaveLength(3);
  });

  it('hands over as one batch what comes in one turn of the event loop', async () => {
    const { recorder, batches } = setUp();
    await Promise.all(Array.from({ length: 50 }, () => recorder.decision(of('act'))));
    expect(batches).toEqual([{ size: 50, isRetry: false }]);
  });

  it('says AUDIT_UNAVAILABLE, our own fault, when a durable decision cannot be written, and lets reads go on', async () => {
    const { recorder, health, become, pass } = setUp();
    become('fail');
    await expect(recorder.decision(of('act'))).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE', kind: 'fault', status: 503 });
    await recorder.decision(of('read'));
    await pass(250);
    expect(health.states.get('audit')).toBe('degraded');
    become('write');
    await recorder.decision(of('act'));
    await pass(250);
    await pass(250);
    expect(health.states.get('audit')).toBe('ok');
  });

  it('refuses a durable decision whose item the writer cannot write', async () => {
    const { recorder, become } = setUp();
    become('refuse');
    await expect(recorder.decision(of('act'))).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
  });

  it('fails what waits longer than the deadline, and all that follows at once until the writer answers', async () => {
    const { recorder, become, pass, health } = setUp({ durableDeadlineMs: 1_000 });
    become('hang');
    const slow = recorder.decision(of('act'));
    slow.catch(() => undefined);
    await setImmediate();
    await pass(1_001);
    await expect(slow).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    await expect(recorder.decision(of('act'))).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    expect(health.states.get('audit')).toBe('degraded');
    become('write');
    await setImmediate();
    await recorder.decision(of('act'));
  });

  it('tries again what a failed writer did not take, in order, and says that it is a second try', async () => {
    const { recorder, become, pass, written, batches } = setUp();
    become('fail');
    const records = [of('read'), of('read')];
    for (const record of records) await recorder.decision(record);
    await pass(250);
    await pass(250);
    expect(written).toEqual([]);
    become('write');
    await pass(250);
    expect(written.map((item) => item.record.id)).toEqual(records.map((record) => record.id));
    expect(batches.at(-1)).toEqual({ size: 2, isRetry: true });
  });

  it('counts what a full lane loses and writes it down as a gap', async () => {
    const { recorder, become, pass, written } = setUp({ memoryItems: 3 });
    become('fail');
    for (let index = 0; index < 5; index++) await recorder.decision(of('read'));
    recorder.outcome({ id: 'x', timeMs: 1, durationMs: 1, outcome: { kind: 'answered', status: 200 } });
    await pass(250);
    become('write');
    await pass(250);
    await pass(250);
    const gaps = written.filter((item) => item.kind === 'gap');
    expect(gaps).toMatchObject([{ record: { lost: { read: 2 } } }]);
    expect(written.filter((item) => item.kind !== 'gap')).toHaveLength(4);
  });

  it('records how many calls it refused while it could not write', async () => {
    const { recorder, become, pass, written } = setUp();
    become('fail');
    for (let index = 0; index < 3; index++) await recorder.decision(of('act')).catch(() => undefined);
    become('write');
    await pass(250);
    expect(written).toMatchObject([{ kind: 'gap', record: { lost: { refused_call: 3 } } }]);
  });

  it('refuses more durable decisions than it may hold', async () => {
    const { recorder, become } = setUp({ durableItems: 2 });
    become('hang');
    const held = [recorder.decision(of('act')), recorder.decision(of('act'))];
    await expect(recorder.decision(of('act'))).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    become('write');
    await Promise.all(held);
  });

  it('keeps an integer of the policy language', async () => {
    const { recorder, written } = setUp();
    await recorder.decision(decisionRecord({ attributes: { 'request.count': 2n ** 60n } }));
    expect(written).toMatchObject([{ record: { attributes: { 'request.count': '1152921504606846976' } } }]);
  });

  it('waits for events as for durable decisions', async () => {
    const { recorder, written, become } = setUp();
    await recorder.event({ id: 'e', timeMs: 1, type: 'policy.applied', caller: 'user:ada', detail: { revision: 'sha256:aa' } });
    expect(written).toMatchObject([{ kind: 'event' }]);
    become('fail');
    await expect(recorder.event({ id: 'f', timeMs: 1, type: 'x', caller: 'y', detail: {} })).rejects.toMatchObject({
      code: 'AUDIT_UNAVAILABLE',
    });
  });

  it('refuses durable decisions once it is closed, after writing what it had', async () => {
    const { recorder, kinds } = setUp();
    await recorder.decision(of('read'));
    recorder.outcome({ id: 'x', timeMs: 1, durationMs: 1, outcome: { kind: 'delegated' } });
    recorder.refusal(refusalRecord());
    await recorder.close();
    expect(kinds().sort()).toEqual(['decision', 'outcome', 'refusal']);
    await expect(recorder.decision(of('act'))).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
  });
});

describe('folding', () => {
  it('makes one entry of the same poll within ten seconds, with a count and the outcomes', async () => {
    const { recorder, written, folds, pass } = setUp();
    for (let index = 0; index < 5; index++) {
      const record = of('poll', 'allow', { timeMs: 1_000 + index });
      await recorder.decision(record);
      recorder.outcome({
        id: record.id,
        timeMs: 1,
        durationMs: 1,
        outcome: { kind: 'answered', status: index === 0 ? 503 : 200 },
      });
      await pass(1_000);
    }
    expect(written).toEqual([]);
    await pass(5_000);
    await pass(250);
    expect(written).toHaveLength(1);
    expect(folds()).toMatchObject([{ count: 5, lastTimeMs: 1_004, outcomes: { 200: 4, 503: 1 } }]);
    expect(folds()[0]?.ids).toHaveLength(4);
  });

  it('keeps apart polls of another caller, action, verdict or revision', async () => {
    const { recorder, written } = setUp();
    const other = [
      of('poll'),
      of('poll', 'allow', { caller: 'user:bob@acme.com' }),
      of('poll', 'deny'),
      of('poll', 'allow', { decision: decision({ policyRevision: 'sha256:bb', code: 'ALLOW' }) }),
      of('poll', 'allow', {
        decision: decision({ requests: [requestDecision({ action: 'prefect.flow-run.read' })], code: 'ALLOW' }),
      }),
    ];
    for (const record of [...other, ...other]) await recorder.decision(record);
    await recorder.flush();
    expect(written).toHaveLength(5);
    for (const item of written) expect(item).toMatchObject({ fold: { count: 2 } });
  });

  it('keeps apart polls of another resource, so that each decision id leads to what its own call was about', async () => {
    const { recorder, written } = setUp();
    const about = (resource: string) =>
      of('poll', 'allow', { decision: decision({ requests: [requestDecision({ resource })], code: 'ALLOW' }) });
    const calls = ['etl', 'ml', `long-${'x'.repeat(2_000)}`, `long-${'x'.repeat(1_999)}y`, 'ml', 'etl'].map(about);
    for (const record of calls) await recorder.decision(record);
    await recorder.flush();
    expect(written).toHaveLength(4);
    for (const call of calls) {
      const found = written.filter(
        (item) => item.kind === 'decision' && (item.record.id === call.id || item.fold?.ids.includes(call.id)),
      );
      const requests = call.decision.requests.map(({ resource }) => ({ resource: safeText(resource, 1_024) }));
      expect(found).toMatchObject([{ record: { decision: { requests } } }]);
    }
  });

  it('folds what one caller polls beyond its share into one entry that says so, and leaves others their place', async () => {
    const { recorder, written, folds } = setUp({ openFolds: 10, openFoldsOfCaller: 3 });
    const poll = (resource: string, caller: string) => {
      const of = decision({ requests: [requestDecision({ resource })], code: 'ALLOW' });
      return decisionRecord({ class: 'poll', caller, decision: of });
    };
    for (let index = 0; index < 50; index++) await recorder.decision(poll(`pool-${index}`, 'user:eve@acme.com'));
    for (let index = 0; index < 2; index++) await recorder.decision(poll('pool-0', 'user:ada@acme.com'));
    await recorder.flush();
    expect(written).toHaveLength(5);
    expect(folds()).toMatchObject([{ count: 47, isMixed: true }, { count: 2 }]);
    expect(folds()[1]).not.toHaveProperty('isMixed');
  });

  it('writes the first hold before it resolves, and folds its retries', async () => {
    const { recorder, written, folds } = setUp();
    await recorder.decision(of('act', 'hold'));
    expect(written).toMatchObject([{ kind: 'decision', isOpen: true }]);
    await recorder.decision(of('act', 'hold'));
    await recorder.decision(of('act', 'hold'));
    const otherRun = decision({
      verdict: 'hold',
      code: 'HOLD',
      requests: [requestDecision({ resource: 'prefect/deployments/etl/other' })],
    });
    await recorder.decision(decisionRecord({ decision: otherRun }));
    expect(written).toHaveLength(2);
    await recorder.flush();
    expect(written).toHaveLength(3);
    expect(folds()).toMatchObject([{ count: 2 }]);
  });

  it('folds refusals by source, code and minute', async () => {
    const { recorder, written, pass } = setUp();
    for (let index = 0; index < 100; index++)
      recorder.refusal(refusalRecord({ peer: index % 2 === 0 ? '203.0.113.7' : '203.0.113.8' }));
    recorder.refusal(refusalRecord({ code: 'TOKEN_EXPIRED' }));
    await pass(59_000);
    expect(written).toEqual([]);
    await pass(1_000);
    expect(written).toHaveLength(3);
    expect(written.map((item) => ('fold' in item ? item.fold?.count : 1)).sort()).toEqual([1, 50, 50]);
  });

  it('counts an IPv6 network as one source', async () => {
    const { recorder, written } = setUp();
    for (let index = 0; index < 50; index++) recorder.refusal(refusalRecord({ peer: `2001:db8:1:2::${index.toString(16)}` }));
    recorder.refusal(refusalRecord({ peer: '2001:db8:1:3::1' }));
    await recorder.flush();
    expect(written.map((item) => item.kind === 'refusal' && item.record.peer)).toEqual([
      '2001:db8:1:2::/64',
      '2001:db8:1:3::/64',
    ]);
  });

  it('never lets refusals displace or block a durable decision, however many sources they come from', async () => {
    const { recorder, written, batches, become, pass } = setUp({ openRefusals: 50, refusalItems: 200 });
    become('hang');
    for (let index = 0; index < 20_000; index++)
      recorder.refusal(refusalRecord({ peer: `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}` }));
    for (let index = 0; index < 1_000; index++) {
      await recorder.decision(of('act', 'deny', { caller: 'anonymous', peer: `10.0.${index >> 8}.${index & 255}` }));
    }
    await pass(60_000);
    // One batch of refusals is on its way at most, whatever waits behind it.
    expect(batches).toHaveLength(1);
    become('write');
    await recorder.decision(of('act'));
    await recorder.flush();
    // Sources beyond the bound are counted together; none goes uncounted.
    const count = (kind: string) =>
      written
        .filter((item) => item.kind === kind && !(item.kind === 'decision' && item.isOpen))
        .map((item) => ('fold' in item ? (item.fold?.count ?? 1) : 1));
    expect(count('refusal')).toHaveLength(51);
    expect(count('refusal').reduce((sum, next) => sum + next)).toBe(20_000);
    expect(count('decision')).toHaveLength(51);
    expect(count('decision').reduce((sum, next) => sum + next)).toBe(1_000);
    expect(written.filter((item) => item.kind === 'decision' && item.isOpen)).toHaveLength(1);
  });

  it('folds a denied anonymous call, but not one that observe mode forwards', async () => {
    const { recorder, written } = setUp();
    await recorder.decision(of('act', 'deny', { caller: 'anonymous' }));
    expect(written).toEqual([]);
    const observed = decisionRecord({ caller: 'anonymous', decision: decision({ verdict: 'deny', mode: 'observe' }) });
    await recorder.decision(observed);
    expect(written).toMatchObject([{ isOpen: true, record: { id: observed.id } }]);
  });

  it('writes no outcome of its own for a refused anonymous call', async () => {
    const { recorder, kinds } = setUp();
    const record = of('act', 'deny', { caller: 'anonymous' });
    await recorder.decision(record);
    recorder.outcome({ id: record.id, timeMs: 1, durationMs: 1, outcome: { kind: 'not_forwarded', status: 403 } });
    await recorder.flush();
    expect(kinds()).toEqual(['decision']);
  });
});

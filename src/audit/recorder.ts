import { DURABLE_CLASSES } from '../core/access.ts';
import type { Clock, Health, Log, Randomness } from '../core/ports.ts';
import { Problem } from '../core/problem.ts';
import type { DecisionRecord, EventRecord, OutcomeRecord, Recorder, RefusalRecord } from '../core/record.ts';
import { DurableLane } from './durable-lane.ts';
import { FoldTable } from './fold.ts';
import { anonymousKey, kindKey, pollKey, refusalKey, sourceOf } from './fold-key.ts';
import { itemText } from './item.ts';
import { Lane } from './lane.ts';
import { Losses } from './losses.ts';
import type { Parcel } from './parcel.ts';
import { ReadsUnderWay } from './under-way.ts';

/** The way to the disk. Items are texts of `itemText`; all are on disk when it resolves, but for those refused. */
export interface EntryWriter {
  readonly isReady: boolean;
  write(items: readonly string[]): Promise<{ readonly refused: ReadonlySet<number> }>;
  writeParcel(parcel: Parcel, isRetry: boolean): Promise<{ readonly refused: number }>;
}

export interface RecorderOptions {
  readonly writer: EntryWriter;
  readonly clock: Clock;
  readonly randomness: Randomness;
  readonly log: Log;
  readonly health: Health;
  readonly limits?: Partial<RecorderLimits>;
}

export interface RecorderLimits {
  readonly durableItems: number;
  readonly durableDeadlineMs: number;
  readonly readsUnderWay: number;
  readonly memoryItems: number;
  readonly memoryBytes: number;
  readonly refusalItems: number;
  readonly openFolds: number;
  /** Open folds of one caller and verdict; what it polls beyond them is one entry that says so. */
  readonly openFoldsOfCaller: number;
  readonly openRefusals: number;
}

const LIMITS: RecorderLimits = {
  durableItems: 10_000,
  durableDeadlineMs: 3_000,
  readsUnderWay: 5_000,
  memoryItems: 20_000,
  memoryBytes: 16 * 1024 * 1024,
  refusalItems: 12_000,
  openFolds: 5_000,
  openFoldsOfCaller: 250,
  openRefusals: 5_000,
};

/** A read is handed over with the second tick after it at the latest, and so is on disk within a second. */
const TICK_MS = 250;
const PARCEL_BYTES = 128 * 1024;
const FOLD_WINDOW_MS = 10_000;
const REFUSAL_WINDOW_MS = 60_000;
const COMPONENT = 'audit';
/** How long a close waits for a writer that does not answer. */
const CLOSE_MS = 5_000;

/**
 * The gateway's side of the record. Each kind has a bounded lane of its own, so that none displaces another: durable entries,
 * reads, outcomes, and refusals of callers who cannot be named. What a full lane loses is counted and recorded as a gap.
 */
export class AuditRecorder implements Recorder {
  readonly #options: RecorderOptions;
  readonly #durable: DurableLane;
  readonly #underWay: ReadsUnderWay;
  readonly #reads: Lane;
  readonly #outcomes: Lane;
  readonly #refusals: Lane;
  readonly #folds: FoldTable<DecisionRecord>;
  readonly #anonymous: FoldTable<DecisionRecord>;
  readonly #refused: FoldTable<RefusalRecord>;
  readonly #losses: Losses;
  readonly #timer: NodeJS.Timeout;
  #isFailing = false;
  #isClosed = false;
  #lastHealth: string | undefined;

  constructor(options: RecorderOptions) {
    const { writer, clock } = options;
    const limits = { ...LIMITS, ...options.limits };
    this.#options = options;
    this.#losses = new Losses({
      ...options,
      write: async (text) => {
        await writer.write([text]);
        this.#isFailing = false;
      },
    });
    this.#durable = new DurableLane({
      clock,
      maxItems: limits.durableItems,
      deadlineMs: limits.durableDeadlineMs,
      write: async (items) => (await writer.write(items)).refused,
    });
    const lane = (kind: string, maxItems: number, maxInFlight: number) =>
      new Lane({
        maxItems,
        maxBytes: limits.memoryBytes,
        parcelBytes: PARCEL_BYTES,
        maxInFlight,
        write: (parcel, isRetry) => writer.writeParcel(parcel, isRetry),
        onLost: (count) => this.#losses.add(kind, count),
        onWritten: () => {
          this.#isFailing = false;
        },
      });
    this.#reads = lane('read', limits.memoryItems, 2);
    this.#outcomes = lane('outcome', limits.memoryItems, 2);
    this.#refusals = lane('refusal', limits.refusalItems, 1);
    this.#underWay = new ReadsUnderWay({
      maxItems: limits.readsUnderWay,
      onReady: (record, end) => this.#push(this.#reads, 'read', { kind: 'decision', record, isOpen: false, ...(end && { end }) }),
    });
    this.#folds = new FoldTable({
      windowMs: FOLD_WINDOW_MS,
      maxOpen: limits.openFolds,
      maxOfGroup: limits.openFoldsOfCaller,
      onClose: (record, fold) =>
        this.#push(this.#reads, 'read', { kind: 'decision', record, isOpen: false, ...(fold && { fold }) }),
    });
    const refusalTable = { windowMs: REFUSAL_WINDOW_MS, maxOpen: limits.openRefusals };
    this.#anonymous = new FoldTable({
      ...refusalTable,
      onClose: (record, fold) =>
        this.#push(this.#refusals, 'refusal', { kind: 'decision', record, isOpen: false, ...(fold && { fold }) }),
    });
    this.#refused = new FoldTable({
      ...refusalTable,
      onClose: (record, fold) => this.#push(this.#refusals, 'refusal', { kind: 'refusal', record, ...(fold && { fold }) }),
    });
    this.#timer = setInterval(() => this.tick(), TICK_MS);
    this.#timer.unref();
  }

  async decision(record: DecisionRecord): Promise<void> {
    const nowMs = this.#options.clock.now();
    const { verdict, mode } = record.decision;
    // A refused anonymous call leaves nothing behind but its trace; in observe mode it is forwarded, and so recorded like any other.
    if (record.caller === 'anonymous' && verdict !== 'allow' && mode === 'enforce') {
      this.#foldAnonymous(record, nowMs);
      return;
    }
    if (record.class === 'poll' && this.#foldPoll(record, nowMs)) return;
    if (!DURABLE_CLASSES.has(record.class)) {
      this.#underWay.add(record);
      return;
    }
    const retryKey = verdict === 'hold' && mode === 'enforce' ? pollKey(record) : undefined;
    if (retryKey !== undefined && this.#folds.has(retryKey) && this.#folds.add({ key: retryKey }, record, nowMs)) return;
    await this.#append(() => itemText({ kind: 'decision', record, isOpen: true }));
    if (retryKey !== undefined) this.#folds.begin(retryKey, nowMs);
  }

  refusal(record: RefusalRecord): void {
    const source = { ...record, peer: sourceOf(record.peer) };
    const nowMs = this.#options.clock.now();
    if (this.#refused.add({ key: refusalKey(source), isMixed: true }, source, nowMs)) return;
    const rest = { ...record, peer: '*' };
    this.#refused.add({ key: refusalKey(rest), isMixed: true, isForced: true }, rest, nowMs);
  }

  async event(record: EventRecord): Promise<void> {
    await this.#append(() => itemText({ kind: 'event', record }));
  }

  outcome(record: OutcomeRecord): void {
    if (this.#underWay.end(record)) return;
    if (this.#folds.outcome(record.id, record.outcome)) return;
    if (this.#anonymous.outcome(record.id, record.outcome) || this.#refused.outcome(record.id, record.outcome)) return;
    this.#push(this.#outcomes, 'outcome', { kind: 'outcome', record });
  }

  /** Resolves when all that was handed in before is on disk, folded entries too. Rejects with AUDIT_UNAVAILABLE. */
  async flush(): Promise<void> {
    this.#underWay.close();
    this.#closeFolds();
    const results = await Promise.all([
      this.#durable.drain().then(() => true),
      this.#reads.drain(),
      this.#outcomes.drain(),
      this.#refusals.drain(),
      this.#losses.note(),
    ]);
    if (results.includes(false)) throw unavailable(undefined);
  }

  /** Refuses what is new, then writes what is there as far as the writer lets it. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    clearInterval(this.#timer);
    await within(CLOSE_MS, this.flush()).catch((thrown: unknown) => {
      const lost = this.#reads.size + this.#outcomes.size + this.#refusals.size;
      this.#options.log.error('audit.closed_with_losses', { lost, reason: thrown instanceof Error ? thrown.message : 'unknown' });
    });
  }

  /** Moves everything that waits for time on; the recorder's own timer calls it. */
  tick(): void {
    const nowMs = this.#options.clock.now();
    this.#underWay.turn();
    this.#folds.close(nowMs);
    this.#anonymous.close(nowMs);
    this.#refused.close(nowMs);
    this.#durable.tick();
    if (this.#options.writer.isReady) {
      for (const lane of [this.#reads, this.#outcomes, this.#refusals]) lane.tick();
      // Its failure is tried again at the next tick.
      void this.#losses.note();
    }
    this.#tellHealth();
  }

  async #append(text: () => string): Promise<void> {
    try {
      if (this.#isClosed) throw new Error('the record is closed');
      await this.#durable.append(text());
      this.#isFailing = false;
    } catch (thrown) {
      this.#isFailing = true;
      this.#losses.add('refused_call', 1);
      throw unavailable(thrown);
    }
  }

  #push(lane: Lane, kind: string, item: Parameters<typeof itemText>[0]): void {
    try {
      lane.push(itemText(item));
    } catch {
      this.#losses.add(kind, 1);
    }
  }

  #foldAnonymous(record: DecisionRecord, nowMs: number): void {
    const source = { ...record, peer: sourceOf(record.peer) };
    if (this.#anonymous.add({ key: anonymousKey(source), isMixed: true }, source, nowMs)) return;
    const rest = { ...record, peer: '*' };
    this.#anonymous.add({ key: anonymousKey(rest), isMixed: true, isForced: true }, rest, nowMs);
  }

  /** One caller that polls ever new things neither fills the table nor the record: its rest is one entry. */
  #foldPoll(record: DecisionRecord, nowMs: number): boolean {
    const group = kindKey(record);
    if (this.#folds.add({ key: pollKey(record), group }, record, nowMs)) return true;
    return this.#folds.add({ key: `rest ${group}`, isMixed: true }, record, nowMs);
  }

  #closeFolds(): void {
    this.#folds.close();
    this.#anonymous.close();
    this.#refused.close();
  }

  #tellHealth(): void {
    const message = this.#trouble();
    if (message === this.#lastHealth) return;
    this.#lastHealth = message;
    this.#options.health.set(COMPONENT, message === '' ? 'ok' : 'degraded', message === '' ? undefined : message);
  }

  #trouble(): string {
    if (!this.#options.writer.isReady) return 'the writer is not running: calls that must be recorded are refused';
    if (this.#durable.isStalled) return 'the writer does not answer: calls that must be recorded are refused';
    if (this.#isFailing) return 'the record cannot be written: calls that must be recorded are refused';
    return this.#losses.isPending ? 'entries were lost; the record will hold a gap' : '';
  }
}

/** The promise, or a rejection after `ms`. */
function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the writer does not answer')), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function unavailable(cause: unknown): Problem {
  return new Problem({
    code: 'AUDIT_UNAVAILABLE',
    kind: 'fault',
    message: 'the record cannot be written now, so this call was not made',
    hint: 'try again shortly; `/readyz` on the admin port says why',
    cause,
  });
}

import { destination } from 'pino';
import type { Log, Metrics } from '../core/ports.ts';
import type { DecisionRecord, EventRecord, OutcomeRecord, Recorder, RefusalRecord } from '../core/record.ts';
import { redactText } from './redact.ts';

/** Decisions as JSON lines for other programs. Best effort: the record of `audit/` is what counts. */
export interface DecisionStream {
  decision(record: DecisionRecord): void;
  refusal(record: RefusalRecord): void;
  event(record: EventRecord): void;
  outcome(record: OutcomeRecord): void;
  /** Opens the file anew after rotation (SIGHUP); nothing for stdout. */
  reopen(): void;
  /** Writes what is left. */
  close(): Promise<void>;
}

export interface DecisionStreamOptions {
  readonly to: { readonly kind: 'stdout' } | { readonly kind: 'none' } | { readonly kind: 'file'; readonly path: string };
  readonly log: Log;
  readonly metrics: Metrics;
}

/** Lines held for a slow reader before the newest are dropped and counted, in bytes. */
const MAX_BUFFER = 16 * 1024 * 1024;
const MAX_REQUESTS = 20;

/** The stream for `observe.decisions`; files are created for their owner alone, since lines name people. */
export function createDecisionStream(options: DecisionStreamOptions): DecisionStream {
  const { to, log, metrics } = options;
  if (to.kind === 'none') return silent();
  const dest = to.kind === 'stdout' ? 1 : to.path;
  const stream = destination({ dest, sync: false, append: true, mkdir: true, mode: 0o600, maxLength: MAX_BUFFER });
  let hasFailed = false;
  let isBroken = false;
  stream.on('error', (error: NodeJS.ErrnoException) => {
    // A pipe whose reader left: pino mutes the stream for good, so that nothing is left to wait for.
    isBroken = error.code === 'EPIPE';
    metrics.count('fairlead_decision_lines_lost_total', { reason: 'error' });
    if (!hasFailed) log.error('decisions.write_failed', { to: to.kind, error });
    hasFailed = true;
  });
  stream.on('drop', () => metrics.count('fairlead_decision_lines_lost_total', { reason: 'slow_reader' }));
  stream.on('drain', () => {
    hasFailed = false;
  });
  const write = (line: Readonly<Record<string, unknown>>): void => {
    try {
      stream.write(`${JSON.stringify(line)}\n`);
    } catch {
      // The file never opened. INVARIANT: a stream that cannot be written never stops a decision.
      metrics.count('fairlead_decision_lines_lost_total', { reason: 'error' });
    }
  };
  return {
    decision: (record) => write(decisionLine(record)),
    refusal: (record) => write(refusalLine(record)),
    event: (record) =>
      write({
        type: 'event',
        time: time(record.timeMs),
        id: record.id,
        event: record.type,
        caller: record.caller,
        detail: record.detail,
      }),
    outcome: (record) =>
      write({
        type: 'outcome',
        time: time(record.timeMs),
        id: record.id,
        outcome: record.outcome,
        durationMs: record.durationMs,
      }),
    reopen() {
      if (to.kind === 'file') stream.reopen();
    },
    close: () =>
      new Promise((resolve) => {
        if (isBroken) return resolve();
        stream.once('close', resolve);
        stream.once('error', () => resolve());
        stream.end();
      }),
  };
}

/** A recorder that also feeds the stream. INVARIANT: a line is written only for what the record has accepted. */
export function streamed(recorder: Recorder, stream: DecisionStream): Recorder {
  return {
    async decision(record) {
      await recorder.decision(record);
      stream.decision(record);
    },
    refusal(record) {
      recorder.refusal(record);
      stream.refusal(record);
    },
    async event(record) {
      await recorder.event(record);
      stream.event(record);
    },
    outcome(record) {
      recorder.outcome(record);
      stream.outcome(record);
    },
  };
}

/** The attributes that the decision read stay in the record: they may be anything that a body held. */
function decisionLine(record: DecisionRecord): Readonly<Record<string, unknown>> {
  const { decision, traceparent } = record;
  return {
    type: 'decision',
    time: time(record.timeMs),
    id: record.id,
    verdict: decision.verdict,
    mode: decision.mode,
    code: decision.code,
    target: record.target,
    door: record.door,
    caller: record.caller,
    source: record.source,
    peer: record.peer,
    ...(record.spiffe === undefined ? {} : { spiffe: record.spiffe }),
    method: record.method,
    path: redactText(record.path),
    operation: record.operation,
    class: record.class,
    requests: decision.requests.slice(0, MAX_REQUESTS).map((request) => ({
      action: request.action,
      resource: redactText(request.resource),
      verdict: request.verdict,
      tier: request.tier,
      code: request.code,
      rules: request.rules.map(({ name }) => name),
      ...(request.wouldDeny.length === 0 ? {} : { wouldDeny: request.wouldDeny.map(({ name }) => name) }),
    })),
    ...(decision.requests.length > MAX_REQUESTS ? { requestsLeftOut: decision.requests.length - MAX_REQUESTS } : {}),
    policyRevision: decision.policyRevision,
    ...(traceparent === undefined ? {} : { traceparent, ...traceIds(traceparent) }),
  };
}

function refusalLine(record: RefusalRecord): Readonly<Record<string, unknown>> {
  const { timeMs, path, ...rest } = record;
  return { type: 'refusal', time: time(timeMs), ...rest, ...(path === undefined ? {} : { path: redactText(path) }) };
}

/** W3C Trace Context §3.2: `00-TRACE-SPAN-FLAGS`, under the names that log tools join on. */
function traceIds(traceparent: string): Readonly<Record<string, string>> {
  const match = /^[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-/.exec(traceparent);
  const [, trace, span] = match ?? [];
  return trace === undefined || span === undefined ? {} : { trace_id: trace, span_id: span };
}

function time(timeMs: number): string {
  return new Date(timeMs).toISOString();
}

function silent(): DecisionStream {
  const nothing = (): void => undefined;
  return { decision: nothing, refusal: nothing, event: nothing, outcome: nothing, reopen: nothing, close: async () => undefined };
}

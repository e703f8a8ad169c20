import { hexText } from '../core/hex.ts';
import type { Randomness } from '../core/ports.ts';
import type { HeaderList } from './headers.ts';

/** W3C Trace Context level 1 of one call, as it goes on from here. */
export interface TraceContext {
  /** 32 lower-case hex digits, not all zero. */
  readonly traceId: string;
  /** The sender's span; absent when the trace starts here. */
  readonly parentId: string | undefined;
  /** This hop's span. */
  readonly spanId: string;
  readonly sampled: boolean;
  /** Vendor members as they came; empty when there are none, or too many or too long. */
  readonly tracestate: string;
  readonly baggage: string;
}

export interface TraceOptions {
  readonly randomness: Randomness;
  /**
   * The gateway's own choice, made for every call that no trusted hop decided. It gets no trace id: the client chooses that, and
   * must not choose with it whether it is recorded.
   */
  sample(): boolean;
  /** Whether the sender's sampling flag counts: only for hops named in the configuration. */
  readonly trusted: boolean;
}

/** The trace that a call belongs to; a new one when the caller names none, or none that can be read. Never throws. */
export function traceOf(headers: HeaderList, options: TraceOptions): TraceContext {
  const parent = onlyTraceparent(headers);
  const spanId = hexId(options.randomness, 8);
  const baggage = baggageOf(headers);
  if (parent === undefined) {
    return {
      traceId: hexId(options.randomness, 16),
      parentId: undefined,
      spanId,
      sampled: options.sample(),
      tracestate: '',
      baggage,
    };
  }
  const sampled = options.trusted ? parent.sampled : options.sample();
  return { traceId: parent.traceId, parentId: parent.parentId, spanId, sampled, tracestate: tracestateOf(headers), baggage };
}

/** The fields that carry the trace upstream, after `stripForUpstream` took out the client's. */
export function traceHeaders(trace: TraceContext): Readonly<Record<string, string>> {
  return {
    traceparent: `00-${trace.traceId}-${trace.spanId}-${trace.sampled ? '01' : '00'}`,
    ...(trace.tracestate === '' ? {} : { tracestate: trace.tracestate }),
    ...(trace.baggage === '' ? {} : { baggage: trace.baggage }),
  };
}

/** Every tracing field in use, ours and other formats: each carries a sampling flag or an id of its own. */
export function isTraceHeader(name: string): boolean {
  const lower = name.toLowerCase();
  return TRACE_HEADERS.has(lower) || TRACE_PREFIXES.some((prefix) => lower.startsWith(prefix));
}

const TRACE_HEADERS: ReadonlySet<string> = new Set([
  'traceparent',
  'tracestate',
  'baggage',
  'b3',
  'x-cloud-trace-context',
  'grpc-trace-bin',
  'grpc-tags-bin',
  'uber-trace-id',
  'x-amzn-trace-id',
  'x-request-id',
]);
const TRACE_PREFIXES: readonly string[] = ['x-b3-', 'x-datadog-', 'uberctx-', 'x-ot-span-', 'ot-tracer-', 'ot-baggage-'];

export interface TraceParent {
  readonly traceId: string;
  readonly parentId: string;
  readonly sampled: boolean;
}

const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const MAX_TRACEPARENT = 256;

/** W3C Trace Context §3.2; undefined for anything that is not well-formed. Later versions are read by their first four fields. */
export function parseTraceparent(value: string): TraceParent | undefined {
  if (value.length > MAX_TRACEPARENT) return undefined;
  const match = TRACEPARENT.exec(value);
  if (match === null) return undefined;
  const [, version = '', traceId = '', parentId = '', flags = '', rest] = match;
  if (version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (isZero(traceId) || isZero(parentId)) return undefined;
  return { traceId, parentId, sampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

function onlyTraceparent(headers: HeaderList): TraceParent | undefined {
  const values = headers.getAll('traceparent');
  return values.length === 1 ? parseTraceparent(values[0] ?? '') : undefined;
}

/** W3C Trace Context §3.3.1. */
const MEMBER =
  /^(?:[a-z][a-z0-9_\-*/]{0,255}|[a-z0-9][a-z0-9_\-*/]{0,240}@[a-z][a-z0-9_\-*/]{0,13})=[ -+\--<>-~]{0,255}[!-+\--<>-~]$/;
const MAX_TRACESTATE_MEMBERS = 32;
const MAX_TRACESTATE = 512;

/** All or nothing: a cut list would say something that nobody said. */
function tracestateOf(headers: HeaderList): string {
  const members = listOf(headers, 'tracestate');
  const names = new Set(members.map((member) => member.slice(0, member.indexOf('='))));
  const text = members.join(',');
  const acceptable =
    members.length <= MAX_TRACESTATE_MEMBERS &&
    text.length <= MAX_TRACESTATE &&
    names.size === members.length &&
    members.every((member) => MEMBER.test(member));
  return acceptable ? text : '';
}

/** W3C Baggage §3.3: at most 64 members and 8192 bytes. */
const MAX_BAGGAGE_MEMBERS = 64;
const MAX_BAGGAGE = 8192;
const BAGGAGE_MEMBER = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+[ \t]*=[\t !#-+\--:<-[\]-~]*(?:;[\t -+\--~]*)?$/;

function baggageOf(headers: HeaderList): string {
  const members = listOf(headers, 'baggage');
  const text = members.join(',');
  const acceptable =
    members.length <= MAX_BAGGAGE_MEMBERS && text.length <= MAX_BAGGAGE && members.every((member) => BAGGAGE_MEMBER.test(member));
  return acceptable ? text : '';
}

function listOf(headers: HeaderList, name: string): readonly string[] {
  const values = headers.getAll(name);
  if (values.length === 0) return values;
  return values
    .flatMap((value) => value.split(','))
    .map((member) => member.trim())
    .filter((member) => member !== '');
}

/** Random ids; the all-zero id means "none" and is drawn again. */
function hexId(randomness: Randomness, count: number): string {
  for (;;) {
    const bytes = randomness.bytes(count);
    if (!isNothing(bytes)) return hexText(bytes);
  }
}

function isNothing(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte !== 0) return false;
  return true;
}

function isZero(hex: string): boolean {
  return /^0+$/.test(hex);
}

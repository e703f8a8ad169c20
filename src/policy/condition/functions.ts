import { RE2JS } from 're2js';
import { type IpAddress, type IpRange, parseCidr, parseIp } from './ip.ts';
import { checkedInt, kindOf } from './operators.ts';
import { durationOf, parseDuration, parseTimestamp, TIMESTAMP_PARTS, timestampPart } from './time.ts';
import { BOOL, DOUBLE, DURATION, type Duration, Fault, INT, TIMESTAMP, type Timestamp, type Type, type Value } from './value.ts';

/** One overload. `kinds` are those of the receiver (for a member) and the arguments. */
export interface Overload {
  readonly member: boolean;
  readonly kinds: readonly Type['kind'][];
  readonly result: Type;
  /** Static cost of one call. */
  readonly cost: number;
  /** Arguments that must be literals: what they cost, and whether they are right, is then known at load. */
  readonly literal?: number;
  apply(values: readonly Value[]): Value | Fault;
}

/** Overloads of a function by name; undefined when there is no such function. */
export function overloadsOf(name: string): readonly Overload[] | undefined {
  return FUNCTIONS.get(name);
}

export function functionNames(): readonly string[] {
  return [...FUNCTIONS.keys(), 'has', 'exists', 'all'];
}

/** The overload that fits these values. */
export function fitting(overloads: readonly Overload[], values: readonly Value[]): Overload | undefined {
  return overloads.find((overload) => overload.kinds.every((kind, index) => kindOf(values[index] as Value) === kind));
}

const IP: Type = { kind: 'ip' };
const CIDR: Type = { kind: 'cidr' };
const FUNCTIONS = new Map<string, Overload[]>();

/** `signature` is `string.startsWith(string)` or `size(list)`; the implementation gets values of exactly these kinds. */
function define(
  signature: string,
  result: Type,
  cost: number,
  apply: (...values: never[]) => Value | Fault,
  literal?: number,
): void {
  const [, receiver, name = '', params = ''] = /^(?:(\w+)\.)?(\w+)\((.*)\)$/.exec(signature) ?? [];
  const kinds = [
    ...(receiver === undefined ? [] : [receiver]),
    ...params.split(', ').filter((kind) => kind !== ''),
  ] as Type['kind'][];
  const overload: Overload = {
    member: receiver !== undefined,
    kinds,
    result,
    cost,
    // The kinds were compared before, by the checker or by `fitting`.
    apply: (values) => apply(...(values as never[])),
    ...(literal === undefined ? {} : { literal }),
  };
  FUNCTIONS.set(name, [...(FUNCTIONS.get(name) ?? []), overload]);
}

for (const form of ['size(KIND)', 'KIND.size()']) {
  define(form.replace('KIND', 'string'), INT, 5, (text: string) => BigInt(codePoints(text)));
  define(form.replace('KIND', 'list'), INT, 1, (list: readonly Value[]) => BigInt(list.length));
  define(form.replace('KIND', 'map'), INT, 1, (map: ReadonlyMap<Value, Value>) => BigInt(map.size));
}
define('string.startsWith(string)', BOOL, 5, (text: string, prefix: string) => text.startsWith(prefix));
define('string.endsWith(string)', BOOL, 5, (text: string, suffix: string) => text.endsWith(suffix));
define('string.contains(string)', BOOL, 10, (text: string, part: string) => text.includes(part));
for (const form of ['string.matches(string)', 'matches(string, string)']) {
  define(
    form,
    BOOL,
    50,
    (text: string, pattern: string) => compiledPattern(pattern)?.test(text) ?? new Fault('the pattern is not RE2'),
    1,
  );
}

define('ip(string)', IP, 10, (text: string) => parseIp(text) ?? new Fault('the text is not an IP address'));
define('cidr(string)', CIDR, 10, (text: string) => parseCidr(text) ?? new Fault('the text is not a network in CIDR form'));
define('cidr.containsIP(ip)', BOOL, 2, (range: IpRange, address: IpAddress) => range.contains(address));
define('cidr.containsIP(string)', BOOL, 10, (range: IpRange, text: string) => {
  const address = parseIp(text);
  return address === undefined ? new Fault('the text is not an IP address') : range.contains(address);
});

define(
  'timestamp(string)',
  TIMESTAMP,
  10,
  (text: string) => parseTimestamp(text) ?? new Fault('the text is not an RFC 3339 time'),
);
define('timestamp(timestamp)', TIMESTAMP, 1, (time: Timestamp) => time);
define('duration(string)', DURATION, 10, (text: string) => parseDuration(text) ?? new Fault('the text is not a duration'));
define('duration(duration)', DURATION, 1, (span: Duration) => span);
for (const part of TIMESTAMP_PARTS) {
  define(`timestamp.${part}()`, INT, 5, (time: Timestamp) => timestampPart(time, part, 'UTC') ?? new Fault('no such time'));
  define(
    `timestamp.${part}(string)`,
    INT,
    50,
    (time: Timestamp, zone: string) => timestampPart(time, part, zone) ?? new Fault(`\`${zone}\` is not a time zone`),
    1,
  );
}
const NANOS = { getHours: 3_600_000_000_000n, getMinutes: 60_000_000_000n, getSeconds: 1_000_000_000n } as const;
for (const [part, unit] of Object.entries(NANOS)) define(`duration.${part}()`, INT, 1, (span: Duration) => span.nanos / unit);
define('duration.getMilliseconds()', INT, 1, (span: Duration) => (span.nanos / 1_000_000n) % 1000n);

define('int(int)', INT, 1, (value: bigint) => value);
define('int(double)', INT, 1, (value: number) =>
  Number.isFinite(value) ? checkedInt(BigInt(Math.trunc(value))) : new Fault('the number does not fit 64 bits'),
);
define('int(string)', INT, 5, (text: string) =>
  /^[+-]?\d{1,19}$/.test(text) ? checkedInt(BigInt(text.replace('+', ''))) : new Fault('not a whole number'),
);
define('double(double)', DOUBLE, 1, (value: number) => value);
define('double(int)', DOUBLE, 1, (value: bigint) => Number(value));

/** Durations of attributes: CEL's text form, as `duration()` reads it. */
export function durationOfAttribute(value: unknown): Duration | undefined {
  if (typeof value === 'string') return parseDuration(value);
  if (typeof value === 'bigint') return durationOf(value * 1_000_000_000n);
  return typeof value === 'number' && Number.isFinite(value)
    ? durationOf(BigInt(Math.round(value * 1000)) * 1_000_000n)
    : undefined;
}

const PATTERNS = new Map<string, RE2JS | undefined>();
const MAX_PATTERN = 512;

/** Patterns are literals of a checked policy, so that the cache stays as small as the policy. */
function compiledPattern(pattern: string): RE2JS | undefined {
  if (!PATTERNS.has(pattern)) {
    let compiled: RE2JS | undefined;
    try {
      compiled = pattern.length > MAX_PATTERN ? undefined : RE2JS.compile(pattern);
    } catch {
      compiled = undefined;
    }
    PATTERNS.set(pattern, compiled);
  }
  return PATTERNS.get(pattern);
}

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

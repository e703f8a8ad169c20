import { Duration, Timestamp } from './value.ts';

const NANOS_PER_MS = 1_000_000n;
const UNIT_NANOS: Readonly<Record<string, bigint>> = {
  ns: 1n,
  us: 1000n,
  µs: 1000n,
  ms: NANOS_PER_MS,
  s: 1_000_000_000n,
  m: 60_000_000_000n,
  h: 3_600_000_000_000n,
};
/** CEL's range of timestamps: years 1 to 9999. */
const MIN_NANOS = -62_135_596_800_000n * NANOS_PER_MS;
const MAX_NANOS = 253_402_300_800_000n * NANOS_PER_MS - 1n;
/** CEL's range of durations, as protobuf's: about 10,000 years. */
const MAX_DURATION = 315_576_000_000n * 1_000_000_000n;

/** RFC 3339 with an offset or `Z`; undefined for anything else, also for days that do not exist. */
export function parseTimestamp(text: string): Timestamp | undefined {
  const parts = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/.exec(text);
  if (parts === null) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  if (month < 1 || month > 12 || hour > 23 || minute > 59 || second > 59) return undefined;
  // `setUTCFullYear`, because `Date.UTC` reads years below 100 as 19xx.
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  if (date.getUTCDate() !== day || date.getUTCMonth() !== month - 1) return undefined;
  date.setUTCHours(hour, minute, second);
  const offsetHour = Number(parts[9] ?? 0);
  const offsetMinute = Number(parts[10] ?? 0);
  if (offsetHour > 23 || offsetMinute > 59) return undefined;
  const offsetMs = (offsetHour * 60 + offsetMinute) * 60_000 * (parts[8] === '-' ? -1 : 1);
  const fraction = BigInt((parts[7] ?? '').padEnd(9, '0'));
  return timestampOf(BigInt(date.getTime() - offsetMs) * NANOS_PER_MS + fraction);
}

/** Go's form: `1h30m`, `-1.5s`, `300ms`. */
export function parseDuration(text: string): Duration | undefined {
  if (text === '0') return new Duration(0n);
  const whole = /^([+-]?)((?:(?:\d{1,18}(?:\.\d{0,18})?|\.\d{1,18})(?:ns|us|µs|ms|s|m|h)){1,7})$/.exec(text);
  if (whole === null) return undefined;
  let nanos = 0n;
  for (const [, integer, fraction, unit] of (whole[2] ?? '').matchAll(/(\d*)(?:\.(\d*))?(ns|us|µs|ms|s|m|h)/g)) {
    const scale = UNIT_NANOS[unit ?? ''] ?? 0n;
    nanos += BigInt(integer || '0') * scale;
    if (fraction) nanos += (BigInt(fraction) * scale) / 10n ** BigInt(fraction.length);
  }
  return durationOf(whole[1] === '-' ? -nanos : nanos);
}

export function timestampOf(nanos: bigint): Timestamp | undefined {
  return nanos < MIN_NANOS || nanos > MAX_NANOS ? undefined : new Timestamp(nanos);
}

export function durationOf(nanos: bigint): Duration | undefined {
  return nanos < -MAX_DURATION || nanos > MAX_DURATION ? undefined : new Duration(nanos);
}

export function timestampOfDate(date: Date): Timestamp | undefined {
  const ms = date.getTime();
  return Number.isNaN(ms) ? undefined : timestampOf(BigInt(ms) * NANOS_PER_MS);
}

export type TimestampPart = (typeof TIMESTAMP_PARTS)[number];
/** CEL's names. Months, days of week, of year and `getDayOfMonth` count from 0, `getDate` from 1. */
export const TIMESTAMP_PARTS = [
  'getFullYear',
  'getMonth',
  'getDayOfMonth',
  'getDate',
  'getDayOfWeek',
  'getDayOfYear',
  'getHours',
  'getMinutes',
  'getSeconds',
  'getMilliseconds',
] as const;

/** A part of the time as a clock at `zone` shows it: an offset like `+02:00`, or an IANA name. Undefined: no such zone. */
export function timestampPart(timestamp: Timestamp, part: TimestampPart, zone: string): bigint | undefined {
  const ms = Number(floorDiv(timestamp.nanos, NANOS_PER_MS));
  const offset = zoneOffsetMs(ms, zone);
  if (offset === undefined) return undefined;
  const local = new Date(ms + offset);
  switch (part) {
    case 'getFullYear':
      return BigInt(local.getUTCFullYear());
    case 'getMonth':
      return BigInt(local.getUTCMonth());
    case 'getDayOfMonth':
      return BigInt(local.getUTCDate() - 1);
    case 'getDate':
      return BigInt(local.getUTCDate());
    case 'getDayOfWeek':
      return BigInt(local.getUTCDay());
    case 'getDayOfYear': {
      const start = new Date(local);
      start.setUTCMonth(0, 1);
      return BigInt(Math.round((local.getTime() - start.getTime()) / 86_400_000));
    }
    case 'getHours':
      return BigInt(local.getUTCHours());
    case 'getMinutes':
      return BigInt(local.getUTCMinutes());
    case 'getSeconds':
      return BigInt(local.getUTCSeconds());
    case 'getMilliseconds':
      return BigInt(local.getUTCMilliseconds());
    default:
      return part satisfies never;
  }
}

function floorDiv(a: bigint, b: bigint): bigint {
  const quotient = a / b;
  return a % b < 0n ? quotient - 1n : quotient;
}

const FORMATS = new Map<string, Intl.DateTimeFormat>();

function zoneOffsetMs(ms: number, zone: string): number | undefined {
  if (zone === 'UTC' || zone === '') return 0;
  const fixed = /^([+-]?)(\d\d):(\d\d)$/.exec(zone);
  if (fixed !== null) {
    const minutes = Number(fixed[2]) * 60 + Number(fixed[3]);
    return Number(fixed[2]) > 23 || Number(fixed[3]) > 59 ? undefined : minutes * 60_000 * (fixed[1] === '-' ? -1 : 1);
  }
  let format = FORMATS.get(zone);
  if (format === undefined) {
    try {
      format = new Intl.DateTimeFormat('en-US', {
        timeZone: zone,
        hourCycle: 'h23',
        era: 'short',
        year: 'numeric',
        month: 'numeric',
        day: 'numeric',
        hour: 'numeric',
        minute: 'numeric',
        second: 'numeric',
      });
    } catch {
      return undefined;
    }
    // Zones are literals of a checked policy, so that the cache stays as small as the policy.
    FORMATS.set(zone, format);
  }
  const parts = Object.fromEntries(format.formatToParts(ms).map(({ type, value }) => [type, value]));
  const year = parts.era === 'BC' ? 1 - Number(parts.year) : Number(parts.year);
  const shown = new Date(0);
  shown.setUTCFullYear(year, Number(parts.month) - 1, Number(parts.day));
  shown.setUTCHours(Number(parts.hour), Number(parts.minute), Number(parts.second));
  return shown.getTime() - Math.floor(ms / 1000) * 1000;
}

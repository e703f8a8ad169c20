import { Problem } from '../core/problem.ts';
import { parseDuration } from '../core/units.ts';

/** RFC 3339 §5.6, also without the time of day: midnight UTC. Without an offset a time would mean something else on each machine. */
const FORM = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d|60)(\.\d+)?)?([Zz]|[+-][0-2]\d:[0-5]\d))?$/;

/** `1h` ago, or an RFC 3339 time, in milliseconds since the epoch. Problem: TIME_INVALID. */
export function timeOf(text: string, nowMs: number): number {
  const ago = parseDuration(text);
  if (ago !== undefined && ago <= nowMs) return nowMs - ago;
  const match = FORM.exec(text);
  if (match === null) throw invalid();
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', zone = 'Z'] = match;
  const isDay = new Date(Date.UTC(Number(year), Number(month) - 1, Number(day))).getUTCDate() === Number(day);
  // A leap second is read as the last whole second before it.
  const time = `${year}-${month}-${day}T${hour}:${minute}:${second === '60' ? '59' : second}${fraction.slice(0, 4)}${zone.toUpperCase()}`;
  const value = isDay ? Date.parse(time) : Number.NaN;
  if (!Number.isFinite(value) || value < 0) throw invalid();
  return value;
}

function invalid(): Problem {
  return new Problem({
    code: 'TIME_INVALID',
    kind: 'invalid',
    message: 'a time is a duration before now such as `1h`, a day such as `2026-07-31`, or `2026-07-31T08:00:00Z`',
  });
}

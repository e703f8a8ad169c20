/** Durations and sizes as people write them in configuration. Every room's section schema parses with these two. */

const DURATION = /^([0-9]{1,9})(ms|s|m|h|d)$/;
const SIZE = /^([0-9]{1,9})(B|KiB|MiB|GiB|TiB)$/;

const MILLISECONDS: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const BYTES: Readonly<Record<string, number>> = { B: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** One sentence for error messages. */
export const DURATION_FORM = 'a duration is a whole number with a unit: `500ms`, `30s`, `15m`, `8h`, `400d`';
export const SIZE_FORM = 'a size is a whole number with a unit: `512B`, `64KiB`, `16MiB`, `20GiB`';

/** Milliseconds of `8h`; undefined when the text is no duration. A day is 24 hours. */
export function parseDuration(text: string): number | undefined {
  return parse(DURATION, MILLISECONDS, text);
}

/** Bytes of `64KiB`; undefined when the text is no size. Only binary units, so that nobody has to guess what `MB` means. */
export function parseSize(text: string): number | undefined {
  return parse(SIZE, BYTES, text);
}

/** The shortest exact text: `28800000` is `8h`. */
export function durationText(milliseconds: number): string {
  return shortest(MILLISECONDS, milliseconds, 'ms');
}

export function sizeText(bytes: number): string {
  return shortest(BYTES, bytes, 'B');
}

function parse(form: RegExp, units: Readonly<Record<string, number>>, text: string): number | undefined {
  const match = form.exec(text);
  const unit = units[match?.[2] ?? ''];
  if (match === null || unit === undefined) return undefined;
  const value = Number(match[1]) * unit;
  return Number.isSafeInteger(value) ? value : undefined;
}

function shortest(units: Readonly<Record<string, number>>, value: number, smallest: string): string {
  const fitting = Object.entries(units).filter(([, unit]) => value > 0 && value % unit === 0);
  const [name, unit] = fitting.at(-1) ?? [smallest, 1];
  return `${value / unit}${name}`;
}

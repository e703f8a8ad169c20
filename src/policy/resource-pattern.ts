import { nearestName } from '../core/diagnostic.ts';
import type { ResourcePattern, SegmentPattern } from './port.ts';
import { matchesText, parseTextPattern } from './text-pattern.ts';

const MAX_LENGTH = 1024;
const MAX_SEGMENTS = 64;

/** The target that every gateway has: Fairlead itself. */
export const OWN_TARGET = 'fairlead';

export type ParsedSegments =
  | { readonly ok: true; readonly segments: readonly SegmentPattern[] }
  | { readonly ok: false; readonly reason: string; readonly help?: string };

/**
 * Reads `prefect/deployments/etl/**`. Each segment is a literal, `prefix*`, `*suffix`, `*` (one, not empty) or `**` (zero or more
 * segments); `\*`, `\/` and `\\` are literal. The first segment names one of `targets`, or is `*` or `**`.
 */
export function parseResourcePattern(text: string, targets: Iterable<string>): ParsedSegments {
  if (text.length > MAX_LENGTH) return { ok: false, reason: `it is longer than ${MAX_LENGTH} characters` };
  const segments: SegmentPattern[] = [];
  for (const part of splitSegments(text)) {
    if (part === '**') {
      // Two neighbours mean the same as one, and cost more to match.
      if (segments.at(-1)?.kind !== 'deep') segments.push({ kind: 'deep' });
      continue;
    }
    const pattern = parseTextPattern(part);
    if (pattern.kind === 'invalid') {
      const reason = part === '' ? 'it has an empty segment' : `its segment \`${part}\` is not a pattern: ${pattern.reason}`;
      return { ok: false, reason };
    }
    segments.push(pattern);
  }
  if (segments.length > MAX_SEGMENTS) return { ok: false, reason: `it has more than ${MAX_SEGMENTS} segments` };
  const first = segments[0];
  if (first?.kind === 'exact') {
    const known = [...targets, OWN_TARGET];
    if (!known.includes(first.text)) {
      const near = nearestName(first.text, known);
      const help =
        near === undefined ? `targets are ${known.map((name) => `\`${name}\``).join(', ')}` : `did you mean \`${near}\`?`;
      return { ok: false, reason: `\`${first.text}\` is not a target`, help };
    }
  } else if (first?.kind === 'prefix' || first?.kind === 'suffix') {
    return { ok: false, reason: 'its first segment must be the name of a target, `*` or `**`' };
  }
  return { ok: true, segments };
}

/** Splits on `/` that no `\` protects; escapes stay as they are. */
export function splitSegments(text: string): string[] {
  const parts: string[] = [];
  let part = '';
  for (let index = 0; index < text.length; index++) {
    const character = text[index] as string; // within the length
    if (character === '\\') {
      part += character + (text[++index] ?? '');
    } else if (character === '/') {
      parts.push(part);
      part = '';
    } else {
      part += character;
    }
  }
  parts.push(part);
  return parts;
}

/**
 * Holds a pattern against a resource path. Greedy with one point of return: only the last `**` seen ever needs to take more, so
 * that the cost is bounded by the product of both lengths.
 */
export function matchesResource(pattern: Pick<ResourcePattern, 'segments'>, path: readonly string[]): boolean {
  const { segments } = pattern;
  let at = 0;
  let index = 0;
  let deepAt = -1;
  let resume = 0;
  while (index < path.length) {
    const segment = segments[at];
    if (segment?.kind === 'deep') {
      deepAt = at++;
      resume = index;
    } else if (segment !== undefined && matchesText(segment, path[index] as string)) {
      at++;
      index++;
    } else if (deepAt >= 0) {
      at = deepAt + 1;
      index = ++resume;
    } else {
      return false;
    }
  }
  while (segments[at]?.kind === 'deep') at++;
  return at === segments.length;
}

/** Reads a concrete resource text, as `resourceText` writes it. Undefined when a segment is empty or an escape is wrong. */
export function parseResourceText(text: string): readonly string[] | undefined {
  const path: string[] = [];
  for (const part of splitSegments(text)) {
    const pattern = parseTextPattern(part);
    if (pattern.kind !== 'exact') return undefined;
    path.push(pattern.text);
  }
  return path;
}

import { Problem } from '../../core/problem.ts';
import type { JsonValue } from '../../wire/call.ts';
import { parseJson } from '../../wire/json.ts';
import { readBlockYaml } from './block-yaml.ts';
import { readLibraryYaml, type YamlFault } from './library-yaml.ts';
import type { Span } from './span.ts';

/** The longest document that is given to the complete reader, which is slow and needs a hundred times the memory. */
export const MAX_COMPLETE_CHARACTERS = 1 << 21;
export const COMPLETE_BUDGET = 8 * MAX_COMPLETE_CHARACTERS;

/** What the complete reader may still be given of one file, in characters. */
export interface CompleteBudget {
  left: number;
}

/**
 * The value of one document: by the fast readers of JSON and of simple YAML where they do, else by the complete one. All agree
 * wherever more than one can read a text.
 */
export function readSpan(
  span: Span,
  budget: CompleteBudget,
): { readonly value: JsonValue } | { readonly faults: readonly YamlFault[] } {
  const fast = isJson(span) ? readJson(span) : readBlockYaml(span.text, span.start, span.end);
  if (fast !== undefined) return { value: fast };
  const length = span.end - span.start;
  if (length > Math.min(MAX_COMPLETE_CHARACTERS, budget.left)) return { faults: [tooLong(span.start)] };
  budget.left -= length;
  return readLibraryYaml(span);
}

function tooLong(at: number): YamlFault {
  const message = `only ${MAX_COMPLETE_CHARACTERS} characters may be written in this way, and ${COMPLETE_BUDGET} in one file`;
  const help = 'split it, or write it in block style as `kubectl get -o yaml` does';
  return { code: 'FILE_TOO_LARGE', message, at, help };
}

export function isJson(span: Span): boolean {
  const start = /[^\s]/g;
  start.lastIndex = span.start;
  return start.exec(span.text)?.[0] === '{';
}

function readJson(span: Span): JsonValue | undefined {
  const text = span.text.slice(span.start, span.end).trim();
  try {
    return parseJson(new TextEncoder().encode(text), { maxBytes: text.length * 3, maxKeys: 1_000_000, maxDepth: 60 });
  } catch (thrown) {
    if (!(thrown instanceof Problem)) throw thrown;
    return undefined;
  }
}

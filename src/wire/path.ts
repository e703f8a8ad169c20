import { Problem } from '../core/problem.ts';
import { parseQuery, type QueryPair } from './query.ts';

/**
 * One path, read once. INVARIANT: `raw` decodes to exactly `segments` (up to NFC), and parsing `raw` again yields the same
 * path, so that what was decided on is what the upstream reads.
 */
export interface NormalPath {
  /** As forwarded: percent-encoded in one canonical way. */
  readonly raw: string;
  /** Decoded, NFC; none is empty, `.` or `..`, and none holds `/`, `\` or a control character. `/` has no segments. */
  readonly segments: readonly string[];
  /** The path has segments and ends in `/`. */
  readonly trailingSlash: boolean;
  /**
   * For records and matching: the segments as people read them, `%`, `?` and `#` escaped so that the text can be told from
   * a path with a query and has one reading.
   */
  readonly text: string;
}

/** A request target in origin-form (RFC 9112 §3.2.1), taken apart. */
export interface RequestTarget {
  readonly path: NormalPath;
  /** Without `?`; empty when there is none. */
  readonly rawQuery: string;
  readonly query: readonly QueryPair[];
}

const MAX_PATH = 8192;
const MAX_SEGMENTS = 256;

/**
 * Throws PATH_INVALID (malformed), PATH_AMBIGUOUS (an upstream could read it in another way than we do), PATH_TOO_LONG, and
 * the Problems of `query.ts`.
 */
export function parseRequestTarget(target: string): RequestTarget {
  const mark = target.indexOf('?');
  const path = parsePath(mark < 0 ? target : target.slice(0, mark));
  const rawQuery = mark < 0 ? '' : target.slice(mark + 1);
  return { path, rawQuery, query: parseQuery(rawQuery) };
}

/** Characters that stand for themselves in the canonical form; see `encodeSegment`. */
const PLAIN = /^[A-Za-z0-9\-._~!$&'()*,=:@/]*$/;
const PRINTABLE_ASCII = /^[\x21-\x7e]*$/;

/** The path part alone, which must start with `/`. Throws like `parseRequestTarget`. */
export function parsePath(source: string): NormalPath {
  if (source.length > MAX_PATH) throw tooLong();
  if (!source.startsWith('/')) throw malformed('does not start with `/`');
  if (source === '/') return { raw: '/', segments: [], trailingSlash: false, text: '/' };
  const plain = PLAIN.test(source);
  if (!plain) checkCharacters(source);
  const trailingSlash = source.endsWith('/');
  const parts = source.slice(1, trailingSlash ? -1 : undefined).split('/');
  if (parts.length > MAX_SEGMENTS) throw tooLong();
  if (plain) {
    for (const part of parts) checkSegment(part);
    return { raw: source, segments: parts, trailingSlash, text: source };
  }
  const decoded = parts.map(decodeSegment);
  const segments = decoded.map((part) => part.normalize('NFC'));
  const end = trailingSlash ? '/' : '';
  return {
    raw: `/${decoded.map(encodeSegment).join('/')}${end}`,
    segments,
    trailingSlash,
    text: `/${segments.map(readable).join('/')}${end}`,
  };
}

/**
 * A path from decoded segments, for look-ups and rewrites: the same canonical form as a parsed one has. Throws
 * PATH_INVALID or PATH_AMBIGUOUS for a segment that no path can hold.
 */
export function formatPath(segments: readonly string[], trailingSlash = false): string {
  for (const segment of segments) {
    if (!segment.isWellFormed() || segment.includes('/')) throw malformed('holds a segment that cannot be written');
    checkDecoded(segment);
  }
  return `/${segments.map(encodeSegment).join('/')}${trailingSlash && segments.length > 0 ? '/' : ''}`;
}

function checkCharacters(source: string): void {
  if (!PRINTABLE_ASCII.test(source)) throw malformed('holds a character that must be percent-encoded');
  // A backslash is a slash to WHATWG URL parsers, and a fragment is cut off by some upstreams and read by others.
  if (source.includes('\\')) throw ambiguous('holds a backslash');
  if (source.includes('#')) throw ambiguous('holds a fragment');
}

function decodeSegment(part: string): string {
  if (!part.includes('%')) {
    checkDecoded(part);
    return part;
  }
  let decoded: string;
  try {
    // Strict by specification: refuses a lone `%`, overlong forms, encoded surrogates and cut sequences (ECMA-262 §19.2.6).
    decoded = decodeURIComponent(part);
  } catch {
    throw malformed('holds a percent sequence that is not UTF-8');
  }
  checkDecoded(decoded);
  return decoded;
}

const CONTROL = /\p{Cc}/u;
/** A second decoding would change the text; proxies and frameworks that decode twice exist. */
const PERCENT_ESCAPE = /%[0-9A-Fa-f]{2}/;
/** Characters that NFC turns into ASCII ones (Kelvin sign to `K`, Greek question mark to `;`, varia to a backtick). */
const NFC_TO_ASCII = /[\u212a\u037e\u1fef]/;

function checkDecoded(segment: string): void {
  checkSegment(segment);
  if (segment.includes('/') || segment.includes('\\')) throw ambiguous('holds an encoded slash or backslash');
  if (CONTROL.test(segment)) throw malformed('holds an encoded control character');
  if (PERCENT_ESCAPE.test(segment)) throw ambiguous('is percent-encoded twice');
  if (NFC_TO_ASCII.test(segment)) throw ambiguous('holds a look-alike of an ASCII character');
}

/** `..;x` is `..` to servers that cut parameters, `..` with blanks to those that trim. */
const DOTS = /^\.{1,2}(?:;.*|\s*)$/;

function checkSegment(segment: string): void {
  if (segment === '') throw ambiguous('holds an empty segment');
  if (segment.charCodeAt(0) === 0x2e && DOTS.test(segment)) throw ambiguous('holds a dot segment');
}

/** Escapes that `encodeURIComponent` writes and the canonical form does not. */
const UNESCAPED = /%(?:24|26|2C|3A|3D|40)/g;

/**
 * The canonical form. Unreserved characters and the delimiters `! $ & ' ( ) * , = : @` stand for themselves, so that
 * `%66ilter` and `%3Apredict` are forwarded as `filter` and `:predict`. `;` and `+` are always encoded: servlet containers cut
 * what follows a raw `;`, some servers read a raw `+` as a blank, and in the encoded form both are plain text everywhere.
 */
function encodeSegment(decoded: string): string {
  return encodeURIComponent(decoded).replace(UNESCAPED, (code) => String.fromCharCode(Number.parseInt(code.slice(1), 16)));
}

function readable(segment: string): string {
  return segment.replace(/[%?#]/g, (char) => encodeURIComponent(char));
}

function malformed(what: string): Problem {
  return new Problem({ code: 'PATH_INVALID', kind: 'invalid', message: `the path ${what}` });
}

function ambiguous(what: string): Problem {
  return new Problem({
    code: 'PATH_AMBIGUOUS',
    kind: 'invalid',
    message: `the path ${what}, which can be read in more than one way`,
  });
}

function tooLong(): Problem {
  return new Problem({
    code: 'PATH_TOO_LONG',
    kind: 'too_large',
    status: 414,
    message: `the path is longer than ${MAX_PATH} characters or ${MAX_SEGMENTS} segments`,
  });
}

import type { PathNormalization } from '../objects.ts';
import type { Profile } from '../profile.ts';

/** A path as far as the proxy came with it. */
export interface NormalizedPath {
  readonly path: string;
  readonly isRefused: boolean;
}

/**
 * The `:path` that the proxy matches and forwards, or refuses. The query stays as it came; a fragment is cut in every mode
 * (envoy source/common/http/path_utility.cc, conn_manager_utility.cc).
 */
export function normalizePath(path: string, mode: PathNormalization, profile: Profile): NormalizedPath {
  if (isPlain(path)) return { path, isRefused: false };
  const hash = path.indexOf('#');
  const whole = hash < 0 ? path : path.slice(0, hash);
  if (mode === 'NONE') return { path: whole, isRefused: false };
  const mark = whole.indexOf('?');
  const query = mark < 0 ? '' : whole.slice(mark);
  const bare = mark < 0 ? whole : whole.slice(0, mark);
  const decoded = mode === 'DECODE_AND_MERGE_SLASHES' ? decodeSlashes(bare) : bare;
  const plain = profile.dotSegmentParameters ? withoutDotParameters(decoded) : decoded;
  const canonical = canonicalPath(plain);
  if (canonical === undefined) return { path: plain + query, isRefused: true };
  const merges = mode === 'DECODE_AND_MERGE_SLASHES' || mode === 'MERGE_SLASHES';
  return { path: (merges ? mergeSlashes(canonical) : canonical) + query, isRefused: false };
}

/** Nothing in it that any mode changes. A query is never changed, only a fragment behind it is cut. */
function isPlain(path: string): boolean {
  return PLAIN.test(path) && !path.includes('/.') && !path.includes('//');
}

const PLAIN = /^\/[A-Za-z0-9!$&'()*+,\-.:;=@_~/]*(?:\?[^#]*)?$/;

/** The part of `:path` that path matchers see. */
export function withoutQuery(path: string): string {
  const end = path.search(/[?#]/);
  return end < 0 ? path : path.slice(0, end);
}

function decodeSlashes(path: string): string {
  return path.replace(/%2f/gi, '/').replace(/%5c/gi, '\\');
}

/** Runs of slashes become one; a path of slashes alone keeps two, one as its start and one as its end. */
function mergeSlashes(path: string): string {
  if (!path.includes('//')) return path;
  const inner = path
    .split('/')
    .filter((segment) => segment !== '')
    .join('/');
  return `${path.startsWith('/') ? '/' : ''}${inner}${path.endsWith('/') ? '/' : ''}`;
}

/**
 * RFC 3986 in the reading of the URL library that Envoy uses: `\` is a slash, dot segments are resolved (`%2e` is a dot),
 * escaped unreserved characters are decoded once, characters that no path may hold are escaped. Undefined for a NUL,
 * escaped or not.
 */
function canonicalPath(path: string): string | undefined {
  return new Canonicalizer(path).run();
}

/** `..;x` and `.;x` as `..` and `.`: whole segments between slashes, before anything is decoded. */
function withoutDotParameters(path: string): string {
  return path.replace(/(^|\/)(\.{1,2});[^/]*/g, '$1$2');
}

class Canonicalizer {
  readonly #path: string;
  #out = '';
  /** Index in the output of the last `%` that starts no escape; far below zero when there is none near. */
  #looseAt = -10;

  constructor(path: string) {
    this.#path = path;
  }

  run(): string | undefined {
    const path = this.#path;
    if (!isSlash(path[0])) this.#out = '/';
    for (let index = 0; index < path.length; ) {
      const character = path[index] as string;
      const dot = this.#dotAt(index);
      if (dot > 0) index = this.#dot(index, dot);
      else if (character === '%') {
        const next = this.#escape(index);
        if (next === undefined) return undefined;
        index = next;
      } else {
        if (character === '\0') return undefined;
        this.#out += character === '\\' ? '/' : ESCAPED.test(character) ? percent(character) : character;
        index += 1;
      }
    }
    return this.#out;
  }

  /** Length of the dot at a place of the input, 0 when there is none. */
  #dotAt(index: number): number {
    if (this.#path[index] === '.') return 1;
    return this.#path[index] === '%' && this.#path[index + 1] === '2' && /^[eE]$/.test(this.#path[index + 2] ?? '') ? 3 : 0;
  }

  /** A dot after a slash may make a dot segment; returns the index of what follows. */
  #dot(index: number, length: number): number {
    const next = index + length;
    if (!this.#out.endsWith('/')) {
      this.#out += '.';
      return next;
    }
    const one = this.#segmentEnd(next);
    if (one !== undefined) return one;
    const second = this.#dotAt(next);
    const two = second === 0 ? undefined : this.#segmentEnd(next + second);
    if (two === undefined) {
      this.#out += '.';
      return next;
    }
    this.#backUp();
    return two;
  }

  /** The index behind a segment that ends here, its slash included; undefined when it does not. */
  #segmentEnd(index: number): number | undefined {
    const character = this.#path[index];
    if (character === undefined) return index;
    return isSlash(character) ? index + 1 : undefined;
  }

  /** Drops the last segment of the output, keeping the slash before it. */
  #backUp(): void {
    const end = this.#out.length - 1;
    if (end > 0) this.#out = this.#out.slice(0, Math.max(this.#out.lastIndexOf('/', end - 1), 0) + 1);
    if (this.#looseAt >= this.#out.length) this.#looseAt = -10;
  }

  /** An escape: decoded if unreserved, kept as it is otherwise; undefined for `%00`. */
  #escape(index: number): number | undefined {
    const hex = this.#path.slice(index + 1, index + 3);
    if (!HEX_PAIR.test(hex)) {
      this.#looseAt = this.#out.length;
      this.#out += '%';
      return index + 1;
    }
    const value = String.fromCharCode(Number.parseInt(hex, 16));
    if (value === '\0') return undefined;
    if (!UNRESERVED.test(value)) {
      this.#out += `%${hex}`;
      return index + 3;
    }
    this.#out += value;
    if (this.#looseAt >= this.#out.length - 3) this.#fixNested(index + 3);
    return index + 3;
  }

  /**
   * A decoded character just completed what looks like an escape with an earlier loose `%`: that `%` becomes `%25`, so that
   * the output does not hold an escape that the input did not.
   */
  #fixNested(nextIndex: number): void {
    const loose = this.#looseAt;
    const next = this.#path[nextIndex];
    const appends = loose === this.#out.length - 2;
    if (appends && (next === undefined || next >= '\x80')) return;
    const candidate = appends ? this.#out + next : this.#out;
    if (!HEX_PAIR.test(candidate.slice(loose + 1, loose + 3))) return;
    const last = this.#out.slice(-1);
    this.#out = appends
      ? `${this.#out.slice(0, loose + 1)}25${last}`
      : `${this.#out.slice(0, loose + 1)}25${candidate[loose + 1]}${last}`;
  }
}

const HEX_PAIR = /^[0-9A-Fa-f]{2}$/;
const UNRESERVED = /[A-Za-z0-9\-._~]/;
/** Escaped wherever they stand. A query was cut before; `#` with the fragment. */
const ESCAPED = /[\x01-\x20"#<>?^`{|}\x7f-\xff]/;

function isSlash(character: string | undefined): boolean {
  return character === '/' || character === '\\';
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`;
}

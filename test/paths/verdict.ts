import { Problem } from '../../src/core/problem.ts';
import { parseRequestTarget } from '../../src/wire/path.ts';

/** Status of a refusal; or the decoded path, the raw query, and what ServeMux answers (200, or a redirect to the clean path). */
export type GoReading = number | readonly [path: string, query: string, mux: number];

/** Status of a refusal, or the target that is forwarded. */
export type EnvoyReading = number | string;

/** How others read one request target, as they were seen to. */
export interface Seen {
  readonly target: string;
  readonly go: GoReading;
  /** `normalize_path` alone, the default of Istio. */
  readonly envoy: EnvoyReading;
  /** The same with `merge_slashes` and escaped slashes decoded: the strictest of Istio's settings. */
  readonly envoyMerging: EnvoyReading;
}

/** What we make of a target: why it is refused, or what it means (decoded, NFC) and what is forwarded for it. */
export type Ours =
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'read'; readonly path: string; readonly query: string; readonly forwarded: string };

export function oursOf(target: string): Ours {
  try {
    const { path, rawQuery } = parseRequestTarget(target);
    const end = path.trailingSlash ? '/' : '';
    const decoded = path.segments.length === 0 ? '/' : `/${path.segments.join('/')}${end}`;
    return { kind: 'read', path: decoded, query: rawQuery, forwarded: rawQuery === '' ? path.raw : `${path.raw}?${rawQuery}` };
  } catch (thrown) {
    if (!(thrown instanceof Problem)) throw thrown;
    return { kind: 'refused', why: thrown.message.replace(/, which can be read in more than one way$/, '') };
  }
}

/** The path that Go's handlers see; ServeMux redirects when it is not clean, so that no handler sees it. */
export function goPath(reading: GoReading): string | undefined {
  return typeof reading === 'number' || reading[2] !== 200 ? undefined : reading[0];
}

/** What the path that Envoy forwards says once decoded; a text that no path of ours can be when it does not decode. */
export function envoyPath(reading: EnvoyReading): string | undefined {
  if (typeof reading === 'number') return undefined;
  const path = reading.split('?')[0] ?? '';
  try {
    return decodeURIComponent(path);
  } catch {
    return `not UTF-8: ${path}`;
  }
}

import type { Dispatcher } from 'undici';
import type { Forward } from '../passage.ts';
import type { ClientCall } from './local-answer.ts';
import { upstreamHeaders, upstreamPath } from './upstream-headers.ts';

export type UpstreamRequest = Dispatcher.DispatchOptions & {
  readonly body: NonNullable<Dispatcher.DispatchOptions['body']> | null;
  readonly servername: string;
};

/** The call as it goes upstream. Throws HEADERS_TOO_LARGE when what is added makes its head too long. */
export function upstreamRequest(
  call: ClientCall,
  { decided, changes }: Forward,
  parts: { readonly scheme: 'http' | 'https'; readonly answerTimeoutMs: number },
  onBodyProblem: (thrown: unknown) => void,
): UpstreamRequest {
  const { target, incoming, bytes } = decided;
  const headers = upstreamHeaders(decided, changes, parts.scheme);
  const isWhole = bytes !== undefined && call.body.isPresent;
  return {
    path: upstreamPath(target.upstream, changes.path, incoming.head),
    method: incoming.head.method as Dispatcher.HttpMethod, // any token: undici checks it itself
    headers: (isWhole ? headers.with('content-length', String(bytes.length)) : headers).toRaw(),
    body: isWhole ? Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : bodySource(call, onBodyProblem),
    headersTimeout: parts.answerTimeoutMs,
    bodyTimeout: 0,
    servername: SAME_FOR_ALL,
  };
}

/** The dispatcher opens connections anew when this changes, and would take it from the client's `Host`; the pool knows the real one. */
const SAME_FOR_ALL = 'upstream';

/** The body as the upstream is able to take it; what breaks it is kept, because the dispatcher only reports that something did. */
function bodySource({ body }: ClientCall, onProblem: (thrown: unknown) => void): UpstreamRequest['body'] {
  if (!body.isPresent) return null;
  const source = async function* (): AsyncGenerator<Buffer> {
    try {
      yield* body.chunks();
    } catch (thrown) {
      onProblem(thrown);
      throw thrown;
    }
  };
  // undici takes any async iterable; its types name only Readable.
  return source() as unknown as NonNullable<UpstreamRequest['body']>;
}

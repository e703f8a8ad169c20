import type { LocalAnswer, Refusal } from '../../target.ts';

/**
 * How a socket that was opened already ends. 1008 tells clients that it is for good, 1012 that they should come back. The worker
 * channel knows its own reasons; the others show the reason as it is.
 */
export function closing(refusal: Refusal, answer: LocalAnswer): Pick<LocalAnswer, 'closeCode' | 'headers'> {
  const { reason, operation, decisionId } = refusal;
  const kind = reason.kind === 'denied' ? 'denied' : reason.problem.kind;
  const isPassing = kind === 'fault' || kind === 'upstream';
  const closeCode = isPassing ? 1012 : kind === 'too_large' ? 1009 : 1008;
  const word = isPassing
    ? 'transient_server_error'
    : kind === 'unauthenticated'
      ? 'authentication_failed'
      : 'authorization_failed';
  const isChannel = operation.id.endsWith('/workers/connect');
  const text = isChannel ? word : sentenceOf(kind, decisionId);
  return { closeCode, headers: { ...answer.headers, 'x-fairlead-reason': text } };
}

/** RFC 6455 §5.5: a reason has at most 123 bytes. */
function sentenceOf(kind: string, decisionId: string): string {
  switch (kind) {
    case 'unauthenticated':
      return `no valid token: set ${TOKEN_SETTING} (${decisionId})`;
    case 'fault':
    case 'upstream':
      return `not available now, come back (decision ${decisionId})`;
    default:
      return `refused (decision ${decisionId})`;
  }
}

/** The only static setting that reaches every call and every socket of Prefect's clients. */
export const TOKEN_SETTING = 'PREFECT_CLIENT_CUSTOM_HEADERS';

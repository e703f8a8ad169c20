import { unauthenticated } from './refusal.ts';

/**
 * A person's name as policies write it. No spaces, quotes, backslashes, control or invisible characters and no `*`, so that the text of one caller is
 * never that of another or of a pattern. A name with `@` must be a plain address: exactly one `@`, no quoted local part, ASCII
 * only (a full-width dot or a Cyrillic letter looks like another domain), and is folded to lower case, so that case cannot
 * slip past a rule. Throws `TOKEN_USER_INVALID` (unauthenticated).
 */
export function userName(value: unknown): string {
  if (typeof value !== 'string' || !isUserName(value)) {
    throw unauthenticated('TOKEN_USER_INVALID', "the token's user name is missing or cannot be trusted as written");
  }
  return value.includes('@') ? value.toLowerCase() : value;
}

export function isUserName(text: string): boolean {
  if (!/^[^\s\p{C}\p{Z}*"\\]{1,254}$/u.test(text) || text.normalize('NFC') !== text) return false;
  return !/[@\uFF20\uFE6B]/.test(text) || EMAIL.test(text);
}

const ATOM = "[A-Za-z0-9!#$%&'+/=?^_`{|}~-]+";
const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
/** RFC 5321 §4.1.2 without quoted strings and address literals. */
const EMAIL = new RegExp(`^${ATOM}(?:\\.${ATOM})*@${LABEL}(?:\\.${LABEL})*$`);

export function agentName(value: unknown): string {
  if (typeof value !== 'string' || !/^[A-Za-z0-9][A-Za-z0-9._@-]{0,127}$/.test(value)) {
    throw unauthenticated('TOKEN_AGENT_INVALID', "the token's agent has no usable name");
  }
  return value;
}

export interface ServiceAccount {
  readonly namespace: string;
  readonly serviceAccount: string;
}

/** `system:serviceaccount:NAMESPACE:NAME`, as the Kubernetes API server writes it; undefined for any other text. */
export function serviceAccountOf(subject: string): ServiceAccount | undefined {
  const match = /^system:serviceaccount:([a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?):([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)$/.exec(
    subject,
  );
  const [, namespace, serviceAccount] = match ?? [];
  return namespace === undefined || serviceAccount === undefined ? undefined : { namespace, serviceAccount };
}

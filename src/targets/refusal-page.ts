import { createHash } from 'node:crypto';

export interface RefusalPageInput {
  readonly status: number;
  readonly code: string;
  readonly sentence: string;
  readonly decisionId: string;
  /** Address of the page that explains the decision. */
  readonly why: string;
}

/** Header fields that belong to the page: it is loaded again by itself while the service is away. */
export function refusalPageHeaders(status: number): Readonly<Record<string, string>> {
  const headers = plainPageHeaders();
  return status === 502 || status === 503 ? { ...headers, refresh: '3' } : headers;
}

/** What a person sees who may not go on: the sentence, the decision id, and the way to the explanation. */
export function refusalPage(input: RefusalPageInput): string {
  const { status, code, sentence, decisionId, why } = input;
  const title = escapeHtml(statusTitle(status));
  const link = status === 403 || status === 404 ? `<p><a href="${escapeHtml(why)}">Why?</a></p>` : '';
  const id = `<p class="id">Decision <code>${escapeHtml(decisionId)}</code>, <code>${escapeHtml(code)}</code></p>`;
  return plainPage(title, `<p>${escapeHtml(sentence)}</p>${link}${id}`);
}

/** A page of the gateway's own on a target's origin; `title` and `main` are HTML. */
export function plainPage(title: string, main: string): string {
  return (
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
    `<title>${title}</title><style>${STYLE}</style></head><body><main><h1>${title}</h1>${main}</main></body></html>\n`
  );
}

/** Header fields of `plainPage`. */
export function plainPageHeaders(): Readonly<Record<string, string>> {
  return { 'content-type': 'text/html; charset=utf-8', 'content-security-policy': CSP };
}

/** A few words for a status, for people. */
export function statusTitle(status: number): string {
  return TITLES[status] ?? (status < 500 ? 'Not possible' : 'Not available now');
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

const TITLES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Sign-in needed',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  413: 'Too large',
  414: 'Address too long',
  421: 'Not served here',
  429: 'Too many requests',
  431: 'Request head too large',
  502: 'The service did not answer',
  503: 'Not available now',
  504: 'The service did not answer in time',
};

const STYLE =
  'body{font:1rem/1.5 system-ui,sans-serif;margin:4rem auto;max-width:38rem;padding:0 1rem;color:#1a1a1a;background:#fff}' +
  'code{font-size:.9em}a{color:#0b57d0}p.id{color:#595959}@media(prefers-color-scheme:dark){' +
  'body{color:#e8e8e8;background:#161616}a{color:#8ab4f8}p.id{color:#b0b0b0}}';

/** No script, no frame, no call: one style, named by its hash. */
const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64');
const CSP = `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`;

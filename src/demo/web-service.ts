import type { IncomingMessage, ServerResponse } from 'node:http';
import { type LoopbackServer, serveLoopback } from './loopback-server.ts';

/** Headers that tell about the caller or the way; cookies and tokens of callers must not be among what arrives. */
const SHOWN = /^(x-fairlead-.*|x-forwarded-.*|forwarded|traceparent|authorization|cookie|x-user.*|remote-user)$/;

/**
 * A plain web service that knows nothing of Fairlead, for the `http` target: a page that shows which identity headers arrived,
 * `/api/time` as JSON, `/admin` and `/reports`. It has no login of its own; what protects it is the gateway in front.
 */
export function startWebService(options: { readonly port: number; readonly now: () => number }): Promise<LoopbackServer> {
  return serveLoopback(options.port, (request, response) => answer(request, response, options.now));
}

function answer(request: IncomingMessage, response: ServerResponse, now: () => number): void {
  const path = (request.url ?? '').split('?')[0] ?? '';
  const isRead = request.method === 'GET' || request.method === 'HEAD';
  const { status, type, body } = isRead ? pageOf(path, request, new Date(now()).toISOString()) : plain(405, 'only GET here');
  response.writeHead(status, {
    'content-type': `${type}; charset=utf-8`,
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}

interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

function pageOf(path: string, request: IncomingMessage, time: string): Answer {
  switch (path) {
    case '/':
      return page('A plain web service', `${headerTable(request)}${LINKS}`);
    case '/admin':
      return page('Administration', '<p>Only those whom the policy lets in see this page.</p>');
    case '/reports':
      return page('Reports', `<p>Revenue of ${time.slice(0, 10)}: 1 234.50</p>`);
    case '/api/time':
      return { status: 200, type: 'application/json', body: `${JSON.stringify({ time })}\n` };
    case '/healthz':
      return plain(200, 'ok');
    default:
      return plain(404, 'nothing here');
  }
}

function plain(status: number, text: string): Answer {
  return { status, type: 'text/plain', body: `${text}\n` };
}

const LINKS = `<p>See also <a href="/reports">/reports</a>, <a href="/admin">/admin</a> and <a href="/api/time">/api/time</a>.</p>`;

function headerTable(request: IncomingMessage): string {
  const rows = Object.entries(request.headers)
    .filter(([name]) => SHOWN.test(name))
    .map(([name, value]) => `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(String(value))}</td></tr>`);
  if (rows.length === 0) return '<p>No header that tells who calls has arrived.</p>';
  return `<table><caption>What the gateway says about the caller</caption>${rows.join('')}</table>`;
}

function page(title: string, main: string): Answer {
  const style =
    'body{font:1rem/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;overflow-wrap:anywhere}caption{text-align:left;font-weight:600}';
  const head = `<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title>`;
  const body = `<body><main><h1>${title}</h1>${main}</main></body>`;
  const html = `<!doctype html>\n<html lang="en"><head>${head}<style>${style}</style></head>${body}</html>\n`;
  return { status: 200, type: 'text/html', body: html };
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

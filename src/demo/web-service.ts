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
  if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'text/plain', 'only GET here\n');
  const time = new Date(now()).toISOString();
  switch (path) {
    case '/':
      return send(response, 200, 'text/html', page('A plain web service', `${headerTable(request)}${LINKS}`));
    case '/admin':
      return send(response, 200, 'text/html', page('Administration', '<p>Only those whom the policy lets in see this page.</p>'));
    case '/reports':
      return send(response, 200, 'text/html', page('Reports', `<p>Revenue of ${time.slice(0, 10)}: 1 234.50</p>`));
    case '/api/time':
      return send(response, 200, 'application/json', `${JSON.stringify({ time })}\n`);
    case '/healthz':
      return send(response, 200, 'text/plain', 'ok\n');
    default:
      return send(response, 404, 'text/plain', 'nothing here\n');
  }
}

const LINKS = `<p>See also <a href="/reports">/reports</a>, <a href="/admin">/admin</a> and <a href="/api/time">/api/time</a>.</p>`;

function headerTable(request: IncomingMessage): string {
  const rows = Object.entries(request.headers)
    .filter(([name]) => SHOWN.test(name))
    .map(([name, value]) => `<tr><th scope="row">${escapeHtml(name)}</th><td>${escapeHtml(String(value))}</td></tr>`);
  if (rows.length === 0) return '<p>No header that tells who calls has arrived.</p>';
  return `<table><caption>What the gateway says about the caller</caption>${rows.join('')}</table>`;
}

function page(title: string, main: string): string {
  const style =
    'body{font:1rem/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem}td,th{text-align:left;vertical-align:top;padding:.25rem .75rem .25rem 0;overflow-wrap:anywhere}caption{text-align:left;font-weight:600}';
  return `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>${title}</title><style>${style}</style></head><body><main><h1>${title}</h1>${main}</main></body></html>\n`;
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'content-type': `${type}; charset=utf-8`,
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  response.end(body);
}

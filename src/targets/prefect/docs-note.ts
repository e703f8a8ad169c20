import type { RequestHead } from '../../wire/call.ts';
import { plainPage, plainPageHeaders } from '../refusal-page.ts';
import type { LocalAnswer } from '../target.ts';
import { jsonAnswer } from './answer.ts';

/**
 * The server's viewers of its API document, `/docs` and `/redoc`, are a few lines that load a program from a vendor's host
 * (fastapi `openapi/docs.py`), which pages behind this gateway may not do: they would be blank.
 */
export function isDocsViewer({ path }: RequestHead): boolean {
  const names = path.segments[0] === 'api' ? path.segments.slice(1) : path.segments;
  return names[0] === 'docs' || names[0] === 'redoc';
}

/** In a viewer's place: why it is not there, and where the document is. */
export function docsNote({ path }: RequestHead, decisionId: string): LocalAnswer {
  const document = path.segments[0] === 'api' ? '/api/openapi.json' : '/openapi.json';
  const body = plainPage(
    'No viewer here',
    '<p>Prefect&#39;s viewer of its API document loads a program from another host, and pages behind this gateway may call no other host.</p>' +
      `<p>The document itself is here, for a viewer of your own: <a href="${document}"><code>${document}</code></a></p>`,
  );
  return { ...jsonAnswer(200, decisionId, null, plainPageHeaders()), body };
}

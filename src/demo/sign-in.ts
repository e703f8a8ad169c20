import type { IncomingMessage, ServerResponse } from 'node:http';
import type Provider from 'oidc-provider';
import { findPerson, type Person } from './people.ts';
import { PROVIDER_PATH } from './provider-configuration.ts';
import { errorPage, PAGE_HEADERS, signInPage } from './sign-in-pages.ts';

const MAX_FORM_BYTES = 4_096;
const MAX_WRONG_PER_MINUTE = 20;
const WRONG = 'E-mail and password do not match. The passwords stand where the demo was started.';

export type SignIn = (request: IncomingMessage, response: ServerResponse, path: string) => Promise<void>;

export function isSignInPath(path: string): boolean {
  return path.startsWith(`${PROVIDER_PATH}/interaction/`);
}

/** Answers `/oidc/interaction/UID`: the form, and what comes back from it. Guessing is slowed to 20 wrong passwords a minute. */
export function createSignIn(options: {
  readonly provider: Provider;
  readonly people: readonly Person[];
  readonly now: () => number;
}): SignIn {
  const { provider, people } = options;
  let wrongSince = 0;
  let wrongCount = 0;

  function isBlocked(): boolean {
    if (options.now() - wrongSince >= 60_000) {
      wrongSince = options.now();
      wrongCount = 0;
    }
    return wrongCount >= MAX_WRONG_PER_MINUTE;
  }

  return async (request, response, path) => {
    let client: string;
    try {
      // Bound to the browser by a signed cookie: without it there is no interaction, whatever the path says.
      const details = await provider.interactionDetails(request, response);
      if (path !== `${PROVIDER_PATH}/interaction/${details.uid}`) throw new Error('another interaction');
      client = typeof details.params['client_id'] === 'string' ? 'Fairlead' : 'the demo';
    } catch {
      return send(
        response,
        400,
        errorPage(
          'This sign-in has ended',
          'It was too long ago, or it began in another browser. Go back to Fairlead and sign in again.',
        ),
      );
    }
    const form = { action: path, client, people };
    if (request.method === 'GET' || request.method === 'HEAD') return send(response, 200, signInPage(form));
    if (request.method !== 'POST')
      return send(response, 405, errorPage('Not here', 'This page is a form.'), { allow: 'GET, POST' });

    const body = await readForm(request);
    if (body === undefined) return send(response, 400, errorPage('That form was not readable', 'Go back and try again.'));
    const email = body.get('email') ?? '';
    if (isBlocked()) {
      return send(
        response,
        429,
        signInPage({ ...form, email, wrong: 'Too many wrong passwords. Wait a minute and try again.' }),
        { 'retry-after': '60' },
      );
    }
    const person = findPerson(people, email, body.get('password') ?? '');
    if (person === undefined) {
      wrongCount += 1;
      return send(response, 401, signInPage({ ...form, email, wrong: WRONG }));
    }
    await provider.interactionFinished(
      request,
      response,
      { login: { accountId: person.email, amr: ['pwd'] } },
      { mergeWithLastSubmission: false },
    );
  };
}

async function readForm(request: IncomingMessage): Promise<URLSearchParams | undefined> {
  if (!/^application\/x-www-form-urlencoded\s*(;|$)/i.test(request.headers['content-type'] ?? '')) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_FORM_BYTES) return undefined;
    chunks.push(chunk);
  }
  return new URLSearchParams(Buffer.concat(chunks).toString('utf8'));
}

function send(response: ServerResponse, status: number, html: string, headers: Readonly<Record<string, string>> = {}): void {
  response.writeHead(status, { ...PAGE_HEADERS, ...headers });
  response.end(html);
}

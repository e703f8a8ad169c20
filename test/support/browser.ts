import { request } from 'undici';

/** A browser without scripts: follows redirects, keeps cookies per host (ports do not keep them apart), fills in forms. */
export class Browser {
  readonly #cookies = new Map<string, Map<string, string>>();

  async open(url: string, form?: URLSearchParams): Promise<Page> {
    let at = new URL(url);
    let asked: Request = form === undefined ? { method: 'GET' } : { method: 'POST', body: form };
    for (let hop = 0; hop < 20; hop++) {
      const jar = this.#jar(at);
      const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
      const answer = await request(at, {
        method: asked.method,
        body: asked.body?.toString() ?? null,
        signal: AbortSignal.timeout(20_000),
        headers: {
          accept: 'text/html',
          'sec-fetch-mode': 'navigate',
          'sec-fetch-dest': 'document',
          ...(cookie === '' ? {} : { cookie }),
          ...(asked.body === undefined ? {} : { 'content-type': 'application/x-www-form-urlencoded', origin: at.origin }),
        },
      });
      for (const line of [answer.headers['set-cookie'] ?? []].flat()) {
        const pair = line.split(';', 1)[0] ?? '';
        const at = pair.indexOf('=');
        if (/;\s*max-age=0/i.test(line)) jar.delete(pair.slice(0, at));
        else jar.set(pair.slice(0, at), pair.slice(at + 1));
      }
      const location = answer.headers['location'];
      if (answer.statusCode < 300 || answer.statusCode >= 400 || typeof location !== 'string') {
        return { url: at.href, status: answer.statusCode, text: await answer.body.text() };
      }
      await answer.body.dump();
      at = new URL(location, at);
      asked = { method: 'GET' };
    }
    throw new Error(`too many redirects, last to ${at.href}`);
  }

  /** Submits the form whose action holds `action`, with its own hidden fields and these values. */
  async submit(page: Page, action: string, values: Readonly<Record<string, string>>): Promise<Page> {
    const forms = page.text.split(/<form/i).slice(1);
    const form = forms.find((text) => text.slice(0, text.indexOf('>')).includes(action));
    if (form === undefined) throw new Error(`no form for ${action} at ${page.url}: ${page.text.slice(0, 300)}`);
    const target = new URL(unescaped(/action="([^"]*)"/.exec(form)?.[1] ?? page.url), page.url);
    const body = new URLSearchParams();
    for (const [field] of form.split(/<\/form/i)[0]?.matchAll(/<input[^>]*>/g) ?? []) {
      const name = /name="([^"]*)"/.exec(field)?.[1];
      if (name !== undefined) body.set(name, unescaped(/value="([^"]*)"/.exec(field)?.[1] ?? ''));
    }
    for (const [name, value] of Object.entries(values)) body.set(name, value);
    return await this.open(target.href, body);
  }

  #jar(url: URL): Map<string, string> {
    const jar = this.#cookies.get(url.hostname) ?? new Map<string, string>();
    this.#cookies.set(url.hostname, jar);
    return jar;
  }
}

interface Request {
  readonly method: 'GET' | 'POST';
  readonly body?: URLSearchParams;
}

export interface Page {
  readonly url: string;
  readonly status: number;
  readonly text: string;
}

function unescaped(text: string): string {
  return text
    .replaceAll(/&#(\d+);/g, (_, code: string) => String.fromCharCode(Number(code)))
    .replaceAll('&quot;', '"')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

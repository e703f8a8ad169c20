import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADA, CONTROL, type ControlGateway, controlGateway, GRACE, person, TARGET } from '../../test/support/control-gateway.ts';
import { html } from './pages/html.ts';
import { returnPath } from './return-path.ts';

let gateway: ControlGateway;
let ada: (path: string) => ReturnType<ControlGateway['send']>;
let grace: typeof ada;
beforeAll(async () => {
  gateway = await controlGateway();
  const as = async (who: Record<string, unknown>) => {
    const { cookie } = await gateway.signIn(who);
    return (path: string) => gateway.send(path, { headers: { cookie, accept: 'text/html' } });
  };
  ada = await as(ADA);
  grace = await as(GRACE);
});
afterAll(() => gateway.close());

const EVIL = '<img src=x onerror=alert(1)>"\'`';

describe('the home page', () => {
  it('says who is signed in, what is behind the gateway, how programs get in, and how to leave', async () => {
    const { text } = await ada('/');
    expect(text).toContain('Signed in as user:ada@acme.example');
    expect(text).toContain(`href="${TARGET}/"`);
    expect(text).toContain(`fairlead login ${CONTROL}`);
    expect(text).toContain('<form method="post" action="/logout">');
  });

  it('offers nobody the way in', async () => {
    const { status, text } = await gateway.send('/');
    expect(status).toBe(200);
    expect(text).toContain('href="/login"');
    expect(text).not.toContain('/logout');
  });
});

describe('the why page', () => {
  it('shows administrators rule, place, clause, what was seen, the nearest rule and whom to ask', async () => {
    const id = await gateway.decided(person('ada@acme.example', ['data']), ['secret']);
    const { status, text } = await grace(`/why/${id}`);
    expect(status).toBe(200);
    expect(text).toContain('<span class="verdict deny">Denied</span>');
    expect(text).toContain('web/platform-reads');
    expect(text).toContain('policies/web.yaml:8');
    expect(text).toContain('Ask data-team@acme.example');
    expect(text).toContain('web/secret');
  });

  it('shows the rule that allowed a call with its clauses as written and what was seen', async () => {
    const id = await gateway.decided(person('ada@acme.example', ['data']), ['reports', 'q1']);
    const { text } = await grace(`/why/${id}`);
    expect(text).toContain('Rules that decided');
    expect(text).toContain('policies/web.yaml:7');
    expect(text).toContain('<code>group:data</code>');
    expect(text).toContain('<span class="true">true</span>');
  });

  it('tells whom it concerns one sentence, and neither rules nor files', async () => {
    const id = await gateway.decided(person('ada@acme.example', ['data']), ['secret']);
    const { status, text } = await ada(`/why/${id}`);
    expect(status).toBe(200);
    expect(text).toContain(id);
    expect(text).toContain('ask an administrator');
    for (const hidden of ['policies/', 'platform-reads', 'group:platform']) expect(text).not.toContain(hidden);
  });

  it('is not there for others, and asks nobody to sign in and come back', async () => {
    const id = await gateway.decided(person('bob@acme.example', []), ['secret']);
    const other = await ada(`/why/${id}`);
    expect(other.status).toBe(404);
    expect(other.text).toContain('<h1>Not found</h1>');
    expect((await gateway.send(`/why/${id}`)).location).toBe(`${CONTROL}/login?return=%2Fwhy%2F${id}`);
  });

  it('writes what came from outside as text, whatever it holds', async () => {
    const id = await gateway.decided(person('ada@acme.example', ['data']), [EVIL]);
    const { text } = await grace(`/why/${id}`);
    expect(text).not.toContain('<img');
    expect(text).toContain('&#60;img src=x onerror=alert(1)&#62;&#34;&#39;&#96;');
  });
});

describe('the decisions page', () => {
  it('shows administrators those of everybody, filtered as the form says, and keeps the form', async () => {
    await gateway.decided(person('bob@acme.example', []), ['secret']);
    const all = (await grace('/decisions?verdict=deny&within=1h&caller=&action=')).text;
    expect(all).toContain('user:bob@acme.example');
    expect(all).toContain('<option value="deny" selected>denied</option>');
    expect(all).toContain('<option value="1h" selected>last hour</option>');
    const one = (await grace('/decisions?caller=user:ada@acme.example')).text;
    expect(one).not.toContain('user:bob@acme.example');
    expect(one).toContain('value="user:ada@acme.example"');
  });

  it('shows others their own alone', async () => {
    const { text } = await ada('/decisions');
    expect(text).toContain('Recent decisions about you');
    expect(text).not.toContain('user:bob@acme.example');
    expect((await ada('/decisions?caller=user:bob@acme.example')).status).toBe(403);
  });

  it('leads to older ones with the filter kept', async () => {
    for (let index = 0; index < 55; index++)
      await gateway.decided(person('ada@acme.example', ['data']), ['reports', String(index)]);
    const { text } = await ada('/decisions?target=web');
    const link = /href="(\/decisions\?[^"]+)">Older/.exec(text)?.[1]?.replaceAll('&#38;', '&') ?? '';
    expect(link).toContain('target=web');
    const older = await ada(link);
    expect(older.status).toBe(200);
    expect(older.text).toContain('web/reports/0<');
    expect(text).not.toContain('web/reports/0<');
  });

  it('refuses a filter that means nothing on an error page, and shows it again as text alone', async () => {
    for (const query of ['verdict=maybe', 'within=ever', 'x=1', 'target=a&target=b']) {
      const answer = await grace(`/decisions?${query}`);
      expect(answer.status, query).toBe(400);
      expect(answer.text).toContain('<h1>That did not work</h1>');
    }
    const shown = await grace(`/decisions?${new URLSearchParams({ resource: EVIL })}`);
    expect(shown.text).not.toContain('<img');
  });
});

describe('every page', () => {
  it('has a language, one heading, a title, labels for its fields and no script or outside resource', async () => {
    const id = await gateway.decided(person('ada@acme.example', ['data']), ['secret']);
    for (const path of ['/', '/decisions', `/why/${id}`, '/nothing']) {
      const { text } = await grace(path);
      expect(text, path).toMatch(/^<!doctype html>\n<html lang="en">/);
      expect(text.match(/<h1>/g), path).toHaveLength(1);
      expect(text, path).toMatch(/<title>[^<]+ – Fairlead<\/title>/);
      expect(text, path).toContain('name="viewport"');
      expect(text, path).not.toMatch(/<script|<link|<img|<iframe|\son\w+=|javascript:|\sstyle=/i);
      for (const [, name] of text.matchAll(/<(?:input|select) id="(\w+)"/g)) expect(text).toContain(`<label for="${name}">`);
    }
  });
});

describe('html', () => {
  it('never lets a value become markup or leave its quotes', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'<>"\'`&;#a \\\u0000\u202e\ufeff') }), (text) => {
        const made = html`<a title="${text}">${[text, [text]]}</a>`.text;
        expect(made.match(/[<>]/g)).toHaveLength(4);
        expect(made.match(/"/g)).toHaveLength(2);
      }),
    );
  });
});

describe('a path to return to', () => {
  it('stays on the origin for any text', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.webUrl(),
          fc.string().map((text) => `/${text}`),
        ),
        (text) => {
          const url = new URL(`${CONTROL}${returnPath(text)}`);
          expect(url.origin).toBe(CONTROL);
          expect(returnPath(text)).not.toMatch(/^\/[/\\]/);
        },
      ),
    );
  });
});

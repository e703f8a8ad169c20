import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasChromium, launchChromium } from './support/chromium.ts';
import { ADA, type ControlGateway, controlGateway, GRACE, person } from './support/control-gateway.ts';
import { freePort } from './support/ports.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Browsers have their own word on cookies, form targets and policies; without one on this machine there is nothing to ask. */
describe.skipIf(!hasChromium)('the pages in Chromium', () => {
  let gateway: ControlGateway;
  let browser: Browser;
  let origin: string;
  const violations: string[] = [];

  beforeAll(async () => {
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    gateway = await controlGateway({ origin, port });
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
  });

  async function open(
    who: Record<string, unknown>,
    given: { width?: number; colorScheme?: 'light' | 'dark' } = {},
  ): Promise<Page> {
    const { width = 1200, colorScheme = 'light' } = given;
    const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme });
    const page = await context.newPage();
    page.on('console', (message) => {
      if (/Content Security Policy/.test(message.text())) violations.push(message.text());
    });
    gateway.provider.visitor = who;
    await page.goto(`${origin}/decisions`);
    return page;
  }

  it('sign in, come back to the page that was asked for, and sign out for good', async () => {
    const page = await open(ADA);
    expect(page.url()).toBe(`${origin}/decisions`);
    await page.getByRole('link', { name: 'Fairlead' }).click();
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Signed in as user:ada@acme.example');
    const cookies = await page.context().cookies();
    expect(cookies.every(({ httpOnly, sameSite }) => httpOnly && sameSite === 'Lax')).toBe(true);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.waitForURL(`${origin}/`);
    expect(await page.textContent('main')).toContain('You are not signed in');
    await page.context().addCookies(cookies);
    await page.goto(`${origin}/`);
    expect(await page.textContent('main')).toContain('You are not signed in');
    await page.context().close();
  });

  it('work under another loopback name by way of their own', async () => {
    const page = await open(ADA);
    await page.goto(`${origin.replace('127.0.0.1', 'localhost')}/decisions?verdict=deny`);
    expect(page.url()).toBe(`${origin}/decisions?verdict=deny`);
    await page.context().close();
  });

  it('filter decisions and explain one', async () => {
    const id = await gateway.decided(person('ada@acme.example', ['data']), ['secret']);
    const page = await open(GRACE);
    await page.getByLabel('Caller').fill('user:ada@acme.example');
    await page.getByLabel('Verdict').selectOption('deny');
    await page.getByRole('button', { name: 'Show' }).click();
    await page.getByRole('link', { name: `Why ${id}` }).click();
    expect(page.url()).toBe(`${origin}/why/${id}`);
    expect(await page.textContent('main')).toContain('What would allow it');
    await page.context().close();
  });

  it('approve the sign-in of a command, whose listener then gets the code', async () => {
    const listener = createServer((request, response) => {
      received.push(request.url ?? '');
      response.writeHead(303, { location: `${origin}/` }).end();
    });
    const received: string[] = [];
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const { port } = listener.address() as AddressInfo;
    const page = await open(ADA);
    const query = new URLSearchParams({ port: String(port), challenge: 'c'.repeat(43), state: 's'.repeat(22), label: 'test' });
    await page.goto(`${origin}/login/cli?${query}`);
    expect(received).toEqual([]);
    await page.getByRole('button', { name: 'Sign it in' }).click();
    await page.waitForURL(`${origin}/`);
    expect(received).toEqual([expect.stringMatching(/^\/callback\?code=[\w-]{43}&state=s{22}$/)]);
    listener.close();
    listener.closeAllConnections();
    await page.context().close();
  });

  it.each([
    ['a wide light screen', 1200, 'light'],
    ['a wide dark screen', 1200, 'dark'],
    ['a phone', 360, 'light'],
  ] as const)('are accessible and fit on %s', async (_name, width, colorScheme) => {
    const denied = await gateway.decided(person('ada@acme.example', ['data']), ['a-rather-long-name'.repeat(6)]);
    const allowed = await gateway.decided(person('ada@acme.example', ['data']), ['reports', 'q1']);
    const page = await open(GRACE, { width, colorScheme });
    const cli = `/login/cli?${new URLSearchParams({ port: '50001', challenge: 'c'.repeat(43), state: 's'.repeat(22) })}`;
    for (const path of ['/', '/decisions', `/why/${denied}`, `/why/${allowed}`, cli, '/nothing', '/decisions?verdict=x']) {
      await page.goto(`${origin}${path}`);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect(overflow, path).toBeLessThanOrEqual(0);
      // Through the debugger's protocol, which the page's policy does not meet.
      await page.evaluate(AXE);
      const found = await page.evaluate(
        'axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa", "best-practice"] }).then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes[0].html))',
      );
      expect(found, path).toEqual([]);
      if (process.env['FAIRLEAD_SCREENSHOTS'] !== undefined) {
        const name = `${path.split('?')[0]?.replaceAll('/', '_').slice(0, 12)}-${path === `/why/${denied}` ? 'denied' : ''}${width}-${colorScheme}`;
        await page.screenshot({ path: `${process.env['FAIRLEAD_SCREENSHOTS']}/${name}.png`, fullPage: true });
      }
    }
    await page.context().close();
  });

  it('never ran into their own policy', () => {
    expect(violations).toEqual([]);
  });
});

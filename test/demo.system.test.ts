import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import WebSocket from 'ws';
import { Browser } from './support/browser.ts';
import { hasChromium, launchChromium } from './support/chromium.ts';
import { Demo } from './support/demo.ts';
import { describeWithPrefect, theEnvironment } from './support/with-prefect.ts';

/** The README's transcript: what it shows is run here, on the demo as a user starts it. */
describeWithPrefect('the demo', () => {
  let demo: Demo;
  let denied = '';

  beforeAll(async () => {
    demo = await Demo.create(theEnvironment());
    await demo.start('go ahead', 600_000);
  }, 620_000);
  afterAll(() => demo?.dispose());

  it('signs the three people in by the command', async () => {
    for (const person of ['ada', 'vic', 'lee']) expect(await demo.login(person)).toMatchObject({ code: 0 });
    const me = await demo.fairlead('ada', 'whoami', '-o', 'json');
    expect(JSON.parse(me.stdout)).toMatchObject({
      subject: 'user:ada@acme.example',
      groups: ['data-engineers'],
      administrator: false,
    });
    const lead = await demo.fairlead('lee', 'whoami', '-o', 'json');
    expect(JSON.parse(lead.stdout)).toMatchObject({ administrator: true });
  });

  for (const { person, command, expected } of transcript()) {
    if (command.includes(' revoke ')) continue;
    it(`shows ${person}, as the README does: ${command}`, async () => {
      const { text } = await say(demo, person, command.replace('DECISION', denied));
      denied = /\(decision ([0-9a-f-]{36})\)/.exec(text.replaceAll('\n', ' ').replaceAll('  ', ' '))?.[1] ?? denied;
      for (const line of expected) expect(folded(text)).toMatch(wildcard(folded(line)));
    });
  }

  it('recorded the run of the engineer with what came of it', async () => {
    const { entries } = await search(demo, 'lee', '--action', 'prefect.deployment.run', '--caller', 'user:ada@acme.example');
    expect(entries[0]).toMatchObject({ decision: { verdict: 'allow' }, outcome: { outcome: { kind: 'answered', status: 201 } } });
  });

  it('names the engineer as the creator of the run in Prefect itself', async () => {
    const settings = await demo.prefectSettings('ada');
    const headers = { ...JSON.parse(settings['PREFECT_CLIENT_CUSTOM_HEADERS'] ?? '{}'), 'content-type': 'application/json' };
    const answer = await fetch(`${settings['PREFECT_API_URL']}/flow_runs/filter`, {
      method: 'POST',
      headers,
      body: '{"limit":5}',
    });
    const runs = (await answer.json()) as { created_by: { display_value: string } | null }[];
    expect(runs.some((run) => run.created_by?.display_value === 'user:ada@acme.example')).toBe(true);
  });

  it('explains it in short to the viewer, in full to the administrator, and not at all to others', async () => {
    const short = await demo.fairlead('vic', 'explain', denied);
    expect(short.stdout).toContain('no rule allows it');
    expect(short.stdout).not.toContain('policies/prefect.yaml');
    const full = await demo.fairlead('lee', 'explain', denied);
    expect(full.stdout).toMatch(
      /prefect\/engineers-run-and-deploy-etl\s+policies\/prefect\.yaml:\d+\s+needs group `data-engineers`; ask lee@acme\.example/,
    );
    expect((await demo.fairlead('ada', 'explain', denied)).text).toContain('DECISION_UNKNOWN');
  });

  it('finds it in the record, and the viewer finds only their own', async () => {
    const { entries } = await search(demo, 'lee', '--verdict', 'deny');
    expect(entries.map(({ id }) => id)).toContain(denied);
    const own = await search(demo, 'vic', '--limit', '200');
    expect(new Set(own.entries.map(({ caller }) => caller))).toEqual(new Set(['user:vic@acme.example']));
  });

  it('answers `can-i` by exit code', async () => {
    const asked = ['can-i', 'prefect.deployment.run', 'prefect/deployments/etl/nightly'];
    expect((await demo.fairlead('ada', ...asked)).code).toBe(0);
    expect((await demo.fairlead('vic', ...asked)).code).toBe(2);
  });

  it('shows what a rule that only watches would have denied', async () => {
    const page = await signedInPage(demo, 'vic', `http://127.0.0.1:${demo.ports.web}/reports`);
    expect(page.status).toBe(200);
    const { entries } = await search(demo, 'lee', '--target', 'web', '--caller', 'user:vic@acme.example');
    const watched = entries.flatMap(
      ({ decision }) => decision?.requests.flatMap(({ wouldDeny }) => wouldDeny.map(({ name }) => name)) ?? [],
    );
    expect(watched).toContain('web/reports-are-for-leads');
    const shown = await demo.fairlead('lee', 'audit', 'search', '--target', 'web', '--caller', 'user:vic@acme.example');
    expect(shown.stdout).toMatch(/allow, would deny .* web\/reports /);
    expect((await signedInPage(demo, 'vic', `http://127.0.0.1:${demo.ports.web}/admin`)).status).toBe(403);
  });

  it.skipIf(!hasChromium)(
    'shows the viewer who clicks Run in the web application the sentence, and calls no vendor',
    async () => {
      const browser = await launchChromium();
      try {
        const page = await browser.newPage();
        const origin = `http://127.0.0.1:${demo.ports.prefect}`;
        const foreign = new Set<string>();
        page.on('response', (answer) => {
          const { hostname } = new URL(answer.url());
          if (hostname !== '127.0.0.1' && hostname !== '') foreign.add(hostname);
        });
        await page.goto(origin);
        await page.fill('input[type=email]', 'vic@acme.example');
        await page.fill('input[type=password]', demo.passwordOf('vic@acme.example'));
        await page.click('button[type=submit]');
        await page.waitForURL(`${origin}/v2/**`);
        await page.goto(`${origin}/v2/deployments`);
        await page.getByText('nightly').first().click();
        await page.getByRole('button', { name: 'Run' }).first().click();
        await page.getByRole('menuitem', { name: /Quick run/i }).click();
        const toast = page.getByText(/`user:vic@acme\.example` may not `prefect\.deployment\.run`/).first();
        await toast.waitFor();
        expect(await toast.textContent()).toMatch(/no rule allows it \(decision [0-9a-f-]{36}\)/);
        expect([...foreign]).toEqual([]);
        // The older application stays blank without its settings.
        await page.context().addCookies([{ name: 'prefect_ui_version', value: 'v1', url: origin }]);
        await page.goto(`${origin}/dashboard`);
        await page.getByText('Flow Runs').first().waitFor();
      } finally {
        await browser.close();
      }
    },
  );

  it('closes an open socket of the engineer within a second of the revocation', async () => {
    const settings = await demo.prefectSettings('ada');
    const headers = JSON.parse(settings['PREFECT_CLIENT_CUSTOM_HEADERS'] ?? '{}') as Record<string, string>;
    const socket = new WebSocket(`ws://127.0.0.1:${demo.ports.prefect}/api/events/in`, 'prefect', { headers });
    await new Promise((open, failed) => {
      socket.on('open', open);
      socket.on('error', failed);
    });
    const closed = new Promise<{ code: number; at: number }>((done) =>
      socket.on('close', (code) => done({ code, at: performance.now() })),
    );
    const revoked = await demo.fairlead('lee', 'revoke', 'user:ada@acme.example');
    const answered = performance.now();
    expect(revoked.code).toBe(0);
    const { code, at } = await closed;
    expect(code).toBe(1008);
    // The command returns after the revocation took effect, so the socket may close before it does.
    expect(at - answered).toBeLessThan(1000);
    expect((await demo.prefect('ada', 'deployment', 'ls').catch((error: Error) => ({ text: error.message }))).text).toMatch(
      /CREDENTIAL_REVOKED|revoked|401/,
    );
  });

  it('leaves nothing behind when its process is killed, also not the worker and its runs', async () => {
    demo.signal('SIGKILL');
    await demo.ended();
    const until = Date.now() + 20_000;
    while (processesOf(demo.folder).length > 0 && Date.now() < until) await new Promise((done) => setTimeout(done, 250));
    expect(processesOf(demo.folder)).toEqual([]);
  });

  it('starts again and deploys nothing that exists', async () => {
    await demo.start('go ahead', 180_000);
    expect(demo.output).not.toContain('being deployed');
    demo.signal('SIGINT');
    await demo.ended();
    expect(processesOf(demo.folder)).toEqual([]);
  });
});

interface Spoken {
  readonly person: string;
  readonly command: string;
  readonly expected: readonly string[];
}

/** The README's commands, who gives them, and the lines that they print; `…` stands for whatever differs from run to run. */
function transcript(): readonly Spoken[] {
  const readme = readFileSync(join(import.meta.dirname, '../README.md'), 'utf8');
  const block = /<!-- transcript -->\n```console\n([\s\S]*?)```/.exec(readme)?.[1] ?? '';
  const people: Readonly<Record<string, string>> = { engineer: 'ada', viewer: 'vic', lead: 'lee' };
  const spoken: (Spoken & { expected: string[] })[] = [];
  let person = '';
  for (const line of block.split('\n')) {
    if (line.startsWith('# ')) person = people[/# the (\w+)/.exec(line)?.[1] ?? ''] ?? '';
    else if (line.startsWith('$ ')) spoken.push({ person, command: line.slice(2), expected: [] });
    else if (line.trim() !== '') spoken.at(-1)?.expected.push(line);
  }
  if (spoken.length < 7) throw new Error('the README has no transcript');
  return spoken;
}

async function say(demo: Demo, person: string, command: string): Promise<{ readonly text: string }> {
  const [program = '', ...args] = command.split(' ');
  return program === 'prefect' ? await demo.prefect(person, ...args) : await demo.fairlead(person, ...args);
}

/** Without line breaks and runs of spaces, which depend on the width of the terminal. */
function folded(text: string): string {
  return text.replaceAll(/\s+/g, ' ').trim();
}

function wildcard(text: string): RegExp {
  return new RegExp(text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&').replaceAll('…', '.*?'));
}

interface Found {
  readonly id: string;
  readonly caller?: string;
  readonly decision?: { readonly requests: readonly { readonly wouldDeny: readonly { readonly name: string }[] }[] };
}

async function search(demo: Demo, person: string, ...args: string[]): Promise<{ entries: readonly Found[] }> {
  const found = await demo.fairlead(person, 'audit', 'search', ...args, '-o', 'json');
  expect(found.text).not.toContain('fairlead:');
  return { entries: JSON.parse(found.stdout) as Found[] };
}

async function signedInPage(demo: Demo, person: string, url: string) {
  const browser = new Browser();
  const page = await browser.open(url);
  const email = `${person}@acme.example`;
  return await browser.submit(page, '/', { email, password: demo.passwordOf(email) });
}

/** Command lines of processes that work in the demo's folder. */
function processesOf(folder: string): string[] {
  const text = execFileSync('ps', ['-eo', 'pid,args'], { encoding: 'utf8' });
  return text.split('\n').filter((line) => line.includes(folder));
}

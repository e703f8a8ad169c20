import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { Browser as PlainBrowser } from '../support/browser.ts';
import { hasChromium, launchChromium } from '../support/chromium.ts';
import { type ForeignStage, startForeignStage } from '../support/foreign-stage.ts';
import { type Answer, call, PROCESS_TEMPLATE, type Running, startWorker } from '../support/prefect.ts';
import { mustOpen } from '../support/socket.ts';
import { describeWithPrefect, theEnvironment } from '../support/with-prefect.ts';

/** The example's etl team. */
const FLOW = `
from prefect import flow, task


@task
def double(n: int) -> int:
    return n * 2


@flow
def etl(n: int = 2) -> int:
    return double(n)
`;

const TOKEN = 'eval "$(fairlead token --for prefect 2> /dev/null)"';

/** docs/how-to/protect-prefect.md from its first to its last step, by the stock programs of the people who take them. */
describeWithPrefect('the examples in front of a Prefect server and an OpenID provider that run by themselves', () => {
  let stage: ForeignStage;
  let chromium: Browser | undefined;
  let worker: Running | undefined;
  const contexts = new Map<string, BrowserContext>();
  const denied = { viewer: '', engineer: '' };
  /** What the command printed as the address of the run. */
  let link = '';

  beforeAll(async () => {
    stage = await startForeignStage(theEnvironment());
    if (hasChromium) chromium = await launchChromium();
    await stage.up();
  });
  afterAll(async () => {
    await worker?.stop();
    await chromium?.close();
    await stage?.close();
  });

  it('`fairlead check` takes them', async () => {
    const checked = await stage.sh('lee', 'fairlead check -c fairlead.yaml');
    expect(checked.code, checked.text).toBe(0);
    expect(checked.stdout).toMatch(/0 failed; 0 errors, 0 warnings$/m);
  });

  it("people sign the command in through the provider's own pages", async () => {
    for (const person of ['ada', 'vic', 'lee']) {
      const [ran] = await Promise.all([stage.sh(person, `fairlead login ${stage.origin}`), signIn(person)]);
      expect(ran.code, ran.text).toBe(0);
      expect(ran.stdout).toContain(`as user:${person}@acme.example until`);
    }
    const me = JSON.parse((await stage.sh('lee', 'fairlead whoami -o json')).stdout) as object;
    expect(me).toMatchObject({ subject: 'user:lee@acme.example', groups: ['data-leads', 'platform'], administrator: true });
  });

  it('while the target only watches, every call passes, and the record says what would have been denied', async () => {
    const { api } = await stage.prefect;
    const made = await asVic('POST', '/variables/', { name: 'watched', value: 1 });
    expect(made.status, made.text).toBe(201);
    expect((await api('GET', '/variables/name/watched')).status).toBe(200);
    const { stdout } = await stage.sh('lee', 'fairlead audit search --verdict deny --since 1h');
    expect(stdout).toMatch(/would deny +user:vic@acme\.example +prefect\.variable\.create /);
  });

  it('without `mode: observe` the same call is denied', async () => {
    const text = readFileSync(stage.configFile, 'utf8');
    const enforced = text.replace(/^ +mode: observe.*\n/m, '');
    expect(enforced).not.toBe(text);
    writeFileSync(stage.configFile, enforced);
    expect(await stage.down()).toBe(0);
    await stage.up();
    const made = await asVic('POST', '/variables/', { name: 'enforced', value: 1 });
    expect(made).toMatchObject({ status: 403, body: { detail: expect.stringContaining('`prefect.variable.create`') } });
  });

  it('the engineer deploys and runs, and the worker finishes the run', async () => {
    const { api } = await stage.prefect;
    await api('POST', '/work_pools/', { name: 'etl-process', type: 'process', base_job_template: PROCESS_TEMPLATE });
    writeFileSync(join(stage.folder, 'flow.py'), FLOW);
    const [started, deployed] = await Promise.all([
      startWorker({ environment: theEnvironment(), url: stage.url, token: await workload() }, 'etl-process'),
      stage.sh('ada', `${TOKEN}; prefect --no-prompt deploy flow.py:etl -n nightly -p etl-process`),
    ]);
    worker = started;
    expect(deployed.code, deployed.text).toBe(0);
    const ran = await stage.sh('ada', `${TOKEN}; prefect deployment run etl/nightly --watch`);
    expect(ran.code, ran.text).toBe(0);
    expect(ran.text).toContain("Flow run finished successfully in 'Completed'.");
    link = /URL: (http\S+)/.exec(ran.text)?.[1] ?? '';
    expect(link).toMatch(new RegExp(`^${stage.url}/runs/flow-run/[0-9a-f-]{36}$`));
    const runs = await api('POST', '/flow_runs/filter', {});
    expect(runs.body).toMatchObject([{ state_type: 'COMPLETED', created_by: { display_value: 'user:ada@acme.example' } }]);
  });

  it('the viewer reads the sentence', async () => {
    const ran = await stage.sh('vic', `${TOKEN}; prefect deployment run etl/nightly`);
    expect(ran.code).toBe(1);
    denied.viewer = decisionOf(ran.text);
    expect(ran.text).toContain('`user:vic@acme.example` may not `prefect.deployment.run` on `prefect/deployments/etl/nightly`');
  });

  it('the engineer reads the sentence for what is in production', async () => {
    const { api } = await stage.prefect;
    const { body } = await api('GET', '/deployments/name/etl/nightly');
    await api('PATCH', `/deployments/${body.id}`, { tags: ['prod'] });
    const refused = await as('ada', 'POST', `/deployments/${body.id}/create_flow_run`, {});
    expect(refused.status).toBe(403);
    denied.engineer = decisionOf(refused.text);
    await api('PATCH', `/deployments/${body.id}`, { tags: [] });
  });

  it('`fairlead explain` shows an administrator rule, file, line, clause and nearest rule, and others the short form', async () => {
    const nearest = await stage.sh('lee', `fairlead explain ${denied.viewer}`);
    expect(nearest.stdout).toMatch(
      /prefect\/engineers-run-and-deploy-etl +policies\/prefect\.yaml:\d+ +needs group `data-engineers`; ask data-platform@acme\.example/,
    );
    const full = await stage.sh('lee', `fairlead explain ${denied.engineer}`);
    const line = lineOf('name: production-is-for-leads');
    expect(full.stdout).toContain('RULE_DENIED');
    expect(full.stdout).toMatch(new RegExp(`prefect/production-is-for-leads +policies/prefect\\.yaml:${line}\\b`));
    expect(full.stdout).toContain('"prod" in resource.tags');
    for (const [person, id] of [
      ['vic', denied.viewer],
      ['ada', denied.engineer],
    ] as const) {
      const short = await stage.sh(person, `fairlead explain ${id}`);
      expect(short.code, short.text).toBe(0);
      expect(short.stdout).toMatch(/^you may not `prefect\.deployment\.run` on `prefect\/deployments\/etl\/nightly`/);
      expect(short.stdout).not.toContain('policies/prefect.yaml');
    }
    expect((await stage.sh('vic', `fairlead explain ${denied.engineer}`)).text).toContain('DECISION_UNKNOWN');
  });

  it.skipIf(!hasChromium)('the address that the command printed opens the run in the web application', async () => {
    const page = await pageOf('vic');
    await page.goto(link);
    await page.getByText('Completed').first().waitFor();
    expect(page.url()).toContain(new URL(link).pathname);
  });

  it.skipIf(!hasChromium)('the viewer who clicks Run in the web application reads the sentence there', async () => {
    const page = await pageOf('vic');
    await page.goto(stage.url);
    await page.waitForURL(`${stage.url}/v2/**`);
    await page.goto(`${stage.url}/v2/deployments`);
    await page.getByText('nightly').first().click();
    await page.getByRole('button', { name: 'Run' }).first().click();
    await page.getByRole('menuitem', { name: /Quick run/i }).click();
    const toast = page.getByText(/`user:vic@acme\.example` may not `prefect\.deployment\.run`/).first();
    await toast.waitFor();
    expect(await toast.textContent()).toMatch(/no rule allows it \(decision [0-9a-f-]{36}\)/);
  });

  it('`fairlead audit search` shows all of it', async () => {
    const found = await recorded();
    const run = { action: 'prefect.deployment.run' };
    expect(found).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ ...run, caller: 'user:ada@acme.example', verdict: 'allow' }),
        expect.objectContaining({ action: 'prefect.deployment.create', caller: 'user:ada@acme.example', verdict: 'allow' }),
        expect.objectContaining({ action: 'prefect.flow_run.report', caller: 'workload:data/prefect-worker', verdict: 'allow' }),
        expect.objectContaining({ ...run, caller: 'user:vic@acme.example', verdict: 'deny', id: denied.viewer }),
        expect.objectContaining({ ...run, caller: 'user:ada@acme.example', verdict: 'deny', id: denied.engineer }),
      ]),
    );
  });

  it('nothing but that was denied to any of them', async () => {
    const others = (await recorded('--verdict', 'deny')).filter(
      ({ caller, action }) =>
        caller !== 'anonymous' && action !== 'prefect.deployment.run' && action !== 'prefect.variable.create',
    );
    expect(others).toEqual([]);
  });

  it('a revocation of the engineer closes an open socket within a second', async () => {
    const { settings } = await tokenOf('ada');
    const socket = await mustOpen(`${stage.url}/api/events/in`, JSON.parse(settings.PREFECT_CLIENT_CUSTOM_HEADERS));
    const revoked = await stage.sh('lee', 'fairlead revoke user:ada@acme.example');
    const answeredMs = Date.now();
    expect(revoked.code, revoked.text).toBe(0);
    const closed = await socket.closed;
    expect(closed.code).toBe(1008);
    expect(closed.atMs - answeredMs).toBeLessThan(1_000);
    expect((await as('ada', 'GET', '/deployments/name/etl/nightly')).status).toBe(401);
  });

  /** The way from the address that the command opened to its approval, in a browser of this person's own. */
  async function signIn(person: string): Promise<void> {
    const address = await stage.opened(person);
    if (chromium === undefined) return await signInPlainly(person, address);
    const page = await pageOf(person);
    await page.goto(address);
    await page.fill('input[name=login]', person);
    await page.fill('input[name=password]', 'anything');
    await page.getByRole('button', { name: 'Sign-in' }).click();
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByRole('button', { name: 'Sign it in' }).click();
    await page.waitForURL(`${stage.origin}/`);
  }

  async function signInPlainly(person: string, address: string): Promise<void> {
    const browser = new PlainBrowser();
    const asked = await browser.submit(await browser.open(address), '/interaction/', { login: person, password: 'anything' });
    await browser.submit(await browser.submit(asked, '/interaction/', {}), '/login/cli', {});
  }

  async function pageOf(person: string): Promise<Page> {
    const context = contexts.get(person) ?? (await chromium?.newContext());
    if (context === undefined) throw new Error('no Chromium here');
    contexts.set(person, context);
    // The provider's pages ask for a font elsewhere.
    await context.route(/^https:/, (route) => route.abort());
    return await context.newPage();
  }

  const tokens = new Map<string, Token>();

  async function tokenOf(person: string): Promise<Token> {
    const known = tokens.get(person);
    if (known !== undefined) return known;
    const made = await stage.sh(person, 'fairlead token --for prefect -o json');
    expect(made.code, made.text).toBe(0);
    tokens.set(person, JSON.parse(made.stdout) as Token);
    return await tokenOf(person);
  }

  async function as(person: string, method: string, path: string, body?: unknown): Promise<Answer> {
    const { settings } = await tokenOf(person);
    return await call(stage.url, { method, path, body, headers: JSON.parse(settings.PREFECT_CLIENT_CUSTOM_HEADERS) });
  }

  const asVic = (method: string, path: string, body?: unknown) => as('vic', method, path, body);

  /** Each request of each decision that the administrator finds. */
  async function recorded(...options: readonly string[]) {
    const { stdout } = await stage.sh('lee', `fairlead audit search --target prefect --limit 500 -o json ${options.join(' ')}`);
    return (JSON.parse(stdout) as Entry[]).flatMap(({ id, caller, decision }) =>
      (decision?.requests ?? []).map(({ action }) => ({ id, caller, verdict: decision?.verdict, action })),
    );
  }

  /** As the cluster gives it to the pod of the worker. */
  async function workload(): Promise<string> {
    return await stage.cluster.sign({
      sub: 'system:serviceaccount:data:prefect-worker',
      'kubernetes.io': { namespace: 'data', serviceaccount: { name: 'prefect-worker', uid: 'uid-1' } },
    });
  }

  function lineOf(text: string): number {
    const lines = readFileSync(join(stage.folder, 'policies', 'prefect.yaml'), 'utf8').split('\n');
    return lines.findIndex((line) => line.includes(text)) + 1;
  }
});

interface Token {
  readonly settings: { readonly PREFECT_API_URL: string; readonly PREFECT_CLIENT_CUSTOM_HEADERS: string };
}

interface Entry {
  readonly id: string;
  readonly caller?: string;
  readonly decision?: { readonly verdict: string; readonly requests: readonly { readonly action: string }[] };
}

function decisionOf(text: string): string {
  const id = /\(decision ([0-9a-f-]{36})\)/.exec(text)?.[1];
  expect(id, text).toBeDefined();
  return id ?? '';
}

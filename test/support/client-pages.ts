import type { BrowserContext, Page } from 'playwright-core';
import type { ClientStage } from './client-stage.ts';

/** The lists that the menu of UI v2 leads to, and what each says when it is empty. */
const LISTS = [
  'dashboard',
  'runs',
  'flows',
  'deployments',
  'work-pools',
  'blocks',
  'variables',
  'automations',
  'events',
  'concurrency-limits',
] as const;
const EMPTY = /to get started|No events found|Add a concurrency limit/;

/** A browser in which somebody has signed in on the way to the web application. */
export async function signedIn(stage: ClientStage, person: string, groups: readonly string[]): Promise<BrowserContext> {
  const context = await (await stage.chromium()).newContext();
  stage.gateway.signsIn(person, groups);
  const page = await context.newPage();
  await page.goto(stage.gateway.url);
  return context;
}

/** What each list of UI v2 shows to somebody who may see none: the words of an empty page. */
export async function emptyLists(context: BrowserContext, url: string): Promise<Readonly<Record<string, string>>> {
  const shown: [string, string][] = [];
  const page = await context.newPage();
  for (const name of LISTS) {
    await page.goto(`${url}/v2/${name}`);
    await page.getByText(EMPTY).or(page.getByText('Something went wrong')).first().waitFor();
    shown.push([name, await textOf(page)]);
  }
  await page.close();
  return Object.fromEntries(shown);
}

/** UI v2 at the list of deployments. */
export async function deploymentList(context: BrowserContext, stage: ClientStage): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${stage.gateway.url}/v2/deployments`);
  await page.getByText('nightly').first().waitFor();
  return page;
}

/** Sorts that list the other way, so that the application asks for it again; yields what the page says then. */
export async function resorted(page: Page): Promise<string> {
  await page.getByText('A to Z').first().click();
  await page.getByText('Z to A').first().click();
  await page.getByText('Something went wrong').first().waitFor();
  return await textOf(page);
}

/** UI v2 at a deployment, ready to press Run. */
export async function deploymentPage(context: BrowserContext, stage: ClientStage): Promise<Page> {
  const page = await context.newPage();
  await page.goto(`${stage.gateway.url}/v2/deployments/deployment/${stage.deploymentId}`);
  await page.getByRole('button', { name: 'Run' }).first().waitFor();
  return page;
}

/** Presses Run there; yields the words of the message that matches. */
export async function pressRun(page: Page, message: RegExp): Promise<string> {
  await page.getByRole('button', { name: 'Run' }).first().click();
  await page.getByRole('menuitem', { name: /Quick run/i }).click();
  const shown = page.getByText(message).first();
  await shown.waitFor();
  return (await shown.textContent()) ?? '';
}

/** UI v1 at the same deployment. */
export async function oldDeploymentPage(context: BrowserContext, stage: ClientStage): Promise<Page> {
  await context.addCookies([{ name: 'prefect_ui_version', value: 'v1', url: stage.gateway.url }]);
  const page = await context.newPage();
  await page.goto(`${stage.gateway.url}/deployments/deployment/${stage.deploymentId}`);
  await page.getByRole('button', { name: 'Run', exact: true }).first().waitFor();
  return page;
}

/** Presses Run there; yields all that the page says after both messages have come. */
export async function pressOldRun(page: Page, message: RegExp): Promise<string> {
  await page.getByRole('button', { name: 'Run', exact: true }).first().click();
  await page
    .getByText(/Quick run/i)
    .first()
    .click();
  await page.getByText(message).first().waitFor();
  await page.getByText('Oops. Something went wrong').first().waitFor();
  return await textOf(page);
}

/** What a page says, and where its links lead. */
export async function opened(context: BrowserContext, url: string) {
  const page = await context.newPage();
  const answer = await page.goto(url);
  return {
    page,
    status: answer?.status(),
    refresh: answer?.headers()['refresh'],
    text: await textOf(page),
    why: await page
      .getByRole('link', { name: 'Why?' })
      .getAttribute('href', { timeout: 1_000 })
      .catch(() => null),
  };
}

/** All words of a page, in the order of its elements. */
export async function textOf(page: Page): Promise<string> {
  return (await page.locator('body').textContent()) ?? '';
}

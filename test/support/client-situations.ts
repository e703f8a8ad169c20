import type { BrowserContext, Page } from 'playwright-core';
import { hasChromium } from './chromium.ts';
import * as pages from './client-pages.ts';
import type { ClientStage } from './client-stage.ts';
import { type Ended, type Running, until } from './prefect.ts';
import type { Cell } from './shown-table.ts';
import { mustOpen } from './socket.ts';

/** Arguments of the commands that the table names. */
export const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  'deployment run': ['deployment', 'run', 'clients/nightly'],
  'work-pool create': ['work-pool', 'create', 'clients-made', '--type', 'process'],
  'block inspect': ['block', 'inspect', 'secret/clients'],
  'variable get': ['variable', 'get', 'clients'],
  'deployment ls': ['deployment', 'ls'],
  deploy: ['--no-prompt', 'deploy', 'flow.py:clients', '-n', 'mine', '-p', 'clients'],
};

/** Clients that were at work before anything went wrong. */
export interface AtWork {
  /** Its polls are denied. */
  readonly unpolled: Running;
  readonly worker: Running;
  readonly run: Running;
  /** These two hold tokens that are about to end. */
  readonly late: Running;
  readonly lateRun: Running;
}

export async function startClients(stage: ClientStage): Promise<AtWork> {
  const begun = [stage.worker('late', 'clients-late', LATE_SECONDS), stage.flowRun('late-run', LATE_SECONDS)] as const;
  const others = [stage.worker('unpolled', 'clients'), stage.worker('away', 'clients'), stage.flowRun('away-run')] as const;
  const [late, lateRun, unpolled, worker, run] = await Promise.all([...begun, ...others]);
  await Promise.all([run, lateRun].map((running) => running.line(/at work/, 90_000)));
  return { late, lateRun, unpolled, worker, run };
}

/** The clock's tolerance is 30 s, so these tokens are taken for some 50 s. */
const LATE_SECONDS = 20;

/** One who may not do what a command does: they may look, or not even that. */
function groupOf(row: string, command: string): string {
  return row === 'act' || command === 'deploy' ? 'viewers' : 'visitors';
}

/** Every command of these cells at once, by `ROW COMMAND`. */
async function start(stage: ClientStage, cells: readonly Cell[], groups: (row: string, command: string) => string) {
  const all = cells.flatMap(({ row, situation, commands }) => commands.map((command) => ({ row, situation, command })));
  return await Promise.all(
    all.map(async ({ row, situation, command }) => {
      const caller = `${situation}-${row}-${command.replaceAll(' ', '-')}`;
      // What nobody has asked for before: of what the gateway has just looked up it knows who may not see it, server or not.
      const args = row === 'unseen' ? ['deployment', 'run', `clients/hidden-${situation}`] : (COMMANDS[command] ?? []);
      const running = await stage.command(caller, [groups(row, command)], args);
      return { key: `${row} ${command}`, caller: `user:${caller}@acme.example`, running };
    }),
  );
}

export type Denied = Awaited<ReturnType<typeof denied>>;

/** Each client where policy says no. */
export async function denied(stage: ClientStage, { unpolled }: AtWork, cells: readonly Cell[]) {
  const begun = await start(stage, cells, groupOf);
  const [worker, run, emitter] = await Promise.all([
    stage.startingWorker('nobody', 'clients'),
    stage.flowRun('nobody'),
    stage.emitter('emits', ['others.event', 'clients.after']),
  ]);
  const [started, reported] = await Promise.all([worker.exited, run.exited, emitter.exited]);
  const commands = new Map<string, Ended>();
  for (const { key, running } of begun) commands.set(key, await running.exited);
  await stage.untilEvent('clients.after');
  const asked = stage.asked(UNPOLLED);
  await until(() => (stage.asked(UNPOLLED) > asked ? true : undefined), 30_000, 'another poll');
  const { server, gateway } = stage;
  const polls = await gateway.admin.searchDecisions({ caller: UNPOLLED, action: 'prefect.work_pool.poll' });
  const made = ['/work_pools/clients-made', '/deployments/name/clients/mine'].map((path) => server.api('GET', path));
  const workers = await server.api('POST', '/work_pools/clients/workers/filter', {});
  return {
    commands,
    /** By decision id: whom the record says it was denied to. */
    recorded: await recorded(stage, [...commands.values(), started, reported]),
    /** Statuses of what would have been made. */
    made: (await Promise.all(made)).map(({ status }) => status),
    workers: workers.body.map(({ name }: { name: string }) => name) as readonly string[],
    start: started,
    report: reported,
    dropped: await stage.eventsNamed('others.event'),
    poll: { entries: polls.entries, isAlive: await isAlive(unpolled), output: unpolled.lines.join('\n') },
    pages: hasChromium ? await deniedPages(stage) : undefined,
  };
}

const UNPOLLED = 'workload:clients/unpolled';

async function recorded(stage: ClientStage, ended: readonly Ended[]): Promise<ReadonlyMap<string, string>> {
  const ids = ended.flatMap(({ output }) => [...output.matchAll(/\(decision ([0-9a-f-]{36})\)/g)].map((match) => match[1] ?? ''));
  const callers = new Map<string, string>();
  for (const id of new Set(ids)) {
    const explained = await stage.gateway.admin.explain(id);
    if (explained.form === 'full' && explained.entry.type === 'decision.v1' && explained.entry.decision.verdict === 'deny') {
      callers.set(id, explained.entry.caller);
    }
  }
  return callers;
}

async function isAlive(running: Running): Promise<boolean> {
  return await Promise.race([running.exited.then(() => false), new Promise<boolean>((resolve) => setImmediate(resolve, true))]);
}

async function deniedPages(stage: ClientStage) {
  const { url } = stage.gateway;
  const visitor = await pages.signedIn(stage, 'visitor', ['visitors']);
  const nobody = await pages.signedIn(stage, 'nobody', []);
  const viewer = await pages.signedIn(stage, 'viewer', ['viewers']);
  return {
    lists: await pages.emptyLists(visitor, url),
    press: await pages.pressRun(await pages.deploymentPage(viewer, stage), /may not/),
    change: await pages.pressOldRun(await pages.oldDeploymentPage(viewer, stage), /may not/),
    opened: await pages.opened(nobody, url),
  };
}

export type Away = Awaited<ReturnType<typeof away>>;

/** Each client while the server is away, and after it has come back. */
export async function away(stage: ClientStage, { worker, run }: AtWork, cells: readonly Cell[]) {
  const ready = hasChromium ? await readyPages(stage) : undefined;
  await stage.way.down();
  const begun = await start(stage, cells, (row) => (row === 'unseen' ? 'visitors' : 'operators'));
  const starting = await stage.startingWorker('away-start', 'clients-start');
  const emitter = await stage.emitter('away-emit', ['clients.away']);
  stage.finish('away-run');
  const seen = ready === undefined ? undefined : await awayPages(stage, ready);
  const callers = [...begun.map(({ caller }) => caller), 'workload:clients/away-run', 'workload:clients/away-start'];
  for (const caller of callers) {
    const before = stage.asked(caller);
    await until(() => (stage.asked(caller) > before + 1 ? true : undefined), 60_000, `${caller} asking again`);
  }
  await emitter.line(/sent/);
  const meanwhile = new Map(begun.map(({ key, running }) => [key, running.lines.join('\n')]));
  const silent = [worker, run, starting, emitter].map(({ lines }) => lines.join('\n')).join('\n');
  await stage.way.up();
  const commands = new Map<string, { readonly meanwhile: string; readonly ended: Ended }>();
  for (const { key, running } of begun) commands.set(key, { meanwhile: meanwhile.get(key) ?? '', ended: await running.exited });
  return {
    commands,
    /** What worker, run and emitter had said before the server came back. */
    silent,
    /** The run that one of the commands has made. */
    poll: await worker.line(/submitting flow run/, 60_000),
    start: await starting.line(/started!/, 60_000),
    report: await run.exited,
    emit: await emitter.exited,
    event: await stage.untilEvent('clients.away'),
    pages: seen === undefined ? undefined : { ...seen, reloaded: await reloaded(seen.opened.page) },
  };
}

async function readyPages(stage: ClientStage) {
  const viewer = await pages.signedIn(stage, 'operator', ['operators']);
  return {
    viewer,
    list: await pages.deploymentList(viewer, stage),
    press: await pages.deploymentPage(viewer, stage),
    change: await pages.oldDeploymentPage(viewer, stage),
  };
}

async function awayPages(stage: ClientStage, ready: { viewer: BrowserContext; list: Page; press: Page; change: Page }) {
  return {
    list: await pages.resorted(ready.list),
    press: await pages.pressRun(ready.press, /decision/),
    change: await pages.pressOldRun(ready.change, /decision/),
    // In another browser: what this one has kept of the application would open without the server.
    opened: await pages.opened(await pages.signedIn(stage, 'operator', ['operators']), `${stage.gateway.url}/v2/deployments`),
  };
}

/** The page came back by itself. */
async function reloaded(page: Page): Promise<string> {
  await page.getByText('nightly').first().waitFor();
  return await pages.textOf(page);
}

export type Expired = Awaited<ReturnType<typeof expired>>;

/** Each client of a workload whose token has ended. */
export async function expired(stage: ClientStage, { late, lateRun }: AtWork) {
  const [starting, emitter] = await Promise.all([
    stage.startingWorker('late-start', 'clients-late', ENDED_SECONDS),
    stage.emitter('late-emit', ['clients.late'], ENDED_SECONDS),
  ]);
  const token = await stage.token('late-run', ENDED_SECONDS);
  await until(() => (stage.isHeld('late') && stage.isHeld('late-start') ? true : undefined), 90_000, 'tokens that have ended');
  stage.finish('late-run');
  await until(() => (stage.isHeld('late-run') ? true : undefined), 60_000, 'the run, whose token has ended');
  await emitter.line(/sent/);
  const socket = await mustOpen(`${stage.gateway.url}/api/events/in`, { authorization: `Bearer ${token}` });
  const held = stage.heldCalls();
  await until(() => (stage.heldCalls() > held + 5 ? true : undefined), 60_000, 'further calls');
  const isOpen = socket.socket.readyState === socket.socket.OPEN;
  socket.end();
  const running = { poll: late, start: starting, report: lateRun, emit: emitter };
  const shown = Object.entries(running).map(async ([row, one]) => {
    return [row, { isAlive: await isAlive(one), output: one.lines.join('\n') }] as const;
  });
  return {
    shown: Object.fromEntries(await Promise.all(shown)),
    isOpen,
  };
}

const ENDED_SECONDS = -60;

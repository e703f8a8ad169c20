import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../wire/call.ts';
import { PREFECT_CATALOGUE } from './catalogue.ts';
import { BUNDLES, IMPLIED } from './roles.ts';
import { IDS, shortOf, subject } from './testing.ts';
import { CASES } from './testing-cases.ts';

interface Seen {
  readonly action: string;
  readonly by: string;
  readonly method: string;
  readonly path: string;
}
const TRAFFIC = readFileSync(join(import.meta.dirname, 'data/traffic-3.9.1.jsonl'), 'utf8')
  .split('\n')
  .filter((line) => line !== '')
  .map((line) => JSON.parse(line) as Seen)
  .filter((seen) => !seen.path.startsWith('ui:'));
const SEEN = Map.groupBy(TRAFFIC, (seen) => seen.action);

/** Bodies that stock clients send where the plainest form of an operation means something else. */
const STOCK: Readonly<Record<string, Readonly<Record<string, JsonValue>>>> = {
  runs: {
    'POST /flow_runs/filter': { flow_runs: { parent_task_run_id: { any_: [IDS.task] } }, flows: null },
    'POST /flow_runs/': { flow_id: IDS.report, state: { type: 'PENDING', name: 'Pending' } },
    'POST /logs/filter': { logs: { operator: 'and_', flow_run_id: { any_: [IDS.running] } } },
    'POST /flows/': { name: 'new' },
  },
  cancel: { 'POST /flow_runs/{id}/set_state': { state: { type: 'CANCELLING' } } },
  retry: { 'POST /flow_runs/{id}/set_state': { state: { type: 'SCHEDULED', name: 'AwaitingRetry' } } },
};

type Body = keyof typeof STOCK;
type Rights = readonly string[];

const RUN: Rights = ['flow_run'];
const WORK: Rights = ['worker', 'flow_run'];
const DEPLOY: Rights = ['deployer'];
const VIEW: Rights = ['viewer'];
/** Tools of whoever looks after the server: no role of a team holds them. */
const ALL: Rights = ['prefect.*'];

/** Which roles each stock action is for. `+ACTION` is a right that the flow's own code needs beside its role. */
const FOR: Readonly<Record<string, Rights>> = {
  'work-pool create': ALL,
  'work-pool ls': VIEW,
  'work-pool inspect': VIEW,
  'work-queue ls': VIEW,
  'deploy (prefect.yaml)': DEPLOY,
  'deploy again': DEPLOY,
  'deploy with schedule+trigger': DEPLOY,
  'deploy d-long': DEPLOY,
  'deployment ls': VIEW,
  'deployment inspect': VIEW,
  'deployment run': ['runner'],
  'worker (process), start+1 run': WORK,
  'worker stop (SIGINT)': ['worker'],
  'flow run direct (tiny)': RUN,
  'flow run direct (map tasks)': RUN,
  'flow run direct (subflow)': RUN,
  'flow run direct (artifacts)': RUN,
  'flow run direct (variables)': ['flow_run', '+variable.create'],
  'block register': VIEW,
  'block create secret (python)': ALL,
  'block ls': VIEW,
  'block inspect': VIEW,
  'block type ls': VIEW,
  'flow run direct (secret load)': RUN,
  'flow run direct (emit_event)': RUN,
  'gcl create': ALL,
  'gcl ls': VIEW,
  'gcl inspect': VIEW,
  'gcl update': ALL,
  'concurrency-limit create': ALL,
  'concurrency-limit ls': VIEW,
  'concurrency-limit inspect': VIEW,
  'flow run direct (concurrency)': RUN,
  'variable set': ALL,
  'variable get': VIEW,
  'variable ls': VIEW,
  'variable unset': ALL,
  'event emit': RUN,
  'event stream (12 s)': VIEW,
  'artifact ls': VIEW,
  'artifact inspect': VIEW,
  'flow ls': VIEW,
  'flow-run ls': VIEW,
  'flow-run inspect': ['runner'],
  'flow-run logs': ['runner'],
  'deployment schedule create': DEPLOY,
  'deployment schedule ls': DEPLOY,
  'deployment schedule clear': DEPLOY,
  // An idle worker of the same recording reconnected meanwhile.
  'automation create': ['deployer', 'worker'],
  'automation ls': VIEW,
  'automation inspect': VIEW,
  'automation pause': DEPLOY,
  'automation resume': DEPLOY,
  'automation delete': DEPLOY,
  'work-pool update': ALL,
  'work-pool pause': ALL,
  'work-pool resume': ALL,
  'work-pool set-concurrency-limit': ALL,
  'work-pool preview': VIEW,
  'work-queue create': ALL,
  'work-queue inspect': VIEW,
  'work-queue pause': ALL,
  'work-queue delete': ALL,
  'server status': VIEW,
  'task-run ls': ['viewer', 'approver'],
  'worker-less flow.deploy (python)': DEPLOY,
  'flow-run cancel': ['runner'],
  'flow-run cancel (serve)': ['runner'],
  'resume with input (python client)': ['approver'],
  'deployment run --watch': ['runner'],
  'flow-run retry': ['runner'],
  'flow-run delete': ALL,
  'deployment delete': DEPLOY,
  'flow-run execute': RUN,
  'task worker (serve) + .delay()': RUN,
  'worker idle start': WORK,
  'flow.serve start': ['deployer', 'worker', 'flow_run'],
  'serve: pause_flow with input, resumed': ['worker', 'flow_run', 'approver'],
  'worker: run then cancelled while running': WORK,
  'serve: run then cancelled while running': WORK,
  'serve: pause_flow with input': WORK,
  'worker: short run': WORK,
  'flow.serve stop (SIGINT)': DEPLOY,
  'cloud mode: deploy': DEPLOY,
  'cloud mode: deployment run': ['runner'],
  'cloud mode: flow run direct': RUN,
  'cloud mode: worker + run (alone)': ['worker', 'flow_run', 'runner'],
};

const BODIES: Readonly<Record<string, Body>> = {
  'flow-run cancel': 'cancel',
  'flow-run cancel (serve)': 'cancel',
  'flow-run retry': 'retry',
};

const ACTIONS = new Set(PREFECT_CATALOGUE.actions.map((action) => action.name));

function rightsOf(names: Rights): ReadonlySet<string> {
  const rights = new Set<string>();
  for (const name of names) {
    if (name === 'prefect.*') for (const action of ACTIONS) if (!/\.(raw|read_secret)$/.test(action)) rights.add(action);
    if (name.startsWith('+')) rights.add(`prefect.${name.slice(1)}`);
    const bundle = BUNDLES.find((entry) => entry.name === `prefect.role.${name}`);
    for (const action of bundle?.actions ?? []) rights.add(action);
  }
  for (const { by, action } of IMPLIED) if (rights.has(by)) rights.add(action);
  return rights;
}

/** What the calls of an action ask for: each route in its stock form, with objects that exist. */
async function askedBy(action: string): Promise<readonly { readonly action: string; readonly text: string }[]> {
  const bodies = STOCK[BODIES[action] ?? 'runs'] ?? {};
  const asked: { action: string; text: string }[] = [];
  for (const { method, path } of SEEN.get(action) ?? []) {
    const id = `${method} ${path}`;
    const [target, plain] = CASES[id] ?? [];
    // Two actions met a route that is not there; that call is no part of what they are for.
    if (target === undefined) continue;
    const body = bodies[id] ?? plain;
    for (const request of await subject().requests(method, `/api${bodies === STOCK['retry'] ? ended(target) : target}`, body)) {
      asked.push({ action: request.action, text: `${id}: ${shortOf(request)}` });
    }
  }
  return asked;
}

/** What is tried again has failed before. */
function ended(target: string): string {
  return target.replace(IDS.running, IDS.failed);
}

describe('a role', () => {
  it.each(Object.entries(FOR))('is enough for `%s` (%j)', async (action, roles) => {
    expect(SEEN.has(action)).toBe(true);
    const rights = rightsOf(roles);
    const missing = (await askedBy(action)).filter((asked) => !rights.has(asked.action));
    expect(missing.map((asked) => asked.text)).toEqual([]);
  });

  it.each(['ui v1', 'ui v2', 'ui:'])('viewer is enough for every page of %s', async (prefix) => {
    const rights = rightsOf(['viewer']);
    const pages = [...SEEN.keys()].filter((action) => action.startsWith(prefix));
    expect(pages.length).toBeGreaterThan(1);
    for (const page of pages) {
      const missing = (await askedBy(page)).filter((asked) => !rights.has(asked.action));
      expect([page, missing.map((asked) => asked.text)]).toEqual([page, []]);
    }
  });

  it('covers every stock action: none was left out', () => {
    const rest = [...SEEN.keys()].filter((action) => FOR[action] === undefined && !/^ui\b/.test(action));
    // Only calls to the cloud, failures on purpose, and polls of a worker that ends.
    expect(
      rest.filter((action) => !/^(cloud|api \(raw|work-pool delete|work-pool create docker|worker: (failing|stop))/.test(action)),
    ).toEqual([]);
  });

  it('holds secrets only where runs need them, and what a deployment settles only as deployer', () => {
    const holders = (action: string) =>
      BUNDLES.filter((bundle) => bundle.actions.includes(`prefect.${action}`)).map((bundle) => bundle.name);
    expect(holders('deployment.override')).toEqual(['prefect.role.deployer']);
    expect(holders('block.read_secret')).toEqual(['prefect.role.worker', 'prefect.role.flow_run']);
    expect(holders('flow_run.resume')).toEqual(['prefect.role.approver']);
    expect(holders('event.emit_system')).toEqual([]);
    expect(holders('raw')).toEqual([]);
  });

  it('of viewer changes nothing', () => {
    const classes = new Map(PREFECT_CATALOGUE.actions.map((action) => [action.name, action.class]));
    const viewer = BUNDLES.find((bundle) => bundle.name === 'prefect.role.viewer');
    expect(viewer?.actions.filter((action) => classes.get(action) !== 'read')).toEqual(['prefect.event.connect']);
  });
});

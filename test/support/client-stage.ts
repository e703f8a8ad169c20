import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { launchChromium } from './chromium.ts';
import { startFairlead, type TestGateway } from './fairlead.ts';
import { type Forwarder, startForwarder } from './forwarder.ts';
import {
  deployDirectly,
  flowFolder,
  idOf,
  PROCESS_TEMPLATE,
  type PrefectServer,
  type Running,
  startStock,
  startWorker,
  until,
} from './prefect.ts';
import { sharedServer, theEnvironment } from './with-prefect.ts';

/** A run that says when it is at work, and goes on when there is a file; and a program that sends events. */
const FILES = {
  'flow.py': `
import pathlib
import sys
import time

from prefect import flow


@flow
def clients(path: str = ""):
    print("at work", flush=True)
    while path and not pathlib.Path(path).exists():
        time.sleep(0.1)


if __name__ == "__main__":
    clients(sys.argv[1])
`,
  'emit.py': `
import sys

from prefect.events import emit_event
from prefect.events.worker import EventsWorker

for name in sys.argv[1:]:
    emit_event(name, resource={"prefect.resource.id": "clients.thing"})
print("sent", flush=True)
EventsWorker.drain_all(timeout=90)
`,
};

const OWN = '"prefect/flows/clients/**", "prefect/deployments/clients/**", "prefect/work-pools/clients*/**"';
const RUN = `[prefect/server, prefect/flows, prefect/events, "prefect/events/prefect.*", "prefect/events/clients.*", ${OWN}]`;
const WORKLOADS = [
  'unpolled',
  'emits',
  'away',
  'away-run',
  'away-start',
  'away-emit',
  'late',
  'late-run',
  'late-start',
  'late-emit',
].map((name) => `workload:clients/${name}`);
const RULES = `
- {name: operators, who: [group:operators], can: [prefect.role.viewer, prefect.role.deployer, prefect.work_pool.create, prefect.block.read_secret], on: ["prefect/**"]}
- {name: viewers, who: [group:viewers], can: [prefect.role.viewer], on: ["prefect/**"]}
- {name: visitors, who: [group:visitors], can: [prefect.server.read, prefect.server.read_settings], on: [prefect/server]}
- {name: works, who: [${WORKLOADS.join(', ')}], can: [prefect.role.worker, prefect.role.flow_run], on: ${RUN}}
- {name: polls-nothing, who: [workload:clients/unpolled], cannot: [prefect.work_pool.poll], on: ["prefect/**"]}
`;

/** Pools beside `clients`, whose workers take no run from it. */
const POOLS = ['clients-start', 'clients-late'];

export type ClientStage = Awaited<ReturnType<typeof clientStage>>;

/** A gateway whose way to the server can be taken away, and stock clients of every kind. */
export async function clientStage() {
  const server: PrefectServer = await sharedServer();
  const way: Forwarder = await startForwarder(server.port);
  const gateway: TestGateway = await startFairlead({ prefect: { url: way.url, authString: server.authString }, rules: RULES });
  // Once more, so that a mistake in the rules is told.
  await gateway.apply(RULES);
  const folder = flowFolder(FILES);
  const place = { flow: 'clients', name: 'nightly', pool: 'clients', folder, entrypoint: 'flow.py:clients' };
  const { deploymentId } = await deployDirectly(server, place);
  for (const name of ['hidden-denied', 'hidden-away']) await deployDirectly(server, { ...place, name });
  for (const name of POOLS)
    await server.api('POST', '/work_pools/', { name, type: 'process', base_job_template: PROCESS_TEMPLATE });
  await server.api('POST', '/variables/', { name: 'clients', value: 'seen' });
  const type = idOf(await server.api('GET', '/block_types/slug/secret'));
  const schemas = await server.api('POST', '/block_schemas/filter', { block_schemas: { block_type_id: { any_: [type] } } });
  const block = { name: 'clients', block_type_id: type, block_schema_id: schemas.body[0].id, data: { value: 'hidden' } };
  await server.api('POST', '/block_documents/', block);
  const started: Running[] = [];
  let chromium: Browser | undefined;

  const token = (name: string, seconds?: number): Promise<string> =>
    gateway.workload(`clients/${name}`, seconds === undefined ? {} : { seconds });
  const stock = (credential: string) => ({
    environment: theEnvironment(),
    url: gateway.url,
    token: credential,
    cwd: folder,
    env: { COLUMNS: '1000' },
  });

  const gatewayLog = () => readFileSync(join(gateway.folder, 'gateway.log'), 'utf8').split('\n');

  function keep(running: Running): Running {
    started.push(running);
    return running;
  }

  return {
    server,
    way,
    gateway,
    folder,
    deploymentId,
    /** Starts `prefect ARGS` as a person. */
    async command(person: string, groups: readonly string[], args: readonly string[]): Promise<Running> {
      return keep(startStock(stock(await gateway.person(person, groups)), ['-m', 'prefect', ...args]));
    },
    /** Starts `prefect worker start` with the token of `clients/NAME`, and does not wait. */
    async startingWorker(name: string, pool: string, seconds?: number): Promise<Running> {
      const args = ['worker', 'start', '--pool', pool, '--name', name, '--type', 'process'];
      return keep(startStock(stock(await token(name, seconds)), ['-m', 'prefect', ...args]));
    },
    /** The same, and it has started. */
    async worker(name: string, pool: string, seconds?: number): Promise<Running> {
      return keep(await startWorker(stock(await token(name, seconds)), pool, name));
    },
    /** A flow that reports by itself: at work until `finish(NAME)`. */
    async flowRun(name: string, seconds?: number): Promise<Running> {
      return keep(startStock(stock(await token(name, seconds)), ['flow.py', join(folder, name)]));
    },
    finish: (name: string) => writeFileSync(join(folder, name), ''),
    async emitter(name: string, events: readonly string[], seconds?: number): Promise<Running> {
      return keep(startStock(stock(await token(name, seconds)), ['emit.py', ...events]));
    },
    token,
    /** Entries of the gateway's own log of decisions in which this caller stands. */
    asked(caller: string): number {
      const log = readFileSync(join(gateway.folder, 'decisions.jsonl'), 'utf8');
      return log.split(`"caller":"${caller}"`).length - 1;
    },
    /** True once the gateway has said that it holds the calls of this workload. */
    isHeld: (name: string) => gatewayLog().some((line) => line.includes('expired') && line.includes(`clients/${name}"`)),
    /** How many calls were held for an expired token. */
    heldCalls: () => gatewayLog().filter((line) => line.includes('"event":"workload_token_expired"')).length,
    async chromium(): Promise<Browser> {
      chromium ??= await launchChromium();
      return chromium;
    },
    async eventsNamed(name: string): Promise<readonly unknown[]> {
      const found = await server.api('POST', '/events/filter', { filter: { event: { name: [name] } }, limit: 50 });
      return found.body.events;
    },
    untilEvent(name: string): Promise<true> {
      const found = async () => ((await this.eventsNamed(name)).length > 0 ? true : undefined);
      return until(found, 20_000, `the event ${name}`);
    },
    async close(): Promise<void> {
      await Promise.all(started.map((running) => running.stop()));
      await chromium?.close();
      await gateway.close();
      await way.close();
    },
  };
}

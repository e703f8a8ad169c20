import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { DecisionEntry } from '../src/audit/port.ts';
import { createControlClient } from '../src/control/client.ts';
import { type TestIssuer, testIssuer } from '../src/identity/fixture.ts';
import { type Command, startCommand } from './support/command.ts';
import { policyOf } from './support/fairlead.ts';
import { freePort } from './support/ports.ts';

/** Where in a call's way the gateway dies. Each is seen from outside, so the gateway holds no hook for it. */
const POINTS = {
  /** The first calls have been written to it: it reads and decides. */
  decide: { onSent: 0 },
  /** A moment later, while decisions are appended and synced. */
  append: { onSent: 1 },
  'append, later': { onSent: 3 },
  /** The service behind it has the call, and has not answered. */
  forward: { onArrived: 5 },
  /** The service has answered; the answer passes and the outcome is on its way to the record. */
  outcome: { onAnswered: 5 },
  /** A caller has read an answer to the end. */
  acknowledged: { onRead: 5 },
} as const satisfies Record<string, Partial<Record<'onSent' | 'onArrived' | 'onAnswered' | 'onRead', number>>>;

const ROUNDS = 2;
const CALLS = 24;

interface Acknowledged {
  readonly id: string;
  readonly status: number;
  readonly path: string;
}

const folder = mkdtempSync(join(tmpdir(), 'fairlead-crash-'));
const clock = { now: () => Date.now() };
const acknowledged: Acknowledged[] = [];
/** Decisions whose call reached the service, by what the gateway itself told the service. */
const arrived = new Set<string>();
let onArrived: () => void = () => {};
let onAnswered: () => void = () => {};
let service: Server;
let people: TestIssuer;
let gateway: Command | undefined;
let ports: { readonly control: number; readonly web: number; readonly admin: number };
let token = '';

beforeAll(async () => {
  service = createServer((request, response) => {
    arrived.add(String(request.headers['x-fairlead-decision']));
    onArrived();
    request.resume();
    setTimeout(() => {
      response.on('finish', () => onAnswered());
      response.end('done\n');
    }, 2);
  });
  await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
  people = await testIssuer(clock);
  ports = { control: await freePort(), web: await freePort(), admin: await freePort() };
  mkdirSync(join(folder, 'policies'));
  writeFileSync(
    join(folder, 'policies', 'web.yaml'),
    policyOf('- {name: writes, who: [user:ada@acme.example], can: [http.post], on: ["web/open/**"]}'),
  );
  writeFileSync(
    join(folder, 'fairlead.yaml'),
    `origin: http://127.0.0.1:${ports.control}
listen: {control: "127.0.0.1:${ports.control}", admin: "127.0.0.1:${ports.admin}"}
store: sqlite:./data
administrators: [group:platform]
observe: {decisions: none}
identity:
  - name: acme
    oidc: {issuer: "${people.issuer}", clientId: fairlead, audience: [fairlead]}
    owns: {users: ["*@acme.example"], groups: ["*"]}
targets:
  - {name: web, port: ${ports.web}, http: {url: "http://127.0.0.1:${(service.address() as AddressInfo).port}"}}
policies: [{path: ./policies}]
`,
  );
  token = await people.sign({ sub: 'u-1', email: 'ada@acme.example', email_verified: true, groups: [] });
});

afterAll(async () => {
  gateway?.process.kill('SIGKILL');
  service?.close();
  service?.closeAllConnections();
  await people?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<Command> {
  const started = startCommand(['up', '-c', join(folder, 'fairlead.yaml')]);
  gateway = started;
  await started.says(/gateway_started/, 30_000);
  return started;
}

/** Half of the calls are allowed, half refused: the record of both must outlive the crash. */
async function send(n: number, onRead: () => void): Promise<void> {
  const path = n % 2 === 0 ? `/open/${n}` : `/closed/${n}`;
  const answer = await fetch(`http://127.0.0.1:${ports.web}${path}`, {
    method: 'POST',
    body: 'x',
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(10_000),
  });
  await answer.text();
  acknowledged.push({ id: answer.headers.get('x-fairlead-decision') ?? '', status: answer.status, path });
  onRead();
}

it.each(Object.keys(POINTS) as (keyof typeof POINTS)[])('dies at `%s`, again and again, and starts again', async (name) => {
  const point: { onSent?: number; onArrived?: number; onAnswered?: number; onRead?: number } = POINTS[name];
  for (let round = 0; round < ROUNDS; round += 1) {
    const { process, finished } = await start();
    const kill = (): void => void process.kill('SIGKILL');
    const after = (count: number | undefined): (() => void) => {
      let left = count ?? Number.POSITIVE_INFINITY;
      return () => {
        left -= 1;
        if (left === 0) kill();
      };
    };
    onArrived = after(point.onArrived);
    onAnswered = after(point.onAnswered);
    const onRead = after(point.onRead);
    const calls = Promise.allSettled(Array.from({ length: CALLS }, (_, n) => send(n, onRead)));
    if (point.onSent !== undefined) {
      await sleep(point.onSent + round);
      kill();
    }
    await finished;
    await calls;
  }
});

it('loses no acknowledged entry, forwards nothing unrecorded, and leaves no call without an outcome', async () => {
  await start();
  const admin = createControlClient({
    origin: `http://127.0.0.1:${ports.control}`,
    token: () => people.sign({ sub: 'u-2', email: 'lee@acme.example', email_verified: true, groups: ['platform'] }),
  });
  const entries = new Map<string, DecisionEntry>();
  let cursor: string | undefined;
  do {
    const page = await admin.searchDecisions({ target: 'web', limit: 500, cursor });
    for (const entry of page.entries) if (entry.type === 'decision.v1') entries.set(entry.id, entry);
    cursor = page.cursor;
  } while (cursor !== undefined);

  const answered = acknowledged.filter(({ status }) => status === 200 || status === 403);
  expect(answered.length).toBeGreaterThan(0);
  for (const { id, status, path } of answered) {
    expect(entries.get(id), `${status} ${path}`).toMatchObject({
      path,
      decision: { verdict: status === 200 ? 'allow' : 'deny' },
    });
  }
  expect(arrived.size).toBeGreaterThan(0);
  for (const id of arrived) expect(entries.get(id)?.decision.verdict, id).toBe('allow');

  const kinds = new Map<string, number>();
  for (const entry of entries.values()) {
    const kind = entry.outcome?.outcome.kind ?? 'none';
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  expect(kinds.get('none'), JSON.stringify([...kinds])).toBeUndefined();
  // Some calls were under way when it died: of those it says that it does not know.
  expect(kinds.get('unknown'), JSON.stringify([...kinds])).toBeGreaterThan(0);
});

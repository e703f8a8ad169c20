import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { demoAssets } from './assets.ts';
import { type DemoPortNumbers, PORT_NAMES, PORT_VARIABLES } from './demo-ports.ts';
import { isPortFree } from './loopback-server.ts';
import { type DemoGateway, runDemo } from './supervisor.ts';

let folder = '';
let env: Record<string, string> = {};
let ports: DemoPortNumbers;
const opened: { close(): unknown }[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-demo-'));
  const free = await Promise.all(PORT_NAMES.map(() => freePort()));
  ports = Object.fromEntries(PORT_NAMES.map((name, index) => [name, free[index] ?? 0])) as unknown as DemoPortNumbers;
  // No Python: what needs one is tried with the real Prefect, not here.
  env = {
    ...Object.fromEntries(PORT_NAMES.map((name) => [PORT_VARIABLES[name], String(ports[name])])),
    FAIRLEAD_PYTHON: '/nowhere/python',
  };
});
afterEach(() => {
  for (const server of opened.splice(0)) server.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Below the range that the system takes ports of outgoing connections from, so that none of those comes in between. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (await isPortFree(port)) return port;
  }
}

async function take(port: number): Promise<void> {
  const server: Server = createServer();
  opened.push(server);
  await new Promise<void>((listening) => server.listen(port, '127.0.0.1', listening));
}

function start(startGateway: () => Promise<DemoGateway> = async () => ({ close: async () => {} })) {
  let text = '';
  const stop = new AbortController();
  const output = {
    write: (part: string) => {
      text += part;
    },
  };
  const exit = runDemo({
    startGateway,
    folder: join(folder, 'demo'),
    assets: demoAssets(resolve(import.meta.dirname, '../..')),
    env,
    output,
    command: 'fairlead',
    now: Date.now,
    randomBytes: (count) => crypto.getRandomValues(new Uint8Array(count)),
    signal: stop.signal,
  });
  const said = async (part: string) => {
    for (let turn = 0; turn < 1_000 && !text.includes(part); turn++) await new Promise((later) => setTimeout(later, 10));
    expect(text).toContain(part);
  };
  return { exit, stop: () => stop.abort(), said, text: () => text };
}

describe('the demo', () => {
  it('brings up sign-in, web service and gateway without a Python, says what is missing, and ends when asked', async () => {
    const ends: string[] = [];
    const demo = start(async () => ({
      close: async () => {
        ends.push((await fetch(`http://127.0.0.1:${ports.webService}/healthz`)).ok ? 'gateway before web service' : 'too late');
      },
    }));
    await demo.said('Gateway and web service run without Prefect.');
    expect(demo.text()).toContain('from FAIRLEAD_PYTHON');
    expect(demo.text()).toContain('ada@acme.example');
    expect((await fetch(`http://127.0.0.1:${ports.provider}/.well-known/openid-configuration`)).status).toBe(200);
    demo.stop();
    expect(await demo.exit).toBe(0);
    expect(ends).toEqual(['gateway before web service']);
    await expect(fetch(`http://127.0.0.1:${ports.provider}/`)).rejects.toThrow();
    await expect(fetch(`http://127.0.0.1:${ports.webService}/`)).rejects.toThrow();
  });

  it('ends with one sentence when a port of the gateway is taken', async () => {
    await take(ports.prefect);
    const demo = start();
    expect(await demo.exit).toBe(1);
    expect(demo.text()).toBe(
      `Port ${ports.prefect}, for the gateway in front of Prefect, is taken by another program: the demo cannot start. Free it, or set FAIRLEAD_DEMO_PREFECT_PORT to another port, and start again.\n`,
    );
  });

  it('goes on with the rest when another port is taken', async () => {
    await take(ports.provider);
    await take(ports.webService);
    const demo = start();
    await demo.said('are up (');
    expect(demo.text()).toContain(
      `Port ${ports.provider}, for the identity provider, is taken by another program: nobody can sign in`,
    );
    expect(demo.text()).toContain(`Port ${ports.webService}, for the plain web service, is taken by another program`);
    demo.stop();
    expect(await demo.exit).toBe(0);
  });

  it('leaves nothing listening when the gateway cannot be started', async () => {
    const demo = start(async () => {
      throw new Error('the store cannot be opened');
    });
    expect(await demo.exit).toBe(1);
    expect(demo.text()).toBe('The gateway could not be started: the store cannot be opened\n');
    await expect(fetch(`http://127.0.0.1:${ports.provider}/`)).rejects.toThrow();
  });

  it('ends at once when it is asked to end before it is up', async () => {
    const demo = start();
    demo.stop();
    expect(await demo.exit).toBe(0);
  });
});

import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Browser } from '../../test/support/browser.ts';
import { type CliGateway, cliGateway, runVerb, temporaryFolder } from '../../test/support/cli.ts';
import { startCommand } from '../../test/support/command.ts';
import { ADA } from '../../test/support/control-gateway.ts';
import { freePort } from '../../test/support/ports.ts';
import { credentialsFile, keepCredential, readCredentials } from './credentials.ts';
import { openLoginListener } from './login-listener.ts';

const ORIGIN = 'https://access.acme.example';
const STATE = 's'.repeat(22);
const folder = temporaryFolder();
let gateway: CliGateway;
beforeAll(async () => {
  gateway = await cliGateway();
  gateway.provider.visitor = ADA;
});
afterAll(async () => {
  await gateway.close();
  folder.dispose();
});

describe('the listener for the code', () => {
  async function listening(use: (port: number, code: Promise<string>) => Promise<void>, waitMs = 10_000): Promise<void> {
    const listener = await openLoginListener({ state: STATE, origin: ORIGIN, waitMs });
    try {
      await use(listener.port, listener.code);
    } finally {
      listener.close();
    }
  }
  const get = (port: number, target: string, method = 'GET') =>
    fetch(`http://127.0.0.1:${port}${target}`, { method, redirect: 'manual' });

  it('takes the code that comes with the state, and sends the browser on to the gateway', async () => {
    await listening(async (port, code) => {
      const answer = await get(port, `/callback?code=abc_-1&state=${STATE}`);
      expect([answer.status, answer.headers.get('location')]).toEqual([303, `${ORIGIN}/`]);
      expect(await code).toBe('abc_-1');
    });
  });

  it('answers everything else with 404, and goes on waiting for the right one', async () => {
    await listening(async (port, code) => {
      const wrong = [
        '/',
        '/callback',
        '/callback?code=abc',
        `/callback?state=${STATE}`,
        `/callback?code=abc&state=${'x'.repeat(22)}`,
        `/callback?code=abc&state=${STATE}&state=${STATE}`,
        `/callback?code=abc&code=def&state=${STATE}`,
        `/callback?code=a%20c&state=${STATE}`,
        `/callback?code=&state=${STATE}`,
        `/callback/?code=abc&state=${STATE}`,
        `/other?code=abc&state=${STATE}`,
        `/x/../callbac?code=abc&state=${STATE}`,
      ];
      for (const target of wrong) expect((await get(port, target)).status, target).toBe(404);
      expect((await get(port, `/callback?code=abc&state=${STATE}`, 'POST')).status).toBe(404);
      await get(port, `/callback?code=right&state=${STATE}`);
      expect(await code).toBe('right');
    });
  });

  it('is not ended by a request that is none', async () => {
    await listening(async (port, code) => {
      for (const line of ['GET // HTTP/1.1', 'GET http://[ HTTP/1.1', 'GET * HTTP/1.1', 'nonsense']) {
        await new Promise<void>((done) => {
          const socket = connect(port, '127.0.0.1', () => socket.end(`${line}\r\nhost: x\r\nconnection: close\r\n\r\n`));
          socket.on('close', () => done());
          socket.on('error', () => {});
          socket.resume();
        });
      }
      await get(port, `/callback?code=right&state=${STATE}`);
      expect(await code).toBe('right');
    });
  });

  it('stops waiting with a problem that says for how long it did', async () => {
    await listening(async (_port, code) => {
      await expect(code).rejects.toMatchObject({ code: 'LOGIN_TIMEOUT', message: 'nobody signed in within 1 minute' });
    }, 30);
  });
});

describe('fairlead login', () => {
  /** The desktop's opener, which here writes down what it was given. */
  function recordingOpener(name: string) {
    const bin = join(folder.path, name);
    const log = join(folder.path, `${name}.log`);
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, 'xdg-open'), `#!/bin/sh\nprintf '%s\\n' "$@" > '${log}'\n`);
    chmodSync(join(bin, 'xdg-open'), 0o755);
    return { log, path: `${bin}${delimiter}${process.env['PATH'] ?? ''}` };
  }

  it.skipIf(process.platform !== 'linux')(
    'signs in through the browser; no token stands in an address, an argument or in output',
    async () => {
      const opener = recordingOpener('bin');
      const env = { XDG_CONFIG_HOME: join(folder.path, 'ada'), PATH: opener.path, NODE_OPTIONS: '' };
      const command = startCommand(['login', gateway.origin], env);
      const [address = ''] = await command.says(/http:\S+\/login\/cli\S+/);
      const browser = new Browser();
      const page = await browser.open(address);
      expect(page.text).toContain('user:ada@acme.example');
      await browser.submit(page, '/login/cli', {});
      const done = await command.finished;
      expect([done.code, done.stdout]).toEqual([
        0,
        expect.stringMatching(/^Signed in at \S+ as user:ada@acme\.example until 20/),
      ]);
      const { origins } = await readCredentials(credentialsFile(env));
      const token = origins[gateway.origin]?.token ?? '';
      expect(token).toMatch(/^pnu_/);
      expect(readFileSync(opener.log, 'utf8')).toBe(`${address}\n`);
      expect(`${address}${done.stdout}${done.stderr}`).not.toContain(token);
      expect([...new URL(address).searchParams.keys()]).toEqual(['port', 'challenge', 'state', 'label']);
      const me = await runVerb(['whoami', '-o', 'json'], { env });
      expect(JSON.parse(me.stdout)).toMatchObject({ subject: 'user:ada@acme.example' });

      expect(await runVerb(['logout'], { env })).toMatchObject({ code: 0, stderr: `Signed out of ${gateway.origin}.\n` });
      expect((await readCredentials(credentialsFile(env))).origins).toEqual({});
      const given = { FAIRLEAD_ORIGIN: gateway.origin, FAIRLEAD_TOKEN: token };
      expect((await runVerb(['whoami'], { env: given })).code).toBe(1);
    },
  );

  it('refuses a gateway over http elsewhere, and a file of credentials that it could not keep', async () => {
    expect(await runVerb(['login', 'http://access.acme.example'])).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('[ORIGIN_INSECURE]'),
    });
    const env = { XDG_CONFIG_HOME: join(folder.path, 'broken') };
    mkdirSync(join(env.XDG_CONFIG_HOME, 'fairlead'), { recursive: true });
    writeFileSync(credentialsFile(env), 'no json');
    expect(await runVerb(['login', gateway.origin], { env })).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('[CREDENTIALS_UNREADABLE]'),
    });
  });

  it('asks which gateway when none is known', async () => {
    expect(await runVerb(['login'])).toMatchObject({ code: 3, stderr: expect.stringContaining('[ORIGIN_UNKNOWN]') });
  });
});

describe('a sign-in that is kept', () => {
  it('is asked for by name when it is not there', async () => {
    const ran = await runVerb(['whoami', '--origin', gateway.origin], { env: { XDG_CONFIG_HOME: folder.path } });
    expect(ran).toMatchObject({ code: 3, stderr: expect.stringContaining(`run \`fairlead login ${gateway.origin}\``) });
  });

  it('is forgotten on sign-out even when the gateway does not answer', async () => {
    const origin = `http://127.0.0.1:${await freePort()}`;
    const env = { XDG_CONFIG_HOME: join(folder.path, 'gone') };
    await keepCredential(credentialsFile(env), origin, { token: 't', subject: 'user:ada@acme.example', expiresAtMs: 0 });
    const { code, stderr } = await runVerb(['logout'], { env });
    expect([code, stderr]).toEqual([0, expect.stringContaining(`cannot be reached\nSigned out of ${origin}.\n`)]);
    expect((await readCredentials(credentialsFile(env))).origins).toEqual({});
    expect(await runVerb(['whoami', '--origin', origin], { env: { ...env, FAIRLEAD_TOKEN: 't' } })).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('[GATEWAY_UNREACHABLE]'),
    });
  });
});

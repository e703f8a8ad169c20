import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request as httpRequest, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TestIssuer, testIssuer } from '../../src/identity/fixture.ts';
import { until } from '../support/gateway.ts';
import { freePort } from '../support/ports.ts';
import { selfSigned } from '../support/self-signed.ts';
import { type Upstream, upstreamServer } from '../support/upstream.ts';

/** The program as an operator runs it: a process of its own, by signals, over its own ports. */
describe('a running gateway', () => {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-gateway-'));
  const configFile = join(folder, 'fairlead.yaml');
  let upstream: Upstream;
  let issuer: TestIssuer;
  let child: ChildProcess;
  let log = '';
  let ports: { readonly proxy: number; readonly control: number; readonly admin: number; readonly web: number };
  let token = '';

  const config = (drain: string) => `origin: https://access.acme.example:${ports.control}
listen: {proxy: "127.0.0.1:${ports.proxy}", control: "127.0.0.1:${ports.control}", admin: "127.0.0.1:${ports.admin}"}
tls: {cert: ./tls.pem, key: {secret: "file://${join(folder, 'tls.key')}"}}
store: sqlite:./data
administrators: [group:platform]
drain: ${drain}
observe: {decisions: ./decisions.jsonl}
identity:
  - name: okta
    oidc: {issuer: "${issuer.issuer}", clientId: fairlead, audience: [fairlead]}
    owns: {users: ["*@acme.example"], groups: ["*"]}
targets:
  - {name: web, hosts: [web.acme.example], http: {url: "${upstream.url}"}}
  - {name: port, port: ${ports.web}, http: {url: "${upstream.url}"}}
policies: [{path: ./policies}]
`;

  beforeAll(async () => {
    upstream = await upstreamServer();
    issuer = await testIssuer({ now: () => Date.now() });
    ports = { proxy: await freePort(), control: await freePort(), admin: await freePort(), web: await freePort() };
    token = await issuer.sign({ sub: 'u', email: 'ada@acme.example', email_verified: true, groups: ['data'] });
    mkdirSync(join(folder, 'policies'));
    writeFileSync(
      join(folder, 'policies', 'web.yaml'),
      `apiVersion: fairlead.dev/v1
kind: AccessPolicy
metadata: {name: web}
spec:
  rules:
    - {name: all, who: [group:data], can: [http.get, http.post], on: ["web/**", "port/**"]}
`,
    );
    selfSigned(folder, 'web.acme.example');
    writeFileSync(configFile, config('20s'));
    child = spawn(process.execPath, ['src/main.ts', 'up', '-c', configFile], {
      cwd: join(import.meta.dirname, '../..'),
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      log += chunk.toString('utf8');
    });
    await until(() => log.includes('gateway_started'), 30_000);
  });

  afterAll(async () => {
    child.kill('SIGKILL');
    await upstream.close();
    await issuer.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const get = (host: string, agent?: Agent) => answerOf(ports.web, { host, authorization: `Bearer ${token}` }, '/x', agent);

  it('forwards, records, and tells what it is', async () => {
    expect((await get('127.0.0.1')).status).toBe(200);
    await until(() => readFileSync(join(folder, 'decisions.jsonl'), 'utf8').includes('"user:ada@acme.example"'));
    const metrics = await answerOf(ports.admin, { host: '127.0.0.1' }, '/metrics');
    const { version } = JSON.parse(readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8')) as { version: string };
    expect(metrics.text).toContain(`fairlead_build_info{version="${version}",node="${process.versions.node}"} 1\n`);
    expect(metrics.text).toContain('fairlead_policy_generation 1\n');
    expect(metrics.text).toMatch(/fairlead_decisions_total\{target="port",verdict="allow",mode="enforce",code="ALLOWED"\} 1\n/);
  });

  it.each(['evil.example', 'web.acme.example', '127.0.0.1.evil.example', 'localhost.evil.example'])(
    'SSRF-2 a page that makes %s name this machine reaches no target by its port',
    async (host) => {
      const before = upstream.requests.length;
      const answer = await get(host);
      expect([answer.status, answer.text.includes('HOST_UNKNOWN'), upstream.requests.length]).toEqual([421, true, before]);
    },
  );

  it('HDR-9 health and metrics stand on their own port alone', async () => {
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      expect((await answerOf(ports.admin, { host: '127.0.0.1' }, path)).status).toBe(200);
      expect((await answerOf(ports.web, { host: '127.0.0.1' }, path)).status).toBe(401);
    }
  });

  it('on SIGHUP takes a new certificate for new connections, and names what waits for a restart', async () => {
    const before = await fingerprint(ports.proxy);
    selfSigned(folder, 'web.acme.example');
    writeFileSync(configFile, config('19s'));
    log = '';
    child.kill('SIGHUP');
    await until(() => log.includes('config.restart_needed'), 5_000);
    expect(log).toContain('drainMs');
    const after = await fingerprint(ports.proxy);
    expect(after).not.toBe(before);
    expect(await fingerprint(ports.control)).toBe(after);
  });

  it('on SIGHUP keeps the certificate and the configuration that it has when the new ones are broken', async () => {
    const before = await fingerprint(ports.proxy);
    writeFileSync(join(folder, 'tls.pem'), 'no certificate');
    writeFileSync(configFile, 'nonsense: 1\n');
    log = '';
    child.kill('SIGHUP');
    await until(() => log.includes('config.reload_refused'), 5_000);
    expect(log).toContain('config.reload_step_failed');
    expect(await fingerprint(ports.proxy)).toBe(before);
    expect((await get('127.0.0.1')).status).toBe(200);
  });

  it('on SIGTERM fails no call of clients that keep their connections, and ends', async () => {
    upstream.answer = (_request, response) => void setTimeout(() => response.end('ok'), Math.random() * 30);
    const failures: string[] = [];
    let answered = 0;
    let isEnding = false;
    const loop = async (thinkMs: number): Promise<void> => {
      const agent = new Agent({ keepAlive: true, maxSockets: 1 });
      for (;;) {
        const result = await get('127.0.0.1', agent).then(
          ({ status }) => String(status),
          (error: NodeJS.ErrnoException) => error.code ?? error.message,
        );
        if (isEnding && result === 'ECONNREFUSED') break;
        if (result === '200') answered += 1;
        else failures.push(result);
        await new Promise((resolve) => setTimeout(resolve, thinkMs));
      }
      agent.destroy();
    };
    const loops = [0, 3, 10, 50, 200].map(loop);
    await new Promise((resolve) => setTimeout(resolve, 500));
    await until(() => answered > 50, 60_000);
    const exited = new Promise<number | null>((resolve) => child.on('exit', resolve));
    isEnding = true;
    child.kill('SIGTERM');
    await Promise.all(loops);
    expect(await exited).toBe(0);
    expect(failures).toEqual([]);
  });
});

interface Got {
  readonly status: number;
  readonly text: string;
}

function answerOf(port: number, headers: Readonly<Record<string, string>>, path: string, agent?: Agent): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = httpRequest({ host: '127.0.0.1', port, path, headers, agent: agent ?? false }, (answer: IncomingMessage) => {
      let text = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk: string) => {
        text += chunk;
      });
      answer.on('error', reject);
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text }));
    });
    request.on('error', reject);
    request.end();
  });
}

/** Of the certificate that a new connection is shown. */
function fingerprint(port: number): Promise<string> {
  return new Promise((resolve, reject) => {
    // Only what is shown is of interest here, not whether to trust it.
    const socket = tlsConnect({ port, host: '127.0.0.1', servername: 'web.acme.example', rejectUnauthorized: false }, () => {
      resolve(socket.getPeerCertificate().fingerprint256);
      socket.destroy();
    });
    socket.on('error', reject);
  });
}

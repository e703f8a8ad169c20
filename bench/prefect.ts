// What the gateway adds to a call of a real Prefect server, one call at a time. Needs the path of a `prefect` 3.9.1 program in
// PREFECT_PROGRAM. Prefect itself answers in 1 to 150 ms, so only the added time is of interest. Medians.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { request } from 'undici';
import { startIssuer } from './issuer.ts';
import { load, median, Stage, until } from './support.ts';

const CALLS = Number(process.env['BENCH_CALLS'] ?? 200);
const AUTH = 'bench:secret';
const stage = new Stage();

async function main(): Promise<void> {
  const program = process.env['PREFECT_PROGRAM'];
  if (program === undefined) {
    console.log('left out: set PREFECT_PROGRAM to a prefect 3.9.1 program');
    return;
  }
  const issuer = await startIssuer(19_290);
  stage.start(program, ['server', 'start', '--host', '127.0.0.1', '--port', '19281'], {
    env: {
      PREFECT_HOME: join(stage.folder, 'prefect'),
      PREFECT_SERVER_API_AUTH_STRING: AUTH,
      PREFECT_SERVER_ANALYTICS_ENABLED: 'false',
      DO_NOT_TRACK: '1',
    },
  });
  writeFileSync(join(stage.folder, 'auth'), AUTH, { mode: 0o600 });
  stage.fairlead({
    issuer: issuer.url,
    port: 19_294,
    targets: [
      `{name: prefect, port: 19286, prefect: {url: "http://127.0.0.1:19281", auth: {secret: "file://${stage.folder}/auth"}}}`,
    ],
    rules: ['{name: viewers, who: [group:engineers], can: [prefect.role.viewer], on: ["prefect/**"]}'],
  });
  const basic = `Basic ${Buffer.from(AUTH).toString('base64')}`;
  await until('Prefect', async () => (await timed('http://127.0.0.1:19281/api/ready', basic, 'GET', null)) > 0);
  const bearer = `Bearer ${issuer.token}`;
  await until('the gateway', async () => (await timed('http://127.0.0.1:19286/api/admin/version', bearer, 'GET', null)) > 0);
  const calls = [
    { name: 'GET /admin/version', method: 'GET', path: '/api/admin/version', body: null },
    { name: 'POST /flows/filter', method: 'POST', path: '/api/flows/filter', body: '{"limit":5}' },
  ] as const;
  console.log(`real Prefect, one call at a time, ${CALLS} each in turn; load ${load()}`);
  for (const { name, method, path, body } of calls) {
    const direct: number[] = [];
    const through: number[] = [];
    for (let index = 0; index < CALLS; index++) {
      direct.push(await timed(`http://127.0.0.1:19281${path}`, basic, method, body));
      through.push(await timed(`http://127.0.0.1:19286${path}`, bearer, method, body));
    }
    const added = median(through) - median(direct);
    console.log(
      `${name.padEnd(24)} direct p50 ${median(direct).toFixed(2)} ms, through p50 ${median(through).toFixed(2)} ms, added ${added.toFixed(2)} ms`,
    );
  }
  issuer.close();
}

async function timed(url: string, authorization: string, method: 'GET' | 'POST', body: string | null): Promise<number> {
  const started = performance.now();
  const answer = await request(url, {
    method,
    body,
    headers: { authorization, ...(body === null ? {} : { 'content-type': 'application/json' }) },
  });
  await answer.body.dump();
  if (answer.statusCode !== 200) throw new Error(`${url} answered ${answer.statusCode}`);
  return performance.now() - started;
}

try {
  await main();
} finally {
  stage.end();
}

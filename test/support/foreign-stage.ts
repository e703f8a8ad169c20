import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { parseDocument } from 'yaml';
import { startChild } from '../../src/demo/child.ts';
import { openLogFile } from '../../src/demo/log-file.ts';
import { type TestIssuer, testIssuer } from '../../src/identity/fixture.ts';
import { type Command, startCommand } from './command.ts';
import { startForeignIssuer } from './foreign-issuer.ts';
import { freePorts } from './ports.ts';
import { type PrefectServer, serverAt, until } from './prefect.ts';
import { ASSETS, type PrefectEnvironment, ROOT } from './prefect-environment.ts';

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  /** Both streams, in no order. */
  readonly text: string;
}

export interface ForeignStage {
  readonly folder: string;
  readonly configFile: string;
  readonly origin: string;
  /** The gateway's origin in front of Prefect. */
  readonly url: string;
  /** Signs the tokens of the Kubernetes cluster that the configuration names. */
  readonly cluster: TestIssuer;
  /** Resolves when the server answers; it starts beside everything else. */
  readonly prefect: Promise<PrefectServer>;
  /** A shell line as somebody whose `fairlead` and `prefect` are the real ones, with a home of their own. */
  sh(person: string, line: string): Promise<Finished>;
  /** The address that `fairlead login` opened for somebody. */
  opened(person: string): Promise<string>;
  /** Starts `fairlead up` on the configuration and waits until it is ready. */
  up(): Promise<void>;
  /** SIGTERM, and its exit code. */
  down(): Promise<number | null>;
  close(): Promise<void>;
}

const PEOPLE = {
  ada: { email: 'ada@acme.example', groups: ['data-engineers'] },
  vic: { email: 'vic@acme.example', groups: ['analysts'] },
  lee: { email: 'lee@acme.example', groups: ['data-leads', 'platform'] },
};

/**
 * `examples/` in front of a Prefect server and an OpenID provider that run by themselves, each a process of its own: of the example's
 * configuration only addresses and the places of secrets are other ones.
 */
export async function startForeignStage(environment: PrefectEnvironment): Promise<ForeignStage> {
  const folder = mkdtempSync(join(tmpdir(), 'fairlead-foreign-'));
  const [control, proxy, admin, prefectPort, serverPort] = (await freePorts(5)) as [number, number, number, number, number];
  const origin = `http://127.0.0.1:${control}`;
  const authString = `fairlead:${randomBytes(24).toString('hex')}`;
  const server = startPrefect(environment, { folder: join(folder, 'prefect'), port: serverPort, authString });
  const clientSecret = randomBytes(24).toString('hex');
  const redirectUri = `${origin}/login/callback/okta`;
  const people = await startForeignIssuer({ redirectUri, clientSecret, people: PEOPLE });
  const cluster = await testIssuer({ now: () => Date.now() }, '/cluster');

  const secret = (name: string, text: string) => {
    writeFileSync(join(folder, name), text, { mode: 0o600 });
    return `file://${join(folder, name)}`;
  };
  const configFile = join(folder, 'fairlead.yaml');
  const example = readFileSync(join(ROOT, 'examples', 'fairlead.yaml'), 'utf8');
  writeFileSync(
    configFile,
    withAddresses(example, [
      [['origin'], origin],
      [['tls'], undefined],
      [['listen', 'proxy'], `127.0.0.1:${proxy}`],
      [['listen', 'control'], `127.0.0.1:${control}`],
      [['listen', 'admin'], `127.0.0.1:${admin}`],
      [['identity', 0, 'oidc', 'issuer'], people.issuer],
      [['identity', 0, 'oidc', 'clientSecret', 'secret'], secret('client-secret', clientSecret)],
      [['identity', 1, 'kubernetes', 'issuer'], cluster.issuer],
      [['targets', 0, 'hosts'], undefined],
      [['targets', 0, 'port'], prefectPort],
      [['targets', 0, 'prefect', 'url'], `http://127.0.0.1:${serverPort}`],
      [['targets', 0, 'prefect', 'auth', 'secret'], secret('prefect-auth', `${authString}\n`)],
    ]),
  );
  cpSync(join(ROOT, 'examples', 'policies'), join(folder, 'policies'), { recursive: true });
  const programs = programFolder(folder);
  let gateway: Command | undefined;

  async function down(): Promise<number | null> {
    gateway?.process.kill('SIGTERM');
    const ended = await gateway?.finished;
    gateway = undefined;
    return ended?.code ?? null;
  }

  return {
    folder,
    configFile,
    origin,
    url: `http://127.0.0.1:${prefectPort}`,
    cluster,
    prefect: untilReady(serverAt({ environment, port: serverPort, authString })),
    sh(person, line) {
      const home = join(folder, 'home', person);
      mkdirSync(home, { recursive: true });
      const kept = Object.entries(process.env).filter(([name]) => !/^(PREFECT|FAIRLEAD|XDG)_/.test(name));
      const env = {
        ...Object.fromEntries(kept),
        PATH: [programs, join(environment.folder, 'bin'), process.env['PATH']].join(delimiter),
        HOME: home,
        PREFECT_HOME: join(home, '.prefect'),
        DO_NOT_TRACK: '1',
        NO_COLOR: '1',
        TERM: 'dumb',
        COLUMNS: '400',
      };
      return new Promise((done) => {
        execFile('bash', ['-c', line], { cwd: folder, env, timeout: 120_000 }, (error, stdout, stderr) => {
          const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
          done({ code, stdout, text: `${stdout}\n${stderr}` });
        });
      });
    },
    opened: (person) => {
      const file = join(folder, 'home', person, 'opened');
      return until(() => (existsSync(file) ? readFileSync(file, 'utf8') : undefined), 30_000, `a browser for ${person}`);
    },
    async up() {
      gateway = startCommand(['up', '-c', configFile], { FAIRLEAD_ORIGIN: undefined });
      const { process: started, output } = gateway;
      const isUp = async () => {
        if (started.exitCode !== null) throw new Error(`no gateway: ${output()}`);
        return (await answers(`http://127.0.0.1:${admin}/livez`)) && (await answers(`${origin}/`)) ? true : undefined;
      };
      await until(isUp, 60_000, 'the gateway');
    },
    down,
    async close() {
      await Promise.all([down(), people.close(), cluster.close(), server.stop()]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Replaces what stands at these places, or takes it away; each place but a new one must be there. */
function withAddresses(text: string, changes: readonly (readonly [readonly (string | number)[], unknown])[]): string {
  const document = parseDocument(text);
  for (const [path, value] of changes) {
    if (!document.hasIn(path) && path.at(-1) !== 'port') throw new Error(`the example has no ${path.join('.')}`);
    if (value === undefined) document.deleteIn(path);
    else document.setIn(path, value);
  }
  return document.toString();
}

/** As an administrator of Prefect would: no setting but the secret and the folder, the port by flag. */
function startPrefect(environment: PrefectEnvironment, given: { folder: string; port: number; authString: string }) {
  mkdirSync(given.folder);
  return startChild({
    name: 'a Prefect server',
    python: environment.watcherPython,
    watcher: ASSETS.watcher,
    command: [join(environment.folder, 'bin', 'prefect'), 'server', 'start', '--port', String(given.port)],
    env: {
      PATH: process.env['PATH'] ?? '',
      HOME: given.folder,
      PREFECT_HOME: given.folder,
      PREFECT_SERVER_API_AUTH_STRING: given.authString,
      PREFECT_SERVER_ANALYTICS_ENABLED: 'false',
      DO_NOT_TRACK: '1',
    },
    cwd: given.folder,
    log: openLogFile(join(given.folder, 'server.log')),
  });
}

async function untilReady(server: PrefectServer): Promise<PrefectServer> {
  const isReady = () =>
    server.api('GET', '/ready').then(
      ({ status }) => status === 200,
      () => false,
    );
  return await until(async () => ((await isReady()) ? server : undefined), 180_000, 'the Prefect server');
}

/** A folder for PATH that holds `fairlead`, and the desktop's opener, which leaves the address where the test finds it. */
function programFolder(folder: string): string {
  const programs = join(folder, 'bin');
  mkdirSync(programs);
  const lines = {
    fairlead: `exec '${process.execPath}' '${join(ROOT, 'src', 'main.ts')}' "$@"`,
    'xdg-open': 'printf %s "$1" > "$HOME/opening" && mv "$HOME/opening" "$HOME/opened"',
  };
  for (const [name, line] of Object.entries(lines)) writeFileSync(join(programs, name), `#!/bin/sh\n${line}\n`, { mode: 0o755 });
  return programs;
}

async function answers(url: string): Promise<boolean> {
  return await fetch(url, { signal: AbortSignal.timeout(5_000), redirect: 'manual' }).then(
    () => true,
    () => false,
  );
}

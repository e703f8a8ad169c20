import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Browser } from './browser.ts';
import { freePorts } from './ports.ts';
import { lendEnvironment, type PrefectEnvironment } from './prefect-environment.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const MAIN = join(ROOT, 'src', 'main.ts');

export interface Finished {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  /** Both, in no order. */
  readonly text: string;
}

/** The demo as a user starts it, in a folder and on ports of its own. */
export class Demo {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'fairlead-demo-'));
  readonly ports: Record<'control' | 'admin' | 'prefect' | 'web' | 'provider' | 'prefectServer' | 'webService', number>;
  #child: ChildProcess | undefined;
  output = '';

  private constructor(ports: Demo['ports']) {
    this.ports = ports;
  }

  /** With `environment` it finds its Prefect installed already. */
  static async create(environment?: PrefectEnvironment): Promise<Demo> {
    const [control, admin, prefect, web, provider, prefectServer, webService] = await freePorts(7);
    const demo = new Demo({ control, admin, prefect, web, provider, prefectServer, webService } as Demo['ports']);
    if (environment !== undefined) lendEnvironment(environment, join(demo.folder, 'prefect-3.9.1'));
    return demo;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get prefectProgram(): string {
    return join(this.folder, 'prefect-3.9.1', 'bin', 'prefect');
  }

  /** Starts it and waits until its output holds `text`. */
  async start(text: string, timeoutMs: number): Promise<void> {
    const { control, admin, prefect, web, provider, prefectServer, webService } = this.ports;
    this.output = '';
    this.#child = spawn(process.execPath, [MAIN, 'demo', '--dir', this.folder], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        NODE_OPTIONS: '',
        FAIRLEAD_DEMO_CONTROL_PORT: String(control),
        FAIRLEAD_DEMO_ADMIN_PORT: String(admin),
        FAIRLEAD_DEMO_PREFECT_PORT: String(prefect),
        FAIRLEAD_DEMO_WEB_PORT: String(web),
        FAIRLEAD_DEMO_PROVIDER_PORT: String(provider),
        FAIRLEAD_DEMO_PREFECT_SERVER_PORT: String(prefectServer),
        FAIRLEAD_DEMO_WEB_SERVICE_PORT: String(webService),
      },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on('data', (chunk) => (this.output += String(chunk)));
    const until = Date.now() + timeoutMs;
    while (!this.output.includes(text)) {
      if (Date.now() > until || this.#child.exitCode !== null)
        throw new Error(`the demo did not say \`${text}\`:\n${this.output}`);
      await new Promise((done) => setTimeout(done, 200));
    }
  }

  passwordOf(email: string): string {
    return new RegExp(`${email}\\s+(\\S+)`).exec(this.output)?.[1] ?? '';
  }

  /** The `fairlead` command as this person, with a configuration folder of their own. */
  fairlead(person: string, ...args: string[]): Promise<Finished> {
    return run(process.execPath, [MAIN, ...args], { XDG_CONFIG_HOME: join(this.folder, 'home', person) });
  }

  /** Signs the command in through the real pages, as a browser would, with the words that the demo prints. */
  async login(person: string): Promise<Finished> {
    const printed = / -- (login[^#\n]*?) *#/.exec(this.output)?.[1] ?? '';
    const child = spawn(process.execPath, [MAIN, ...printed.split(' '), '--no-browser'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, NODE_OPTIONS: '', XDG_CONFIG_HOME: join(this.folder, 'home', person) },
    });
    let stdout = '';
    let stderr = '';
    child.stdout.on('data', (chunk) => (stdout += String(chunk)));
    const address = await new Promise<string>((found, failed) => {
      child.on('exit', () => failed(new Error(stderr)));
      child.stderr.on('data', (chunk) => {
        stderr += String(chunk);
        const match = /(http:\S+\/login\/cli\S+)/.exec(stderr)?.[1];
        if (match !== undefined) found(match);
      });
    });
    const browser = new Browser();
    const email = `${person}@acme.example`;
    const signIn = await browser.open(address);
    const asked = await browser.submit(signIn, '/', { email, password: this.passwordOf(email) });
    await browser.submit(asked, '/login/cli', {});
    const code = await new Promise<number>((done) => child.on('exit', (status) => done(status ?? 1)));
    return { code, stdout, stderr, text: stdout + stderr };
  }

  /** The settings that `fairlead token` prints for Prefect, with the client kept from everything else on this machine. */
  async prefectSettings(person: string): Promise<Readonly<Record<string, string>>> {
    const made = await this.fairlead(person, 'token', '--for', 'prefect', '--ttl', '1h', '-o', 'json');
    if (made.code !== 0) throw new Error(made.text);
    const { settings } = JSON.parse(made.stdout) as { settings: Record<string, string> };
    return { ...settings, PREFECT_HOME: join(this.folder, 'home', person, 'prefect'), DO_NOT_TRACK: '1', COLUMNS: '400' };
  }

  /** A stock `prefect` command as this person. */
  async prefect(person: string, ...args: string[]): Promise<Finished> {
    return await run(this.prefectProgram, args, await this.prefectSettings(person));
  }

  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  async ended(): Promise<number | null> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return child?.exitCode ?? null;
    return await new Promise((done) => child.on('exit', (code) => done(code)));
  }

  async dispose(): Promise<void> {
    this.signal('SIGTERM');
    await this.ended();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

function run(command: string, args: readonly string[], env: Readonly<Record<string, string>>): Promise<Finished> {
  return new Promise((done) => {
    const options = {
      env: { ...process.env, NODE_OPTIONS: '', ...env },
      timeout: 120_000,
      maxBuffer: 16 * 1024 * 1024,
      cwd: ROOT,
    };
    execFile(command, [...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 1;
      done({ code, stdout, stderr, text: `${stdout}\n${stderr}` });
    });
  });
}

import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';

export const ROOT: string = join(import.meta.dirname, '..');

/** A folder of one benchmark, and the programs that it started. */
export class Stage {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'fairlead-bench-'));
  readonly #children: ChildProcess[] = [];

  /** Starts a program; `cpu` pins it to one processor. */
  start(
    command: string,
    args: readonly string[],
    options: { readonly cpu?: string; readonly env?: NodeJS.ProcessEnv } = {},
  ): ChildProcess {
    const { cpu, env } = options;
    const [program = command, ...rest] = cpu === undefined ? [command, ...args] : ['taskset', '-c', cpu, command, ...args];
    const child = spawn(program, rest, { cwd: ROOT, stdio: ['ignore', 'ignore', 'ignore'], env: { ...process.env, ...env } });
    this.#children.push(child);
    return child;
  }

  /** nginx with this inside its `http` block, its files named `name`. */
  nginx(name: string, http: string, cpu?: string): void {
    const file = join(this.folder, `${name}.conf`);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (kind) => `${kind}_temp_path ${this.folder}/${name}-${kind};`,
    );
    writeFileSync(
      file,
      `worker_processes 1; daemon off; pid ${this.folder}/${name}.pid; error_log stderr warn; events { worker_connections 1024; }
http { access_log off; ${temporary.join(' ')} keepalive_requests 1000000; ${http} }`,
    );
    this.start('nginx', ['-p', this.folder, '-c', file, '-e', 'stderr'], cpu === undefined ? {} : { cpu });
  }

  /** The gateway from the sources; control listens on `port`, health beside it. `rules` are the rules of its one policy. */
  fairlead(options: {
    readonly issuer: string;
    readonly port: number;
    readonly targets: readonly string[];
    readonly rules: readonly string[];
    readonly cpu?: string;
  }): ChildProcess {
    const { issuer, port, targets, rules, cpu } = options;
    const file = join(this.folder, 'fairlead.yaml');
    mkdirSync(join(this.folder, 'policies'), { recursive: true });
    writeFileSync(
      file,
      `origin: http://127.0.0.1:${port}
listen: {control: "127.0.0.1:${port}", admin: "127.0.0.1:${port + 1}"}
store: sqlite:./data
administrators: [group:platform]
observe: {decisions: none, logLevel: error}
identity:
  - name: bench
    oidc: {issuer: "${issuer}", clientId: fairlead, audience: [fairlead]}
    owns: {users: ["*@acme.example"], groups: ["*"]}
targets:
${targets.map((target) => `  - ${target}`).join('\n')}
policies: [{path: ./policies}]
`,
    );
    writeFileSync(
      join(this.folder, 'policies', 'bench.yaml'),
      `apiVersion: fairlead.dev/v1
kind: AccessPolicy
metadata: {name: bench}
spec:
  rules:
${rules.map((rule) => `    - ${rule}`).join('\n')}
`,
    );
    return this.start(process.execPath, ['src/main.ts', 'up', '-c', file], cpu === undefined ? {} : { cpu });
  }

  end(): void {
    for (const child of this.#children) child.kill('SIGTERM');
  }
}

/** Tries until `attempt` yields true, a quarter of a second apart, for a minute and a quarter. */
export async function until(what: string, attempt: () => Promise<boolean>): Promise<void> {
  for (let count = 0; count < 300; count++) {
    if (await attempt().catch(() => false)) return;
    await new Promise((done) => setTimeout(done, 250));
  }
  throw new Error(`${what} did not come up`);
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** The machine's load over 1, 5 and 15 minutes. */
export function load(): string {
  return loadavg()
    .map((one) => one.toFixed(2))
    .join(' ');
}

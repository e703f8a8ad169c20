import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CliFunctions } from '../../src/cli/functions.ts';
import { runCli } from '../../src/cli/program.ts';
import { checkPolicies } from '../../src/control/activation.ts';
import type { Caller } from '../../src/core/caller.ts';
import { ENFORCED } from '../../src/enforced.ts';
import { policyTools } from '../../src/policy-tools.ts';
import { controlGateway, person } from './control-gateway.ts';
import { freePort } from './ports.ts';

export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What `main.ts` gives the verbs, without the two that run until a signal. */
export const FUNCTIONS: CliFunctions = {
  version: '1.2.3',
  up: async () => 0,
  demo: async () => 0,
  checkPolicies: async (config, files) => checkPolicies(policyTools(config), ENFORCED, files),
};

type Variables = Readonly<Record<string, string | undefined>>;

/** Runs a command in this process, in a folder and with variables of its own; one at a time. */
export async function runVerb(
  argv: readonly string[],
  given: { readonly env?: Variables; readonly cwd?: string; readonly functions?: Partial<CliFunctions> } = {},
): Promise<Ran> {
  const texts = { stdout: '', stderr: '' };
  const { stdout, stderr } = process;
  const writes = [stdout.write, stderr.write] as const;
  const cwd = process.cwd();
  const before = { ...process.env };
  const isolated: Variables = { XDG_CONFIG_HOME: '/nonexistent', FAIRLEAD_ORIGIN: undefined, FAIRLEAD_TOKEN: undefined };
  for (const [name, value] of Object.entries({ ...isolated, ...given.env })) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  if (given.cwd !== undefined) process.chdir(given.cwd);
  const into = (name: 'stdout' | 'stderr') => (chunk: unknown) => {
    texts[name] += String(chunk);
    return true;
  };
  Object.assign(stdout, { write: into('stdout') });
  Object.assign(stderr, { write: into('stderr') });
  try {
    const code = await runCli(argv, { ...FUNCTIONS, ...given.functions });
    return { code, ...texts };
  } finally {
    Object.assign(stdout, { write: writes[0] });
    Object.assign(stderr, { write: writes[1] });
    process.chdir(cwd);
    process.env = before;
  }
}

/** A folder for one test file; `dispose` removes it. */
export function temporaryFolder(): { readonly path: string; dispose(): void } {
  const path = mkdtempSync(join(tmpdir(), 'fairlead-cli-'));
  return { path, dispose: () => rmSync(path, { recursive: true, force: true }) };
}

export type CliGateway = Awaited<ReturnType<typeof cliGateway>>;

/** A control origin on loopback that commands reach by its own address. */
export async function cliGateway() {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const gateway = await controlGateway({ origin, port });
  const tokenOf = async (caller: Caller): Promise<string> =>
    (await gateway.identity.programTokens.mint({ caller, ttlMs: 3_600_000 })).token.reveal();
  const as = (caller: Caller) => {
    const token = tokenOf(caller);
    return async (...argv: readonly string[]): Promise<Ran> =>
      await runVerb(argv, { env: { FAIRLEAD_ORIGIN: origin, FAIRLEAD_TOKEN: await token } });
  };
  return {
    ...gateway,
    origin,
    tokenOf,
    as,
    /** Reads `web/reports/**` and nothing else. */
    ada: as(person('ada@acme.example', ['data'])),
    /** Administrator. */
    grace: as(person('grace@acme.example', ['platform'])),
  };
}

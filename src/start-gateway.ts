import { readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bindTargets } from './bind-targets.ts';
import type { Config } from './config/config.ts';
import { loadConfig } from './config/load.ts';
import { readPolicyFiles } from './config/policy-files.ts';
import { type ReloadReport, reload } from './config/reload.ts';
import { openActivation } from './control/activation.ts';
import { openControl } from './control/server.ts';
import type { Clock, Log, Randomness, Secrets } from './core/ports.ts';
import { asProblem, Problem } from './core/problem.ts';
import { openAssertionKey } from './credentials/assertion-key.ts';
import { createSecrets } from './credentials/secrets.ts';
import { decide } from './decide/decide.ts';
import { sentence } from './decide/sentence.ts';
import { ENFORCED } from './enforced.ts';
import { openAdmissions } from './gateway/admissions.ts';
import { openLiveCalls } from './gateway/live.ts';
import type { Corridor } from './gateway/port.ts';
import { openProxyDoors } from './gateway/proxy/doors.ts';
import { upstreamPools } from './gateway/proxy/upstream-pools.ts';
import { isOwnCookie } from './identity/cookie-name.ts';
import { openIdentity } from './identity/identity.ts';
import { createAdminServer } from './observe/admin-server.ts';
import { createDecisionStream, streamed } from './observe/decisions.ts';
import { createHealth } from './observe/health.ts';
import { createLog, logDestination } from './observe/log.ts';
import { createMetrics } from './observe/metrics.ts';
import { nearest } from './policy/explain.ts';
import { parseResourceText } from './policy/resource-pattern.ts';
import { policyTools } from './policy-tools.ts';
import { pooledRandomness } from './randomness.ts';
import { openStorage } from './storage.ts';
import { parseHead } from './wire/head.ts';

export interface RunningGateway {
  /** `https://access.example.com`. */
  readonly origin: string;
  readonly controlPort: number;
  readonly adminPort: number;
  /** Port of each proxy listener, by target name; `*` is the listener for hosts. */
  readonly proxyPorts: Readonly<Record<string, number>>;
  /** Reads certificates and secrets anew, reopens the decision file, and says which sections of the file wait for a restart. */
  reload(): Promise<ReloadReport>;
  /** Drains and ends: no call under way is broken while the configured time lasts. */
  close(): Promise<void>;
}

export interface StartOptions {
  /** Of the program, for metrics. */
  readonly version?: string;
  /** Where log lines go instead of standard error. */
  readonly logFile?: string;
}

/** How often the shared secrets of observing targets are read anew. */
const SHARED_SECRET_REFRESH_MS = 5_000;

const clock: Clock = { now: () => Date.now() };
const randomness: Randomness = pooledRandomness();

/** Builds every room from a checked configuration, hands each its ports, and opens the listeners. */
export async function startGateway(config: Config, options: StartOptions = {}): Promise<RunningGateway> {
  const closers: (() => Promise<void> | void)[] = [];
  try {
    return await build(config, options, closers);
  } catch (error) {
    for (const close of closers.reverse()) await close();
    throw error;
  }
}

async function build(config: Config, options: StartOptions, closers: (() => Promise<void> | void)[]): Promise<RunningGateway> {
  const stderrOrFile = options.logFile === undefined ? {} : { stream: logDestination(options.logFile) };
  const log = createLog({ clock, level: config.observe.logLevel, ...stderrOrFile });
  const metrics = createMetrics();
  metrics.gauge('fairlead_build_info', 1, { version: options.version ?? 'unknown', node: process.versions.node });
  const health = createHealth({ expected: ['store', 'policy'], log, metrics });
  const secrets = createSecrets({ log, clock, env: process.env });
  const tls = await readTls(config, secrets);

  const storage = await openStorage({ dir: config.store.folder, clock, log, health, retention: config.audit });
  closers.push(() => storage.close());
  health.set('store', 'ok');
  const stream = createDecisionStream({ to: config.observe.decisions, log, metrics });
  closers.push(() => stream.close());
  const recorder = streamed(storage.recorder, stream);

  const policyFolders = await readFolders(config, log);
  const tools = policyTools(config);
  const activation = await openActivation(
    { tools, enforced: ENFORCED, store: storage.store, clock, log, health, metrics },
    policyFolders,
  );

  let generation = 1;
  metrics.gauge('fairlead_policy_generation', generation);
  activation.onChange(() => metrics.gauge('fairlead_policy_generation', ++generation));

  const assertionKey = await openAssertionKey(config.store.folder, config.origin.text);
  const pools = upstreamPools({ connectTimeoutMs: config.timeouts.connect });
  closers.push(() => pools.close());
  const bound = bindTargets({ config, secrets, clock, sign: assertionKey.sign, dispatcherFor: pools.poolFor });
  await bound.refreshSharedSecrets();
  const refreshing = setInterval(() => void bound.refreshSharedSecrets(), SHARED_SECRET_REFRESH_MS);
  refreshing.unref();
  closers.push(() => clearInterval(refreshing));

  const identity = await openIdentity({
    sources: config.identity,
    sessions: config.sessions,
    controlOrigin: config.origin.text,
    isTargetOrigin: (origin) => bound.targets.some((target) => target.origin === origin),
    sharedSecret: bound.isSharedSecret,
    store: storage.store,
    secrets,
    clock,
    randomness,
    log,
    health,
  });

  const live = openLiveCalls({ clock, log, metrics, revocations: identity.revocations, policy: activation });
  closers.push(() => live.close());
  const corridor: Corridor = {
    clock,
    randomness,
    log,
    metrics,
    routes: bound.routes,
    authenticator: identity.authenticator,
    revocations: identity.revocations,
    policy: activation,
    recorder,
    admissions: await openAdmissions({ store: storage.store, clock, log, policy: activation }),
    live,
    isOwnCookie,
  };
  const doors = await openProxyDoors({ corridor, config, targets: bound.targets, tls, pools, ownPaths: identity });
  closers.push(() => doors.close());
  const control = await openControl(
    {
      origin: config.origin.text,
      clock,
      randomness,
      log,
      metrics,
      recorder,
      search: storage.search,
      activation,
      authenticator: identity.authenticator,
      sessions: identity.sessions,
      login: identity.login,
      providerLogout: identity.providerLogout,
      handoff: identity.handoff,
      cliLogin: identity.cliLogin,
      tokens: identity.programTokens,
      revocations: identity.revocations,
      targets: bound.targets.map(({ name, adapter, origin, mode }) => ({ name, kind: adapter.kind, origin, mode })),
      decide: (caller, requests, target) =>
        decide({
          caller,
          requests,
          policy: activation.current(),
          access: bound.targets.find(({ name }) => name === target)?.access ?? ['policy'],
          mode: 'enforce',
          now: new Date(clock.now()),
          admitted: new Set(),
        }),
      nearest: (caller, request) => nearest(activation.current(), { caller, request, now: new Date(clock.now()) }),
      sentence,
      parseHead,
      parseResource,
    },
    {
      listen: config.listen.control,
      limits: config.limits,
      ...(tls === undefined ? {} : { tls }),
      jwks: async () => assertionKey.jwks(),
    },
  );
  closers.push(() => control.close());

  const admin = createAdminServer({ health, metrics });
  const adminPort = await admin.listen(config.listen.admin);
  closers.push(() => admin.close());
  log.info('gateway_started', { origin: config.origin.text, targets: bound.targets.map(({ name }) => name) });

  let closing: Promise<void> | undefined;
  return {
    origin: config.origin.text,
    controlPort: control.port,
    adminPort,
    proxyPorts: doors.ports,
    reload() {
      return reload({
        running: config,
        load: async () => loadConfig(await readFile(config.file, 'utf8'), config.file, { env: process.env }),
        log,
        live: {
          secrets: () => secrets.forget(),
          decisions: () => stream.reopen(),
          async certificate() {
            const fresh = await readTls(config, secrets);
            if (fresh === undefined) return;
            doors.reloadTls(fresh);
            control.reloadTls(fresh);
          },
        },
      });
    },
    close() {
      closing ??= (async () => {
        health.drain();
        await doors.drain(config.drainMs);
        for (const close of closers.reverse()) await close();
      })();
      return closing;
    },
  };
}

export type TlsFiles = { readonly cert: string; readonly key: string };

async function readTls(config: Config, secrets: Secrets): Promise<TlsFiles | undefined> {
  if (typeof config.tls !== 'object') return undefined;
  const { cert, key } = config.tls;
  try {
    return { cert: await readFile(cert, 'utf8'), key: (await secrets.read(key.secret)).reveal() };
  } catch (error) {
    throw new Problem({
      code: 'TLS_UNREADABLE',
      kind: 'fault',
      message: `the certificate \`${cert}\` or its key cannot be read`,
      cause: error,
    });
  }
}

/** A folder that cannot be read is like one that does not load: the last good revision stays. */
async function readFolders(config: Config, log: Log) {
  try {
    return await readPolicyFiles(
      config.policies.map(({ path }) => path),
      dirname(config.file),
    );
  } catch (error) {
    const problem = asProblem(error);
    log.error('policy_unreadable', { code: problem.code, message: problem.message });
    return undefined;
  }
}

function parseResource(text: string): readonly string[] {
  const path = parseResourceText(text);
  if (path === undefined) {
    throw new Problem({
      code: 'RESOURCE_INVALID',
      kind: 'invalid',
      message: 'a resource is TARGET/NAME/…, with `\\` before `/`, `*` and `\\` inside a name',
    });
  }
  return path;
}

import { timingSafeEqual } from 'node:crypto';
import type { Dispatcher } from 'undici';
import type { Config } from './config/config.ts';
import type { Clock, Secrets } from './core/ports.ts';
import type { UpstreamCredential } from './credentials/port.ts';
import { createUpstreamCredential } from './credentials/upstream-credential.ts';
import { createUpstreamReader } from './credentials/upstream-reader.ts';
import type { BoundTarget, Routes } from './gateway/port.ts';
import type { TargetConfig } from './targets/config.ts';
import { createHttpAdapter, type HttpAdapterOptions } from './targets/http/adapter.ts';
import { prefectAdapter } from './targets/prefect/adapter.ts';
import type { TargetAdapter, TargetContext } from './targets/target.ts';

export interface BindInput {
  readonly config: Config;
  readonly secrets: Secrets;
  readonly clock: Clock;
  readonly sign: NonNullable<HttpAdapterOptions['sign']>;
  /** Port of the host listener, when it is not the configured one. */
  dispatcherFor(upstream: URL): Dispatcher;
}

export interface BoundTargets {
  readonly targets: readonly BoundTarget[];
  readonly routes: Routes;
  /** Whether an Authorization value is the target's own secret: believed on targets that only observe. */
  isSharedSecret(target: string, authorization: string): boolean;
  /** Reads the secrets that `isSharedSecret` compares with, now and then every few seconds. */
  refreshSharedSecrets(): Promise<void>;
}

/** One adapter per configured target, and the way to find it. */
export function bindTargets(input: BindInput): BoundTargets {
  const { config } = input;
  const shared = new Map<string, { readonly credential: UpstreamCredential; value: string | undefined }>();
  const targets = config.targets.map((target) => bind(target, input, shared));
  const byHost = new Map<string, BoundTarget>();
  const byPort = new Map<number, BoundTarget>();
  for (const [index, target] of config.targets.entries()) {
    const bound = targets[index];
    if (bound === undefined) continue;
    for (const host of target.hosts) byHost.set(host, bound);
    if (target.port !== undefined) byPort.set(target.port, bound);
  }
  return {
    targets,
    routes: {
      // A port of its own serves loopback names alone: a page elsewhere cannot reach it under a name that it controls (DNS rebinding).
      find: (host, localPort) => {
        const onPort = byPort.get(localPort);
        return onPort === undefined ? byHost.get(host) : isLoopbackName(host) ? onPort : undefined;
      },
    },
    isSharedSecret(target, authorization) {
      const value = shared.get(target)?.value;
      return value !== undefined && isSame(value, authorization);
    },
    async refreshSharedSecrets() {
      for (const entry of shared.values()) {
        entry.value = await entry.credential.authorization().then(
          (secret) => secret.reveal(),
          () => undefined,
        );
      }
    },
  };
}

function bind(
  target: TargetConfig,
  input: BindInput,
  shared: Map<string, { readonly credential: UpstreamCredential; value: string | undefined }>,
): BoundTarget {
  const { config, secrets, clock } = input;
  const upstream = new URL(target.system.url);
  const dispatcher = input.dispatcherFor(upstream);
  const credential =
    target.system.kind === 'prefect' && target.system.auth !== undefined
      ? createUpstreamCredential({ secrets, reference: target.system.auth, scheme: 'basic' })
      : undefined;
  if (credential !== undefined && target.mode === 'observe') shared.set(target.name, { credential, value: undefined });
  const context: TargetContext = {
    name: target.name,
    upstream: createUpstreamReader({
      url: target.system.url,
      dispatcher,
      ...(credential === undefined ? {} : { credential }),
    }),
    whyUrl: (decisionId) => `${config.origin.text}/why/${decisionId}`,
    loginUrl: (returnTo) => `/.fairlead/login?return=${encodeURIComponent(returnTo)}`,
    now: () => clock.now(),
  };
  return {
    name: target.name,
    adapter: adapterOf(target, context, credential, input),
    mode: target.mode,
    access: target.access,
    upstream,
    origin: originOf(target, config),
    maxBodyBytes: config.limits.bodyBytes,
    ...(credential === undefined ? {} : { secret: () => credential.secret() }),
  };
}

function adapterOf(
  target: TargetConfig,
  context: TargetContext,
  credential: UpstreamCredential | undefined,
  input: BindInput,
): TargetAdapter {
  const { system } = target;
  switch (system.kind) {
    case 'prefect':
      return prefectAdapter({
        ...context,
        origin: originOf(target, input.config),
        ...(credential === undefined ? {} : { authorization: () => credential.authorization() }),
      });
    case 'http':
      return createHttpAdapter(context, { sign: input.sign });
    default:
      return system satisfies never;
  }
}

/** Where clients find a target: its first host on the proxy listener's public port, or its own port on loopback. */
export function originOf(target: TargetConfig, config: Config): string {
  if (target.port !== undefined) return `http://127.0.0.1:${target.port}`;
  const scheme = config.tls === undefined ? 'http' : 'https';
  const port = config.listen.proxy?.port ?? 443;
  // Behind an external TLS end, clients see its standard port and not ours.
  const isStandard = config.tls === 'external' || port === (scheme === 'https' ? 443 : 80);
  return `${scheme}://${target.hosts[0] ?? 'localhost'}${isStandard ? '' : `:${port}`}`;
}

function isLoopbackName(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host);
}

function isSame(a: string, b: string): boolean {
  const left = Buffer.from(a, 'utf8');
  const right = Buffer.from(b, 'utf8');
  return left.length === right.length && timingSafeEqual(left, right);
}

import { dirname, resolve } from 'node:path';
import type { AuditConfig } from '../audit/config.ts';
import type { Origin } from '../control/config.ts';
import type { Limits, ListenAddress, Timeouts, Tls } from '../gateway/config.ts';
import type { IdentitySourceConfig, SessionsConfig } from '../identity/config.ts';
import type { ObserveConfig } from '../observe/config.ts';
import type { PolicyFolder } from '../policy/config.ts';
import type { StoreConfig } from '../store/config.ts';
import type { TargetConfig } from '../targets/config.ts';
import type { Sections } from './sections.ts';

/** `fairlead.yaml`, checked: durations in milliseconds, sizes in bytes, file paths absolute, secrets still references. */
export interface Config {
  /** The file it was read from, absolute. */
  readonly file: string;
  readonly origin: Origin;
  readonly administrators: readonly string[];
  readonly listen: {
    /** Absent when every target has a port of its own. */
    readonly proxy?: ListenAddress | undefined;
    readonly control: ListenAddress;
    readonly admin: ListenAddress;
  };
  /** Undefined: plain HTTP, on loopback only. */
  readonly tls: Tls | undefined;
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  readonly drainMs: number;
  readonly sessions: SessionsConfig;
  readonly store: StoreConfig;
  readonly identity: readonly IdentitySourceConfig[];
  readonly targets: readonly TargetConfig[];
  readonly policies: readonly PolicyFolder[];
  readonly audit: AuditConfig;
  readonly observe: ObserveConfig;
}

/** The parsed sections as one value; relative paths count from the file's own folder. */
export function toConfig(file: string, sections: Sections): Config {
  const absoluteFile = resolve(file);
  const folder = dirname(absoluteFile);
  const absolute = (path: string): string => resolve(folder, path);
  const { origin, administrators, listen, tls, limits, timeouts, drain, sessions, store, audit, targets } = sections;
  const { decisions } = sections.observe;
  return {
    file: absoluteFile,
    origin,
    administrators,
    listen: { proxy: listen.proxy, control: listen.control, admin: listen.admin },
    tls: typeof tls === 'object' ? { ...tls, cert: absolute(tls.cert) } : tls,
    limits,
    timeouts,
    drainMs: drain,
    sessions,
    store: { ...store, folder: absolute(store.folder) },
    identity: sections.identity.map((source) => withAbsoluteCa(source, absolute)),
    targets,
    policies: sections.policies.map((policy) => ({ ...policy, path: absolute(policy.path) })),
    audit,
    observe: {
      ...sections.observe,
      decisions: decisions.kind === 'file' ? { kind: 'file', path: absolute(decisions.path) } : decisions,
    },
  };
}

function withAbsoluteCa(source: IdentitySourceConfig, absolute: (path: string) => string): IdentitySourceConfig {
  const { oidc, kubernetes } = source;
  return {
    ...source,
    ...(oidc?.caFile === undefined ? {} : { oidc: { ...oidc, caFile: absolute(oidc.caFile) } }),
    ...(kubernetes?.caFile === undefined ? {} : { kubernetes: { ...kubernetes, caFile: absolute(kubernetes.caFile) } }),
  };
}

import { z } from 'zod';
import type { ObligationKind } from '../core/decision.ts';
import type { Diagnostic } from '../core/diagnostic.ts';
import type { Clock, Health, Log, Metrics, Store } from '../core/ports.ts';
import type { ActivePolicy, PolicyFile, PolicySet, PolicyTestResult } from '../policy/port.ts';

/** What activation needs of the policy room; `main.ts` binds the vocabulary. */
export interface PolicyTools {
  load(files: readonly PolicyFile[]): { readonly policy: PolicySet | undefined; readonly diagnostics: readonly Diagnostic[] };
  /** Obligations that nothing enforces on a bound target, each named. */
  notEnforceable(policy: PolicySet, enforced: ReadonlySet<ObligationKind>): readonly Diagnostic[];
  test(policy: PolicySet): readonly PolicyTestResult[];
}

export interface ActivationParts {
  readonly tools: PolicyTools;
  readonly enforced: ReadonlySet<ObligationKind>;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly health: Health;
  readonly metrics: Metrics;
}

export interface Checked {
  readonly policy: PolicySet | undefined;
  readonly diagnostics: readonly Diagnostic[];
  readonly tests: readonly PolicyTestResult[];
  /** True when it may become active: no error, no failed test, nothing that cannot be enforced. */
  readonly isActivatable: boolean;
}

export interface Activation extends ActivePolicy {
  /** Accepts and tests everything; `isActivatable` says whether `apply` would take it. */
  check(files: readonly PolicyFile[]): Checked;
  /**
   * Makes a policy active and keeps it as the last good revision. `expected` is the revision that the caller saw; when another is
   * active by now nothing happens and `conflict` is true.
   */
  apply(files: readonly PolicyFile[], by: string, expected?: string): Promise<Checked & { readonly conflict: boolean }>;
}

const stored = z.object({
  revision: z.string(),
  files: z.array(z.object({ path: z.string(), text: z.string() })),
  /** Revision of the configured folders at the last start, so that an unchanged folder does not undo a later `apply`. */
  folderRevision: z.string(),
  by: z.string(),
  atMs: z.number(),
});
type Kept = z.infer<typeof stored>;

const KIND = 'policy';
const KEY = 'active';

/**
 * Opens with the configured folders, or with the last good revision where those do not load or have not changed since a later
 * `apply`. Undefined: they could not be read. With neither, nothing is allowed: an empty policy, loud in health.
 */
export async function openActivation(
  parts: ActivationParts,
  folderFiles: readonly PolicyFile[] | undefined,
): Promise<Activation> {
  const listeners = new Set<(policy: PolicySet) => void>();
  const kept = await lastKept();
  let folderRevision = kept?.folderRevision ?? '';
  let active = await initial();
  announce(active);
  /** One `apply` at a time: `expected` would mean nothing if another could slip in before the write is done. */
  let applying: Promise<unknown> = Promise.resolve();

  async function lastKept(): Promise<Kept | undefined> {
    const value = await parts.store.get(KIND, KEY);
    if (value === undefined || value === null) return undefined;
    const parsed = stored.safeParse(value);
    if (parsed.success) return parsed.data;
    parts.log.error('policy_kept_unreadable');
    return undefined;
  }

  async function initial(): Promise<PolicySet> {
    const folder = folderFiles === undefined ? UNREAD : check(folderFiles);
    if (folder.policy !== undefined && folder.isActivatable) {
      if (kept !== undefined && kept.folderRevision === folder.policy.revision && kept.revision !== folder.policy.revision) {
        const applied = check(kept.files);
        if (applied.policy !== undefined && applied.isActivatable) {
          parts.health.set('policy', 'ok');
          return applied.policy;
        }
      }
      folderRevision = folder.policy.revision;
      await keep(folder.policy, 'start');
      parts.health.set('policy', 'ok');
      return folder.policy;
    }
    for (const diagnostic of folder.diagnostics.filter((one) => one.severity === 'error')) {
      parts.log.error('policy_not_loaded', { ...diagnostic });
    }
    const last = kept === undefined ? undefined : check(kept.files);
    if (last?.policy !== undefined && last.isActivatable) {
      parts.health.set('policy', 'degraded', 'the policy folders do not load; the last good revision stays active');
      return last.policy;
    }
    parts.health.set('policy', 'failed', 'no policy loads; every call is denied');
    const none = parts.tools.load([]).policy;
    if (none === undefined) throw new Error('the empty policy does not load');
    return none;
  }

  function check(files: readonly PolicyFile[]): Checked {
    return checkPolicies(parts.tools, parts.enforced, files);
  }

  async function apply(files: readonly PolicyFile[], by: string, expected: string | undefined) {
    const checked = check(files);
    if (checked.policy === undefined || !checked.isActivatable) return { ...checked, conflict: false };
    if (expected !== undefined && expected !== active.revision) return { ...checked, conflict: true };
    await keep(checked.policy, by);
    active = checked.policy;
    parts.health.set('policy', 'ok');
    announce(active);
    for (const listener of [...listeners]) tell(listener, active);
    return { ...checked, conflict: false };
  }

  /** The policy is active already: one listener that fails does not keep the others from hearing of it. */
  function tell(listener: (policy: PolicySet) => void, policy: PolicySet): void {
    try {
      listener(policy);
    } catch (error) {
      parts.log.error('policy_listener_failed', { error: error instanceof Error ? error.message : 'unknown' });
    }
  }

  async function keep(policy: PolicySet, by: string): Promise<void> {
    const value: Kept = { revision: policy.revision, files: [...policy.files], folderRevision, by, atMs: parts.clock.now() };
    await parts.store.put(KIND, KEY, value);
  }

  function announce(policy: PolicySet): void {
    parts.metrics.gauge('fairlead_policy_rules', policy.rules.length);
    parts.log.info('policy_active', { revision: policy.revision, rules: policy.rules.length });
  }

  return {
    current: () => active,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    check,
    apply(files, by, expected) {
      const turn = applying.then(() => apply(files, by, expected));
      applying = turn.catch(() => undefined);
      return turn;
    },
  };
}

/** Folders that could not be read at all: as good as folders that do not load. */
const UNREAD: Checked = { policy: undefined, diagnostics: [], tests: [], isActivatable: false };

/** Loads and tests policies, and says whether they could become active; also without a running gateway. */
export function checkPolicies(tools: PolicyTools, enforced: ReadonlySet<ObligationKind>, files: readonly PolicyFile[]): Checked {
  const { policy, diagnostics } = tools.load(files);
  if (policy === undefined) return { policy, diagnostics, tests: [], isActivatable: false };
  const all = [...diagnostics, ...tools.notEnforceable(policy, enforced)];
  const tests = tools.test(policy);
  const isActivatable = !all.some((one) => one.severity === 'error') && tests.every((test) => test.passed);
  return { policy, diagnostics: all, tests, isActivatable };
}

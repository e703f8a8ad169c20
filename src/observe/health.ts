import type { Health, Log, Metrics } from '../core/ports.ts';

export type HealthState = 'ok' | 'degraded' | 'failed';

export interface ComponentHealth {
  readonly component: string;
  /** `starting`: expected, and not heard of yet. */
  readonly state: HealthState | 'starting';
  readonly message: string | undefined;
}

export interface HealthReport {
  /** Whether new calls may come: nothing failed, and everything expected has spoken. */
  readonly isReady: boolean;
  readonly components: readonly ComponentHealth[];
}

export interface HealthBoard extends Health {
  report(): HealthReport;
  /** From now on not ready: a drain is under way. */
  drain(): void;
}

export interface HealthOptions {
  /** Components that must have spoken before the process is ready. */
  readonly expected: readonly string[];
  readonly log: Log;
  readonly metrics: Metrics;
}

const STATES: readonly HealthState[] = ['ok', 'degraded', 'failed'];

/** What each component says of itself. A change is logged once; `failed` makes the process not ready, `degraded` only tells. */
export function createHealth(options: HealthOptions): HealthBoard {
  const { expected, log, metrics } = options;
  const components = new Map<string, ComponentHealth>(
    expected.map((component) => [component, { component, state: 'starting', message: undefined }]),
  );
  let isDraining = false;
  return {
    set(component, state, message) {
      const before = components.get(component);
      components.set(component, { component, state, message });
      for (const one of STATES) metrics.gauge('fairlead_health', one === state ? 1 : 0, { component, state: one });
      if (before?.state === state && before.message === message) return;
      const fields = { component, state, ...(message === undefined ? {} : { message }) };
      if (state === 'ok') log.info('health.changed', fields);
      else if (state === 'degraded') log.warn('health.changed', fields);
      else log.error('health.changed', fields);
    },
    report() {
      const list = [...components.values()];
      if (isDraining) list.push({ component: 'drain', state: 'failed', message: 'the process is ending' });
      return { isReady: list.every(({ state }) => state === 'ok' || state === 'degraded'), components: list };
    },
    drain() {
      isDraining = true;
    },
  };
}

/** Text in the form that Kubernetes' own components use for `?verbose`: one line per component, then a verdict. */
export function healthText(report: HealthReport, check: 'livez' | 'readyz', isVerbose: boolean): string {
  const isPassed = check === 'livez' || report.isReady;
  if (isPassed && !isVerbose) return 'ok\n';
  const lines = report.components.map(({ component, state, message }) => {
    const mark = state === 'ok' ? '+' : state === 'degraded' ? '~' : '-';
    return `[${mark}]${component} ${state}${message === undefined ? '' : `: ${message.replaceAll(/[\r\n]+/g, ' ')}`}\n`;
  });
  return `${lines.join('')}${check} check ${isPassed ? 'passed' : 'failed'}\n`;
}

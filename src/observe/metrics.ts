import type { Metrics } from '../core/ports.ts';
import { METRICS, type MetricDefinition } from './metric-definitions.ts';

export interface MetricsOptions {
  readonly definitions?: readonly MetricDefinition[];
  /** Most label combinations of one metric; further ones are counted together, under `other`. */
  readonly maxSeries?: number;
}

export interface MetricsRegistry extends Metrics {
  /** Prometheus text format 0.0.4, families in the order of their names. */
  text(): string;
}

/** Content type of `text()`. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string>>;

interface Series {
  readonly labels: readonly string[];
  value: number;
  /** Histograms: observations per bucket, not cumulated; the last is +Inf. */
  readonly buckets: number[];
  sum: number;
}

interface Family {
  readonly definition: MetricDefinition;
  readonly series: Map<string, Series>;
  /** Series by their label values as given, a map for each label: what is counted with every call is found without a new text. */
  readonly given: Given;
  /** Entries of `given`. */
  givenSize: number;
}

interface Given {
  series: Series | undefined;
  next: Map<string | undefined, Given> | undefined;
}

const REFUSED = 'fairlead_metrics_refused_total';
const OTHER = 'other';
const MAX_LABEL_LENGTH = 128;

/**
 * Counters, gauges and histograms of a fixed list. Recording never throws and never grows without bound: an unknown name, a wrong
 * kind or a value that is no number is counted as refused; label values beyond the bound fall together.
 */
export function createMetrics(options: MetricsOptions = {}): MetricsRegistry {
  const { definitions = METRICS, maxSeries = 500 } = options;
  const families = new Map<string, Family>(
    [...definitions]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map((definition) => [
        definition.name,
        { definition, series: new Map(), given: { series: undefined, next: undefined }, givenSize: 0 },
      ]),
  );

  function refuse(reason: 'name' | 'value' | 'labels'): void {
    const family = families.get(REFUSED);
    if (family !== undefined) seriesOf(family, { reason }).value += 1;
  }

  function seriesOf(family: Family, given: Labels | undefined): Series {
    let at = family.given;
    for (const label of family.definition.labels) {
      const value = given?.[label];
      let next = at.next?.get(value);
      if (next === undefined) {
        // Values that never end are found the long way.
        if (family.givenSize >= maxSeries || (value?.length ?? 0) > MAX_LABEL_LENGTH) return findSeries(family, given);
        next = { series: undefined, next: undefined };
        at.next ??= new Map();
        at.next.set(value, next);
        family.givenSize += 1;
      }
      at = next;
    }
    if (at.series !== undefined) return at.series;
    const found = findSeries(family, given);
    // What falls together is counted as such each time.
    if (found.labels.length === 0 || found.labels.some((label) => label !== OTHER)) at.series = found;
    return found;
  }

  function findSeries(family: Family, given: Labels | undefined): Series {
    const { definition, series } = family;
    const labels = definition.labels.map((label) => labelValue(given?.[label]));
    const found = series.get(labels.join('\0'));
    if (found !== undefined) return found;
    if (series.size < maxSeries) return addSeries(family, labels);
    if (definition.name !== REFUSED) refuse('labels');
    const others = definition.labels.map(() => OTHER);
    return series.get(others.join('\0')) ?? addSeries(family, others);
  }

  function record(kind: MetricDefinition['kind'], name: string, value: number, labels: Labels | undefined): Series | undefined {
    const family = families.get(name);
    if (family?.definition.kind !== kind) refuse('name');
    else if (!Number.isFinite(value) || (kind === 'counter' && value < 0)) refuse('value');
    else return seriesOf(family, labels);
    return undefined;
  }

  return {
    count(name, labels, by = 1) {
      const series = record('counter', name, by, labels);
      if (series !== undefined) series.value += by;
    },
    gauge(name, value, labels) {
      const series = record('gauge', name, value, labels);
      if (series !== undefined) series.value = value;
    },
    observe(name, value, labels) {
      const series = record('histogram', name, value, labels);
      if (series === undefined) return;
      const bounds = families.get(name)?.definition.buckets ?? [];
      const at = bounds.findIndex((bound) => value <= bound);
      const bucket = at === -1 ? bounds.length : at;
      series.buckets[bucket] = (series.buckets[bucket] ?? 0) + 1;
      series.sum += value;
    },
    text: () => [...families.values()].map(familyText).join(''),
  };
}

function addSeries(family: Family, labels: readonly string[]): Series {
  const series: Series = { labels, value: 0, sum: 0, buckets: Array(1 + (family.definition.buckets?.length ?? 0)).fill(0) };
  family.series.set(labels.join('\0'), series);
  return series;
}

/** Bounded, without what could end a line or a key. */
function labelValue(value: string | undefined): string {
  if (value === undefined) return '';
  return value.slice(0, MAX_LABEL_LENGTH).toWellFormed().replaceAll('\0', '\ufffd');
}

function familyText(family: Family): string {
  const { definition, series } = family;
  if (series.size === 0) return '';
  const { name, kind, help } = definition;
  const head = `# HELP ${name} ${help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')}\n# TYPE ${name} ${kind}\n`;
  const write = kind === 'histogram' ? histogramText : valueText;
  return head + [...series.values()].map((one) => write(definition, one)).join('');
}

function valueText(definition: MetricDefinition, series: Series): string {
  return `${definition.name}${labelText(definition.labels, series.labels)} ${series.value}\n`;
}

function histogramText({ name, labels, buckets = [] }: MetricDefinition, series: Series): string {
  let text = '';
  let total = 0;
  series.buckets.forEach((count, index) => {
    total += count;
    const bound = buckets[index];
    text += `${name}_bucket${labelText([...labels, 'le'], [...series.labels, bound === undefined ? '+Inf' : String(bound)])} ${total}\n`;
  });
  const own = labelText(labels, series.labels);
  return `${text}${name}_sum${own} ${series.sum}\n${name}_count${own} ${total}\n`;
}

function labelText(names: readonly string[], values: readonly string[]): string {
  if (names.length === 0) return '';
  const pairs = names.map((name, index) => `${name}="${escapeLabel(values[index] ?? '')}"`);
  return `{${pairs.join(',')}}`;
}

function escapeLabel(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}

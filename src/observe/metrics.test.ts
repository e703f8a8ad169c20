import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { METRICS } from './metric-definitions.ts';
import { createMetrics } from './metrics.ts';

interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** An own reader of the text format (Prometheus exposition formats, text 0.0.4): throws on anything that is not of its grammar. */
function readMetrics(text: string): { readonly types: Map<string, string>; readonly samples: Sample[] } {
  const types = new Map<string, string>();
  const samples: Sample[] = [];
  if (text !== '' && !text.endsWith('\n')) throw new Error('the last line does not end');
  for (const line of text.split('\n').slice(0, -1)) {
    if (/^# HELP [a-zA-Z_:][a-zA-Z0-9_:]* .*$/.test(line)) continue;
    const type = /^# TYPE ([a-zA-Z_:][a-zA-Z0-9_:]*) (counter|gauge|histogram)$/.exec(line);
    if (type !== null) {
      if (types.has(type[1] ?? '')) throw new Error(`family ${type[1]} stands twice`);
      types.set(type[1] ?? '', type[2] ?? '');
      continue;
    }
    const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/s.exec(line);
    if (sample === null) throw new Error(`not a sample: ${line}`);
    const labels: Record<string, string> = {};
    let rest = sample[2] ?? '';
    while (rest !== '') {
      const pair = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\\\|\\"|\\n)*)"(?:,(?!$)|$)/.exec(rest);
      if (pair === null) throw new Error(`not a label: ${rest}`);
      labels[pair[1] ?? ''] = (pair[2] ?? '').replace(/\\(.)/g, (_, c: string) => (c === 'n' ? '\n' : c));
      rest = rest.slice(pair[0].length);
    }
    const value = Number(sample[3]);
    if (Number.isNaN(value)) throw new Error(`not a number: ${line}`);
    samples.push({ name: sample[1] ?? '', labels, value });
  }
  return { types, samples };
}

const value = fc.oneof(
  fc.string(),
  fc.string({ unit: 'binary' }),
  fc.constantFrom('\n', '"', '\\', '\\n', 'a"} 1\nx', '\ud800', '\0'),
);

describe('metrics', () => {
  it('count, gauge and observe into Prometheus text', () => {
    const metrics = createMetrics();
    metrics.count('fairlead_decisions_total', { target: 'prefect', verdict: 'deny', mode: 'enforce', code: 'NO_RULE' });
    metrics.count('fairlead_decisions_total', { target: 'prefect', verdict: 'deny', mode: 'enforce', code: 'NO_RULE' }, 2);
    metrics.gauge('fairlead_open_calls', 3);
    metrics.observe('fairlead_upstream_duration_seconds', 0.02, { target: 'prefect' });
    metrics.observe('fairlead_upstream_duration_seconds', 100, { target: 'prefect' });
    const text = metrics.text();
    expect(text).toContain('# TYPE fairlead_decisions_total counter\n');
    expect(text).toContain('fairlead_decisions_total{target="prefect",verdict="deny",mode="enforce",code="NO_RULE"} 3\n');
    expect(text).toContain('fairlead_open_calls 3\n');
    expect(text).toContain('fairlead_upstream_duration_seconds_bucket{target="prefect",le="0.01"} 0\n');
    expect(text).toContain('fairlead_upstream_duration_seconds_bucket{target="prefect",le="0.025"} 1\n');
    expect(text).toContain('fairlead_upstream_duration_seconds_bucket{target="prefect",le="60"} 1\n');
    expect(text).toContain('fairlead_upstream_duration_seconds_bucket{target="prefect",le="+Inf"} 2\n');
    expect(text).toContain('fairlead_upstream_duration_seconds_sum{target="prefect"} 100.02\n');
    expect(text).toContain('fairlead_upstream_duration_seconds_count{target="prefect"} 2\n');
  });

  it('read back by an independent reader, whatever was recorded', () => {
    const definition = fc.constantFrom(...METRICS);
    const sample = fc.record({ definition, values: fc.array(value, { maxLength: 4 }), amount: fc.double() });
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 30 }), (samples) => {
        const metrics = createMetrics({ maxSeries: 5 });
        for (const { definition, values, amount } of samples) {
          const labels = Object.fromEntries(definition.labels.map((label, i) => [label, values[i] ?? '']));
          if (definition.kind === 'counter') metrics.count(definition.name, labels, amount);
          else if (definition.kind === 'gauge') metrics.gauge(definition.name, amount, labels);
          else metrics.observe(definition.name, amount, labels);
        }
        const read = readMetrics(metrics.text());
        const seen = read.samples.map(({ name, labels }) => name + JSON.stringify(labels));
        expect(new Set(seen).size).toBe(seen.length);
        for (const name of read.types.keys()) expect(METRICS.map((one) => one.name)).toContain(name);
      }),
    );
  });

  it('keep a label value as it was, up to its bound', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 20 }), (code) => {
        const metrics = createMetrics();
        metrics.count('fairlead_refusals_total', { code });
        expect(readMetrics(metrics.text()).samples).toEqual([
          { name: 'fairlead_refusals_total', labels: { code: code.replaceAll('\0', '\ufffd') }, value: 1 },
        ]);
      }),
    );
  });

  it('keep the buckets of a histogram cumulative, and its last equal to the count', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { minLength: 1 }), (observed) => {
        const metrics = createMetrics();
        for (const one of observed) metrics.observe('fairlead_decision_duration_seconds', one);
        const { samples } = readMetrics(metrics.text());
        const buckets = samples.filter(({ name }) => name.endsWith('_bucket'));
        for (const { labels, value: count } of buckets) {
          const bound = labels['le'] === '+Inf' ? Number.POSITIVE_INFINITY : Number(labels['le']);
          expect(count).toBe(observed.filter((one) => one <= bound).length);
        }
        expect(buckets.at(-1)?.labels['le']).toBe('+Inf');
        expect(samples.find(({ name }) => name.endsWith('_count'))?.value).toBe(observed.length);
      }),
    );
  });

  it('never grow past their bound: further label values fall together', () => {
    const metrics = createMetrics({ maxSeries: 10 });
    for (let i = 0; i < 500; i++) metrics.count('fairlead_refusals_total', { code: `C${i}` });
    for (let i = 0; i < 500; i++) metrics.count('fairlead_refusals_total', { code: `C${490 + (i % 10)}` });
    const { samples } = readMetrics(metrics.text());
    const own = samples.filter(({ name }) => name === 'fairlead_refusals_total');
    expect(own).toHaveLength(11);
    expect(own.find(({ labels }) => labels['code'] === 'other')?.value).toBe(990);
    expect(own.reduce((sum, { value: one }) => sum + one, 0)).toBe(1_000);
    expect(metrics.text()).toContain('fairlead_metrics_refused_total{reason="labels"} 990\n');
  });

  it('drop labels that are not declared, so that nobody adds a path or a person by a slip', () => {
    const metrics = createMetrics();
    metrics.count('fairlead_refusals_total', { code: 'X', path: '/secret' });
    expect(metrics.text()).not.toContain('/secret');
  });

  it('count what they refuse: unknown names, wrong kinds, values that are no numbers, counters that fall', () => {
    const metrics = createMetrics();
    metrics.count('fairlead_unknown_total');
    metrics.gauge('fairlead_refusals_total', 1);
    metrics.gauge('fairlead_open_calls', Number.NaN);
    metrics.count('fairlead_refusals_total', { code: 'X' }, -1);
    expect(readMetrics(metrics.text()).samples).toEqual([
      { name: 'fairlead_metrics_refused_total', labels: { reason: 'name' }, value: 2 },
      { name: 'fairlead_metrics_refused_total', labels: { reason: 'value' }, value: 2 },
    ]);
  });

  it('are named by the conventions: base units, `_total` for counters', () => {
    for (const { name, kind, labels } of METRICS) {
      expect(name).toMatch(/^fairlead_[a-z]+(_[a-z]+)*$/);
      expect(name.endsWith('_total')).toBe(kind === 'counter');
      if (kind === 'histogram') expect(name).toMatch(/_(seconds|bytes)$/);
      expect(labels).not.toContain('le');
    }
  });

  it('stand in the list, each one that any room records', () => {
    const source = join(import.meta.dirname, '..');
    const recorded = readdirSync(source, { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.ts') && !file.endsWith('.test.ts') && !file.includes('metric-definitions'))
      .flatMap((file) => [
        ...readFileSync(join(source, file), 'utf8').matchAll(/\.(?:count|gauge|observe)\(\s*'(fairlead_\w+)'/g),
      ])
      .map((match) => match[1]);
    const known = METRICS.map(({ name }) => name);
    expect(recorded.filter((name) => !known.includes(name ?? ''))).toEqual([]);
    expect(recorded.length).toBeGreaterThan(0);
  });
});

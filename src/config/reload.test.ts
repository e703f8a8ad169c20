import { EventEmitter } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Log, LogFields } from '../core/ports.ts';
import type { Config } from './config.ts';
import { loadConfig } from './load.ts';
import { onHangup, reload } from './reload.ts';

const TEXT = 'origin: http://localhost:8444\nadministrators: [group:platform]\n';

function config(text: string): Config {
  const { config: loaded } = loadConfig(text, '/etc/fairlead.yaml');
  if (loaded === undefined) throw new Error('the text of this test is no configuration');
  return loaded;
}

function recordingLog(): Log & { readonly lines: [string, LogFields | undefined][] } {
  const lines: [string, LogFields | undefined][] = [];
  const add = (event: string, fields?: LogFields): void => void lines.push([event, fields]);
  return { lines, info: add, warn: add, error: add };
}

describe('a reload', () => {
  it('runs the live steps and names the sections that wait for a restart', async () => {
    const log = recordingLog();
    const steps: string[] = [];
    const report = await reload({
      running: config(TEXT),
      load: async () => loadConfig(`${TEXT}drain: 5s\nlimits: {connections: 5}\n`, '/etc/fairlead.yaml'),
      live: { tls: () => void steps.push('tls'), secrets: async () => void steps.push('secrets') },
      log,
    });
    expect(report).toEqual({ kind: 'reloaded', restart: ['limits', 'drainMs'] });
    expect(steps).toEqual(['tls', 'secrets']);
    expect(log.lines.map(([event]) => event)).toEqual(['config.reload_step', 'config.reload_step', 'config.restart_needed']);
  });

  it('says nothing of a restart when the file is the same', async () => {
    const report = await reload({
      running: config(TEXT),
      load: async () => loadConfig(TEXT, '/etc/fairlead.yaml'),
      live: {},
      log: recordingLog(),
    });
    expect(report).toEqual({ kind: 'reloaded', restart: [] });
  });

  it('keeps the running configuration when the file is wrong, and still rotates certificates', async () => {
    const log = recordingLog();
    let rotated = 0;
    const report = await reload({
      running: config(TEXT),
      load: async () => loadConfig('origin: 5\nnope: 1\n', '/etc/fairlead.yaml'),
      live: { tls: () => void rotated++ },
      log,
    });
    expect(report).toEqual({ kind: 'refused', errors: 2 });
    expect(rotated).toBe(1);
    expect(log.lines.at(-1)).toEqual([
      'config.reload_refused',
      {
        file: '/etc/fairlead.yaml',
        errors: [
          '/etc/fairlead.yaml:1:9: error: `origin` must be text, not a number [CONFIG_TYPE]',
          expect.stringContaining('/etc/fairlead.yaml:2:1: error: unknown key `nope` [CONFIG_UNKNOWN_KEY]'),
        ],
      },
    ]);
  });

  it('goes on when a step or the file fails', async () => {
    const log = recordingLog();
    const steps: string[] = [];
    const report = await reload({
      running: config(TEXT),
      load: async () => {
        throw new Error('EACCES');
      },
      live: {
        tls: () => {
          throw new Error('bad pem');
        },
        decisions: () => void steps.push('decisions'),
      },
      log,
    });
    expect(report).toEqual({ kind: 'refused', errors: 1 });
    expect(steps).toEqual(['decisions']);
    expect(log.lines.map(([event]) => event)).toEqual([
      'config.reload_step_failed',
      'config.reload_step',
      'config.reload_unreadable',
    ]);
  });
});

describe('SIGHUP', () => {
  it('reloads one at a time, and once more for signals that came meanwhile', async () => {
    const signals = new EventEmitter();
    const waiting: (() => void)[] = [];
    let runs = 0;
    const stop = onHangup(signals, () => {
      runs++;
      return new Promise<void>((resolve) => waiting.push(resolve));
    });
    for (let i = 0; i < 3; i++) signals.emit('SIGHUP');
    expect(runs).toBe(1);
    waiting[0]?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(runs).toBe(2);
    waiting[1]?.();
    await new Promise((resolve) => setImmediate(resolve));
    expect(runs).toBe(2);
    stop();
    signals.emit('SIGHUP');
    expect(runs).toBe(2);
  });
});

import { describe, expect, it } from 'vitest';
import { Secret } from '../core/secret.ts';
import { createLog } from './log.ts';

function logInto(lines: string[], level: 'info' | 'warn' = 'info') {
  return createLog({
    clock: { now: () => 1_700_000_000_000 },
    level,
    stream: { write: (line: string) => void lines.push(line) },
  });
}

describe('the log', () => {
  it('is one JSON object per line, with a stable event name', () => {
    const lines: string[] = [];
    logInto(lines).warn('secret.file_mode', { file: '/run/secrets/x', mode: '0644' });
    expect(lines).toEqual([
      '{"level":"warn","time":"2023-11-14T22:13:20.000Z","event":"secret.file_mode","file":"/run/secrets/x","mode":"0644"}\n',
    ]);
  });

  it('cannot be made to say something else by a field', () => {
    const lines: string[] = [];
    logInto(lines).error('own_fault', { level: 'info', time: 0, event: 'x', text: 'a\n{"level":"info"}', __proto__: { a: 1 } });
    expect(lines.join('').trimEnd()).not.toContain('\n');
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      level: 'error',
      event: 'own_fault',
      level_: 'info',
      event_: 'x',
      time_: 0,
    });
    expect(lines[0]?.match(/"level":/g)).toHaveLength(1);
  });

  it('SEC-1 does not hold secrets', () => {
    const lines: string[] = [];
    logInto(lines).info('x', { error: new Error('Bearer canary-token refused'), value: new Secret('canary'), cookie: 'canary' });
    expect(lines.join('')).not.toContain('canary');
  });

  it('leaves out what is below its level', () => {
    const lines: string[] = [];
    const log = logInto(lines, 'warn');
    log.info('a');
    log.warn('b');
    expect(lines).toHaveLength(1);
  });
});

import { describe, expect, it } from 'vitest';
import { createStatus } from './status.ts';

function recorder(isTTY: boolean, columns = 60) {
  let text = '';
  let nowMs = 0;
  const output = {
    isTTY,
    columns,
    write: (part: string) => {
      text += part;
    },
  };
  return { status: createStatus(output, () => nowMs), text: () => text, pass: (ms: number) => (nowMs += ms) };
}

describe('progress on a terminal', () => {
  it('is one line that is written over and that gives way to lines that stay', () => {
    const { status, text } = recorder(true);
    status.progress('fetching', 0.5);
    status.progress('fetching', 0.6);
    status.say('done');
    status.clear();
    expect(text()).toBe(
      '\r\u001b[K  [##########..........]  50 % fetching\r\u001b[K  [############........]  60 % fetching\r\u001b[Kdone\n',
    );
  });

  it('never wraps', () => {
    const { status, text } = recorder(true, 40);
    status.progress('x'.repeat(200));
    expect(text().replace('\r\u001b[K', '')).toHaveLength(39);
  });
});

describe('progress elsewhere', () => {
  it('is a plain line per stage, and within a stage one when there is something new after a while', () => {
    const { status, text, pass } = recorder(false);
    status.progress('installing (fetched 1 of 9)', 0.05);
    status.progress('installing (fetched 2 of 9)', 0.25);
    pass(10_000);
    status.progress('installing (fetched 3 of 9)', 0.31);
    pass(10_000);
    status.progress('installing (fetched 3 of 9)', 0.33);
    status.progress('starting');
    status.progress('starting');
    expect(text()).toBe('  5 % installing (fetched 1 of 9)\n  31 % installing (fetched 3 of 9)\n  starting\n');
    expect(text()).not.toContain('\u001b');
  });
});

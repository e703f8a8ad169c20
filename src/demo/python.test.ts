import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { findPython, probeWith, type RunProbe } from './python.ts';

/** A machine that has these commands; each prints what is given. */
function machine(outputs: Readonly<Record<string, string>>): RunProbe {
  return async (command) => outputs[command];
}

async function sentence(outputs: Readonly<Record<string, string>>, wanted?: string): Promise<string> {
  const found = await findPython({ wanted, run: machine(outputs) });
  return found.kind === 'missing' ? found.sentence : `found ${found.version} ${found.path}`;
}

describe('looking for Python', () => {
  it('takes the first that fits, by the path of the interpreter itself', async () => {
    expect(await sentence({ python3: '3 11 1 /opt/py/bin/python3.11\n' })).toBe('found 3.11 /opt/py/bin/python3.11');
    expect(await sentence({ python3: '3 9 1 /usr/bin/python3', 'python3.12': '3 12 1 /usr/bin/python3.12' })).toBe(
      'found 3.12 /usr/bin/python3.12',
    );
  });

  it('passes over one without venv when another has it', async () => {
    expect(await sentence({ python3: '3 11 0 /usr/bin/python3', 'python3.13': '3 13 1 /opt/python3.13' })).toBe(
      'found 3.13 /opt/python3.13',
    );
  });

  it('says how to install Python where there is none', async () => {
    expect(await sentence({})).toBe(
      'Prefect needs Python 3.11 or newer, and there is no Python here: run `apt-get install python3 python3-venv` and start again.',
    );
  });

  it('says how to install the venv module where that alone is missing', async () => {
    expect(await sentence({ python3: '3 11 0 /usr/bin/python3' })).toBe(
      'Python 3.11 at /usr/bin/python3 lacks its venv module, so Prefect cannot be installed: run `apt-get install python3-venv` and start again.',
    );
  });

  it('names the version that does not fit', async () => {
    expect(await sentence({ python3: '3 10 1 /usr/bin/python3' })).toContain('and /usr/bin/python3 is 3.10:');
    expect(await sentence({ python: '2 7 0 /usr/bin/python' })).toContain('and /usr/bin/python is 2.7:');
    expect(await sentence({ python3: '3 16 1 /usr/bin/python3' })).toContain('older than 3.16');
  });

  it('takes no other than the one that was asked for', async () => {
    expect(await sentence({ python3: '3 11 1 /usr/bin/python3' }, '/opt/python')).toBe(
      'Prefect needs Python 3.11 or newer, and `/opt/python` (from FAIRLEAD_PYTHON) is none that runs: correct the variable and start again.',
    );
  });

  it('ends in a Python or a sentence, whatever a candidate prints', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.string(), fc.constant('3 11 1'), fc.constant('x 11 1 /p')), async (output) => {
        const found = await findPython({ wanted: undefined, run: machine({ python3: output }) });
        if (found.kind === 'python') expect(found.path).not.toBe('');
        else expect(found.sentence).toMatch(/start again\.$/);
      }),
    );
  });

  it('finds the one of this machine, and runs nothing that fails to start', async () => {
    const run = probeWith({ PATH: process.env['PATH'] });
    expect(await findPython({ wanted: undefined, run })).toMatchObject({ kind: 'python', path: expect.stringMatching(/^\//) });
    expect(await run('/nowhere/python', [])).toBeUndefined();
  });
});

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { hasChromium } from '../support/chromium.ts';
import { ANSWERS } from '../support/client-answers.ts';
import {
  type AtWork,
  type Away,
  away,
  COMMANDS,
  type Denied,
  denied,
  type Expired,
  expired,
  startClients,
} from '../support/client-situations.ts';
import { type ClientStage, clientStage } from '../support/client-stage.ts';
import { answerTable, type Cell, SITUATIONS, type Situation, shownTable } from '../support/shown-table.ts';
import { describeWithPrefect } from '../support/with-prefect.ts';

const SENTENCE = /`[a-z]+:[^`]+` may not `prefect\.[a-z_.]+` on `prefect\/[^`]+`: no rule allows it \(decision [0-9a-f-]{36}\)/;
const TRACEBACK = /^Traceback \(most recent call last\):$/m;
/** What programs say when they take something for wrong. */
const COMPLAINT = /Traceback|error|failed|exception|decision/i;
const NOT_FOUND =
  /^(Deployment 'clients\/hidden-[a-z]+' not found!|Block 'secret\/clients' not found!|Variable 'clients' not found\.)$/;

type Check<Seen> = (seen: Seen, cell: Cell) => void;

/** A test for each cell of the column, by its row. */
const DENIED: Readonly<Record<string, Check<Denied>>> = {
  act: ({ commands, recorded, made }, { commands: names }) => {
    for (const name of names) {
      const { code, output } = endOf(commands, `act ${name}`);
      expect(code, name).toBe(1);
      expectRecorded(recorded, output, callerOf('act', name));
      const lines = output.split('\n').filter((line) => line !== '' && !line.startsWith('Creating flow run'));
      expect(lines, name).toEqual([expect.stringMatching(new RegExp(`^${SENTENCE.source}$`))]);
    }
    expect(made[0]).toBe(404);
  },
  unseen: ({ commands }, cell) => expectNotFound(commands, cell),
  one: ({ commands }, cell) => expectNotFound(commands, cell),
  read: ({ commands, recorded, made }, { commands: names }) => {
    for (const name of names) {
      const { code, output } = endOf(commands, `read ${name}`);
      expect(code, name).toBe(1);
      expectRecorded(recorded, output, callerOf('read', name));
      expect(output, name).toMatch(TRACEBACK);
      expect(
        output.split('\n').findLast((line) => /^prefect\./.test(line)),
        name,
      ).toMatch(SENTENCE);
      expect(output, name).toMatch(/\nAn exception occurred\.\s*$/);
    }
    expect(made[1]).toBe(404);
  },
  poll: ({ poll }) => {
    expect(poll.isAlive).toBe(true);
    expect(poll.output).not.toMatch(COMPLAINT);
    expect(poll.entries[0]).toMatchObject({ decision: { verdict: 'deny' } });
    // The same question again and again is one entry with a count, for ten seconds.
    expect(poll.entries.length).toBeLessThan(20);
  },
  start: ({ start, recorded, workers }) => {
    expect(start.code).not.toBe(0);
    expect(start.output).toMatch(TRACEBACK);
    expect(start.output).toMatch(SENTENCE);
    expectRecorded(recorded, start.output, 'workload:clients/nobody');
    expect(workers).toContain('away');
    expect(workers).not.toContain('nobody');
  },
  report: ({ report, recorded }) => {
    expect(report.code).toBe(1);
    expect(report.output).toMatch(TRACEBACK);
    expect(report.output).toMatch(SENTENCE);
    expectRecorded(recorded, report.output, 'workload:clients/nobody');
  },
  // The event that was sent after it has arrived.
  emit: ({ dropped }) => expect(dropped).toEqual([]),
  list: ({ pages }) => {
    const wrong = Object.entries(pages?.lists ?? {}).filter(([, text]) => text.includes('Something went wrong'));
    expect(wrong).toEqual([]);
    expect(Object.keys(pages?.lists ?? {}).length).toBeGreaterThan(8);
  },
  press: ({ pages }) => expect(pages?.press).toMatch(SENTENCE),
  change: ({ pages }) => {
    expect(pages?.change.replaceAll('`', '')).toMatch(new RegExp(SENTENCE.source.replaceAll('`', '')));
    expect(pages?.change).toContain('Oops. Something went wrong');
  },
  open: ({ pages }) => {
    expect(pages?.opened.status).toBe(403);
    expect(pages?.opened.text).toContain('`user:nobody@acme.example` may not `prefect.server.read` on `prefect/server`');
    expect(pages?.opened.why).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/why\/[0-9a-f-]{36}$/);
  },
};

const AWAY: Readonly<Record<string, Check<Away>>> = {
  act: ({ commands }, cell) => expectGoesOn(commands, cell),
  unseen: ({ commands }, { commands: names }) => {
    for (const name of names) {
      const { meanwhile, ended } = endOf(commands, `unseen ${name}`);
      expect(meanwhile, name).toBe('');
      expect(ended.output, name).toMatch(NOT_FOUND);
    }
  },
  one: ({ commands }, cell) => expectGoesOn(commands, cell),
  read: ({ commands }, cell) => expectGoesOn(commands, cell),
  poll: ({ silent, poll }) => {
    expect(silent).not.toMatch(COMPLAINT);
    expect(poll).toContain("Worker 'away' submitting flow run");
  },
  start: ({ silent, start }) => {
    expect(silent).not.toMatch(COMPLAINT);
    expect(start).toContain("Worker 'away-start' started!");
  },
  report: ({ silent, report }) => {
    expect(silent).not.toMatch(COMPLAINT);
    expect(report.code, report.output).toBe(0);
    expect(report.output).toContain('Finished in state Completed()');
  },
  emit: ({ silent, emit, event }) => {
    expect(silent).not.toMatch(COMPLAINT);
    expect(emit.code, emit.output).toBe(0);
    expect(event).toBe(true);
  },
  list: ({ pages }) => {
    expect(pages?.list).toContain('Something went wrong');
    expect(pages?.list).toMatch(/did not answer.* \(decision [0-9a-f-]{36}\)/);
    expect(pages?.list).toMatch(/Retry\s*Retrying in \d/);
  },
  press: ({ pages }) => expect(pages?.press).toMatch(/did not answer.* \(decision [0-9a-f-]{36}\)/),
  change: ({ pages }) => {
    expect(pages?.change).toMatch(/did not answer.* \(decision [0-9a-f-]{36}\)/);
    expect(pages?.change).toContain('Oops. Something went wrong');
  },
  open: ({ pages }) => {
    expect(pages?.opened).toMatchObject({ status: 503, refresh: '3', text: expect.stringContaining('Not available now') });
    expect(pages?.reloaded).toContain('nightly');
  },
};

const EXPIRED: Readonly<Record<string, Check<Expired>>> = {
  poll: (seen) => expectWaiting(seen, 'poll'),
  start: (seen) => expectWaiting(seen, 'start'),
  report: (seen) => expectWaiting(seen, 'report'),
  emit: (seen) => {
    expectWaiting(seen, 'emit');
    expect(seen.isOpen).toBe(true);
  },
};

/** As `client-situations.ts` calls the people whose commands are denied. */
function callerOf(row: string, command: string): string {
  return `user:denied-${row}-${command.replaceAll(' ', '-')}@acme.example`;
}

/** The output carries the id of a decision, and the record says that this caller was denied. */
function expectRecorded(recorded: ReadonlyMap<string, string>, output: string, caller: string): void {
  const id = /\(decision ([0-9a-f-]{36})\)/.exec(output)?.[1] ?? '';
  expect(recorded.get(id), output).toBe(caller);
}

function expectNotFound(commands: Denied['commands'], { row, commands: names }: Cell): void {
  for (const name of names) {
    expect(endOf(commands, `${row} ${name}`), name).toMatchObject({ code: 1, output: expect.stringMatching(NOT_FOUND) });
  }
}

function expectGoesOn(commands: Away['commands'], { row, commands: names }: Cell): void {
  for (const name of names) {
    const { meanwhile, ended } = endOf(commands, `${row} ${name}`);
    // What `deploy` says before it asks anything.
    expect(meanwhile.replace(/^Unable to read the specified config file\..*/, ''), name).toBe('');
    expect(ended.code, ended.output).toBe(0);
  }
}

function expectWaiting({ shown }: Expired, row: string): void {
  expect(shown[row]?.isAlive).toBe(true);
  expect(shown[row]?.output).not.toMatch(COMPLAINT);
}

function endOf<Value>(map: ReadonlyMap<string, Value>, key: string): Value {
  const found = map.get(key);
  if (found === undefined) throw new Error(`${key} was not run`);
  return found;
}

describeWithPrefect('what clients show, and what they are answered,', () => {
  const cells = shownTable();
  let stage: ClientStage;
  let clients: AtWork;

  beforeAll(async () => {
    stage = await clientStage();
    clients = await startClients(stage);
  });
  afterAll(() => stage?.close());

  it('have a test for every cell of the tables, and for no other', () => {
    const checks: Readonly<Record<Situation, object>> = { denied: DENIED, away: AWAY, expired: EXPIRED };
    const tested = SITUATIONS.flatMap((situation) => Object.keys(checks[situation]).map((row) => `${row}, ${situation}`));
    expect(tested.toSorted()).toEqual(cells.map(({ row, situation }) => `${row}, ${situation}`).toSorted());
    expect(Object.keys(ANSWERS).toSorted()).toEqual(
      answerTable()
        .map(({ row }) => row)
        .toSorted(),
    );
    expect(new Set(cells.flatMap(({ commands }) => commands))).toEqual(new Set(Object.keys(COMMANDS)));
  });

  describe('when it is denied', () => {
    testsOf('denied', DENIED, (own) => denied(stage, clients, own));
  });
  describe('while the server is away', () => {
    testsOf('away', AWAY, (own) => away(stage, clients, own));
  });
  describe('when the token of a workload has expired', () => {
    testsOf('expired', EXPIRED, () => expired(stage, clients));
  });

  describe('answers', () => {
    for (const { row, answer, when } of answerTable()) {
      it(`${answer}: ${when}`, async () => {
        const check = ANSWERS[row];
        if (check === undefined) throw new Error('no test');
        await check(stage, clients);
      });
    }
  });

  function testsOf<Seen>(
    situation: Situation,
    checks: Readonly<Record<string, Check<Seen>>>,
    see: (cells: readonly Cell[]) => Promise<Seen>,
  ): void {
    const own = cells.filter((cell) => cell.situation === situation);
    let seen: Seen;
    beforeAll(async () => {
      seen = await see(own);
    });
    for (const cell of own) {
      it.skipIf(OF_BROWSERS.has(cell.row) && !hasChromium)(`${cell.client}: ${cell.text}`, () => {
        const check = checks[cell.row];
        if (check === undefined) throw new Error('no test');
        check(seen, cell);
      });
    }
  }
});

const OF_BROWSERS: ReadonlySet<string> = new Set(['list', 'press', 'change', 'open']);

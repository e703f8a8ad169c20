// A gateway's durable side alone, to be killed and starved by the tests beside it. Prints one line per fact, each when it is one.
//
//   node appender.ts flood DIR         appends for ever: `ack ID` when a decision is durable, `ended ID` when its outcome was handed in
//   node appender.ts serial DIR COUNT  one after the other
//   node appender.ts paced DIR         as `flood`, one at a time and with pauses, so that it is not nearly always within a sync
//   node appender.ts read DIR          opens it as a gateway does, and prints `found ID OUTCOME` of each decision that can be unsealed
//   node appender.ts fill DIR BALLAST  appends until the disk is full, reads, deletes BALLAST, appends again; prints one JSON object
//   node appender.ts retry DIR COUNT   appends COUNT, going on after each refusal: `ack ID`, `refused CODE`
import { rmSync, writeSync } from 'node:fs';
import { openStorage } from '../../src/storage.ts';
import { decisionRecord, healthBoard, quietLog, systemClock } from '../support/records.ts';

const [mode = '', dir = '', argument = ''] = process.argv.slice(2);
const PAUSE_MS = 3;
const health = healthBoard();
const retention = { retain: 400 * 86_400_000, maxBytes: 2 ** 30 };
const storage = await openStorage({ dir, clock: systemClock, log: quietLog, health, retention });
const { recorder, store, search } = storage;
// A pipe takes a whole line at once, so that a kill never leaves half of one.
const say = (line: string): number => writeSync(1, `${line}\n`);

async function flood(pauseMs = 0): Promise<void> {
  for (let turn = 0; ; turn++) {
    if (pauseMs > 0) await new Promise((resolve) => setTimeout(resolve, pauseMs));
    const record = decisionRecord();
    await recorder.decision(record);
    say(`ack ${record.id}`);
    if (turn % 3 === 0) continue;
    recorder.outcome({ id: record.id, timeMs: Date.now(), durationMs: 1, outcome: { kind: 'answered', status: 200 } });
    say(`ended ${record.id}`);
  }
}

async function read(): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = await search.search({ limit: 500, ...(cursor === undefined ? {} : { cursor }) });
    for (const { id } of page.entries) {
      const entry = await search.get(id, { reveal: true });
      if (entry?.type === 'decision.v1' && entry.attributes !== undefined)
        say(`found ${id} ${entry.outcome?.outcome.kind ?? 'none'}`);
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
}

async function append(): Promise<string> {
  const record = decisionRecord();
  try {
    await recorder.decision(record);
    say(`ack ${record.id}`);
    return 'written';
  } catch (thrown) {
    const code = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : 'unknown';
    say(`refused ${code}`);
    return code;
  }
}

async function fill(): Promise<object> {
  const first = decisionRecord();
  await recorder.decision(first);
  await store.put('session', 'a', 1);
  let written = 1;
  let code = 'written';
  while (code === 'written' && written < 20_000) {
    code = await recorder.decision(decisionRecord()).then(
      () => 'written',
      (thrown) => String(thrown.code),
    );
    written += 1;
  }
  const full = {
    written,
    code,
    storeWrite: await store.put('session', 'b', 'x'.repeat(200_000)).then(
      () => 'written',
      (thrown) => String(thrown.code),
    ),
    storeRead: await store.get('session', 'a'),
    read: await recorder.decision(decisionRecord({ class: 'read' })).then(
      () => 'taken',
      () => 'refused',
    ),
    found: (await search.get(first.id))?.id === first.id,
    health: health.states.get('store'),
  };
  rmSync(argument);
  const after = await append();
  await recorder.flush();
  const gaps = (await search.search({ limit: 20 })).entries.flatMap((entry) => (entry.type === 'gap.v1' ? [entry.lost] : []));
  return { full, after, gaps, health: health.states.get('store') };
}

if (mode === 'flood') {
  say('ready');
  await Promise.all(Array.from({ length: 16 }, () => flood()));
} else if (mode === 'paced') {
  await flood(PAUSE_MS);
} else if (mode === 'read') {
  await read();
} else if (mode === 'serial') {
  for (let index = 0; index < Number(argument); index++) await append();
} else if (mode === 'retry') {
  for (let written = 0; written < Number(argument); ) {
    if ((await append()) === 'written') written += 1;
    else await new Promise((resolve) => setTimeout(resolve, 50));
  }
} else if (mode === 'fill') {
  say(JSON.stringify(await fill()));
}
await storage.close();

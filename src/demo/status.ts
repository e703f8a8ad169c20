/** Where the demo writes what people read; `process.stdout` is one. */
export interface DemoOutput {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
}

/** Lines that stay, and below them one line that tells what is going on. */
export interface Status {
  /** A line, or several, that stay. */
  say(text: string): void;
  /** What is going on now. `done`: the part of it that is done, 0 to 1, where that is known. */
  progress(text: string, done?: number): void;
  /** Nothing is going on any more. */
  clear(): void;
}

/** On a terminal without progress for this long there would be doubt whether anything happens; a log needs less. */
const PLAIN_INTERVAL_MS = 10_000;
const BAR_CELLS = 20;

/**
 * On a terminal: one line that is written over. Elsewhere: a plain line per stage and, within a stage, one every tenth of
 * the way, but not more often than every 10 s.
 */
export function createStatus(output: DemoOutput, now: () => number): Status {
  return output.isTTY === true ? terminal(output) : plain(output, now);
}

function terminal(output: DemoOutput): Status {
  let isShown = false;
  const clear = () => {
    if (isShown) output.write('\r\u001b[K');
    isShown = false;
  };
  return {
    say(text) {
      clear();
      output.write(`${text}\n`);
    },
    progress(text, done) {
      const line = `  ${done === undefined ? '' : `${bar(done)} `}${text}`;
      // A line that wraps could not be written over.
      output.write(`\r\u001b[K${line.slice(0, Math.max(20, (output.columns || 80) - 1))}`);
      isShown = true;
    },
    clear,
  };
}

function bar(done: number): string {
  const filled = Math.round(Math.min(1, Math.max(0, done)) * BAR_CELLS);
  return `[${'#'.repeat(filled)}${'.'.repeat(BAR_CELLS - filled)}] ${percent(done)}`;
}

function percent(done: number): string {
  return `${Math.floor(done * 100)} %`.padStart(5);
}

function plain(output: DemoOutput, now: () => number): Status {
  let stage = '';
  let toldAt = 0;
  let toldTenth = -1;
  return {
    say(text) {
      output.write(`${text}\n`);
    },
    progress(text, done) {
      // Counts within a text do not make a new stage of it.
      const name = text.replace(/\d+/g, '#').replace(/\(.*\)/, '');
      const tenth = done === undefined ? -1 : Math.floor(done * 10);
      const isNewStage = name !== stage;
      if (!isNewStage && (now() - toldAt < PLAIN_INTERVAL_MS || (tenth >= 0 && tenth <= toldTenth))) return;
      stage = name;
      toldAt = now();
      toldTenth = tenth;
      output.write(`  ${done === undefined ? '' : `${percent(done).trim()} `}${text}\n`);
    },
    clear() {
      stage = '';
      toldTenth = -1;
    },
  };
}

import { type DestinationStream, destination, pino } from 'pino';
import type { Clock, Log, LogFields } from '../core/ports.ts';
import { redact } from './redact.ts';

export interface LogOptions {
  readonly clock: Clock;
  readonly level?: 'info' | 'warn' | 'error';
  /** Where lines go; standard error when absent. */
  readonly stream?: DestinationStream;
}

/** Names that each line has of its own; a field of that name gets a `_` behind it. */
const RESERVED: ReadonlySet<string> = new Set(['level', 'time', 'event']);

/** Lines held for a slow reader of standard error before the newest are dropped, in bytes. */
const MAX_BUFFER = 1024 * 1024;

/** The log: one JSON object per line, `{"level":"warn","time":"…Z","event":"secret.file_mode",…}`. */
export function createLog(options: LogOptions): Log {
  const { clock, level = 'info', stream = standardError() } = options;
  const logger = pino(
    {
      level,
      base: null,
      timestamp: () => `,"time":"${new Date(clock.now()).toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    stream,
  );
  return {
    info: (event, fields) => logger.info(line(event, fields)),
    warn: (event, fields) => logger.warn(line(event, fields)),
    error: (event, fields) => logger.error(line(event, fields)),
  };
}

function line(event: string, fields: LogFields | undefined): Record<string, unknown> {
  const result: Record<string, unknown> = { event };
  // `redact` of a plain object is a plain object.
  for (const [name, value] of Object.entries((fields === undefined ? {} : redact(fields)) as Record<string, unknown>)) {
    result[RESERVED.has(name) ? `${name}_` : name] = value;
  }
  return result;
}

/** A file for log lines, made for its owner alone; it never blocks and never fails either. */
export function logDestination(file: string): DestinationStream {
  return harmless(destination({ dest: file, sync: false, mkdir: true, mode: 0o600, maxLength: MAX_BUFFER }));
}

/** Never blocks and never fails: a log that cannot be written must not stop decisions. Flushed when the process ends. */
function standardError(): DestinationStream {
  return harmless(destination({ dest: 2, sync: false, maxLength: MAX_BUFFER }));
}

function harmless(stream: ReturnType<typeof destination>): DestinationStream {
  stream.on('error', () => undefined);
  return stream;
}

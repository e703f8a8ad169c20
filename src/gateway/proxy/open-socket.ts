import type { RawData, WebSocket } from 'ws';

/** One end of a relay. Messages that come before somebody reads wait here, and the other side is slowed down when many do. */
export interface OpenSocket {
  readonly socket: WebSocket;
  readonly valve: Valve;
  /** The first message, which stays the first to be delivered; undefined when the socket ended or nothing came in time. */
  first(timeoutMs: number): Promise<Message | undefined>;
  /** From now on each message goes to `take`; those that wait go first. Once. */
  deliver(take: (message: Message) => void): void;
  /** Ends the socket by a close frame, and by force when that is not answered. */
  close(code: number, reason: string): void;
}

export interface Message {
  readonly bytes: Buffer;
  readonly isBinary: boolean;
}

/** Stops reading while any reason stands; each has its own, so that one reason's end does not undo another. */
export interface Valve {
  hold(reason: string): void;
  release(reason: string): void;
}

const MAX_WAITING_BYTES = 1024 * 1024;
const MAX_WAITING = 1_000;
const CLOSE_MS = 1_000;

export function openSocket(socket: WebSocket): OpenSocket {
  const valve = openValve(socket);
  const waiting: Message[] = [];
  let waitingBytes = 0;
  let take: ((message: Message) => void) | undefined;
  let onFirst: (() => void) | undefined;

  socket.on('message', (data: RawData, isBinary: boolean) => {
    const message = { bytes: bytesOf(data), isBinary };
    if (take !== undefined) return take(message);
    waiting.push(message);
    waitingBytes += message.bytes.length;
    if (waitingBytes >= MAX_WAITING_BYTES || waiting.length >= MAX_WAITING) valve.hold('unread');
    onFirst?.();
  });
  // The library has sent its close frame by now (1009, 1007, 1002); it gets a moment to arrive.
  socket.on('error', () => endLater(socket));

  return {
    socket,
    valve,
    first(timeoutMs) {
      return new Promise((resolve) => {
        const settle = (): void => {
          clearTimeout(timer);
          onFirst = undefined;
          socket.off('close', settle);
          resolve(waiting[0]);
        };
        const timer = setTimeout(settle, timeoutMs);
        if (waiting.length > 0 || socket.readyState !== socket.OPEN) return settle();
        onFirst = settle;
        socket.once('close', settle);
      });
    },
    deliver(given) {
      take = given;
      for (const message of waiting.splice(0)) given(message);
      valve.release('unread');
    },
    close(code, reason) {
      if (socket.readyState === socket.CLOSED) return;
      // Whatever held it: the answer to the close frame must be read.
      socket.resume();
      if (socket.readyState === socket.CONNECTING) socket.terminate();
      else socket.close(code, shortened(reason));
      endLater(socket);
    },
  };
}

function openValve(socket: WebSocket): Valve {
  const reasons = new Set<string>();
  return {
    hold(reason) {
      if (reasons.size === 0) socket.pause();
      reasons.add(reason);
    },
    release(reason) {
      if (reasons.delete(reason) && reasons.size === 0) socket.resume();
    },
  };
}

function endLater(socket: WebSocket): void {
  const timer = setTimeout(() => socket.terminate(), CLOSE_MS);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
}

/** A close reason has at most 123 bytes (RFC 6455 §5.5). */
function shortened(reason: string): string {
  if (Buffer.byteLength(reason) <= 123) return reason;
  return Buffer.from(reason)
    .subarray(0, 120)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');
}

function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}

import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { LocalAnswer } from '../../targets/target.ts';

/** How long a client may take to read what was written before its connection is cut. */
const LINGER_MS = 2_000;

/** Writes an answer to a connection that no HTTP server serves (any more), and ends it. */
export function writeRawAnswer(socket: Duplex, answer: LocalAnswer): void {
  if (socket.destroyed || !socket.writable) {
    socket.destroy();
    return;
  }
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body, 'utf8') : Buffer.from(answer.body);
  const fields = { 'cache-control': 'no-store', ...answer.headers, connection: 'close', 'content-length': String(body.length) };
  const head = rawHead(answer.status, Object.entries(fields));
  socket.on('error', () => socket.destroy());
  socket.write(head, 'latin1');
  socket.write(body);
  endSocket(socket);
}

/** Status line and fields as bytes of Latin-1; no value can end its line. */
export function rawHead(status: number, fields: Iterable<readonly [name: string, value: string]>): string {
  let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\n`;
  for (const [name, value] of fields) text += `${name}: ${value.replace(/[\r\n]/g, ' ')}\r\n`;
  return `${text}\r\n`;
}

/** Lets what was written leave, then ends the connection whether or not the other side does; what it still sends is dropped. */
export function endSocket(socket: Duplex, lingerMs = LINGER_MS): void {
  if (socket.destroyed) return;
  const timer = setTimeout(() => socket.destroy(), lingerMs);
  timer.unref();
  socket.once('close', () => clearTimeout(timer));
  socket.once('end', () => socket.destroy());
  socket.end();
  socket.resume();
}

import type { AddressInfo } from 'node:net';
import { createServer, connect as openConnection, type Server, type Socket } from 'node:net';

/** A way to a server that can be taken away and given back: nothing listens while it is down. */
export interface Forwarder {
  readonly url: string;
  down(): Promise<void>;
  up(): Promise<void>;
  close(): Promise<void>;
}

/** Passes bytes on to a port of 127.0.0.1. */
export async function startForwarder(to: number): Promise<Forwarder> {
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  let port = 0;

  async function up(): Promise<void> {
    const listening = createServer((from) => {
      const onward = openConnection(to, '127.0.0.1');
      for (const socket of [from, onward]) {
        sockets.add(socket);
        socket.on('close', () => {
          sockets.delete(socket);
          (socket === from ? onward : from).destroy();
        });
        socket.on('error', () => socket.destroy());
      }
      from.pipe(onward).pipe(from);
    });
    await new Promise<void>((resolve, reject) => {
      listening.once('error', reject);
      listening.listen(port, '127.0.0.1', resolve);
    });
    port = (listening.address() as AddressInfo).port;
    server = listening;
  }

  async function down(): Promise<void> {
    const stopping = server;
    server = undefined;
    if (stopping === undefined) return;
    await new Promise<void>((resolve) => {
      stopping.close(() => resolve());
      for (const socket of sockets) socket.destroy();
    });
  }

  await up();
  return { url: `http://127.0.0.1:${port}`, up, down, close: down };
}

import { type Server, Server as TcpServer } from 'node:net';
import type { Duplex } from 'node:stream';
import type { LiveCalls } from '../port.ts';
import { Roster } from '../roster.ts';
import type { ClientCall } from './local-answer.ts';
import { endSocket } from './raw-answer.ts';

/** What a listener has under way, so that it can end without breaking any of it. */
export interface Connections {
  readonly isDraining: boolean;
  opened(call: ClientCall): void;
  upgraded(socket: Duplex): void;
  /** Calls under way on a connection, in their order. */
  callsOn(socket: Duplex): readonly ClientCall[];
  /** For sockets that no call stands for yet; returns the way to forget it. */
  onDrain(listener: () => void): () => void;
  /** Stops listening, tells sockets to come back elsewhere, lets calls end, and closes what is left after `graceMs`. */
  drain(graceMs: number): Promise<void>;
}

interface HttpServer extends Server {
  closeIdleConnections(): void;
  closeAllConnections(): void;
}

/** Kept connections without a call are closed when none was under way for this long: their next call gets `connection: close`. */
const QUIET_MS = 1_000;
const CHECK_MS = 50;

export function trackConnections(server: HttpServer, live: LiveCalls): Connections {
  const calls = new Roster<ClientCall>();
  const upgraded = new Set<Duplex>();
  const listeners = new Set<() => void>();
  let isDraining = false;
  let lastCallAt = 0;

  const stopListening = (): Promise<void> =>
    new Promise((resolve) => {
      // The HTTP server's own `close` would end idle connections at once, also one whose next call is on the wire already.
      TcpServer.prototype.close.call(server, () => resolve());
    });

  return {
    get isDraining() {
      return isDraining;
    },
    opened(call) {
      const { response } = call;
      const leave = calls.add(call);
      if (isDraining) response.shouldKeepAlive = false;
      response.once('close', () => {
        leave();
        lastCallAt = performance.now();
      });
    },
    upgraded(socket) {
      upgraded.add(socket);
      socket.once('close', () => upgraded.delete(socket));
    },
    onDrain(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    callsOn: (socket) => calls.all().filter(({ request }) => request.socket === socket),
    async drain(graceMs) {
      isDraining = true;
      lastCallAt = performance.now();
      const closed = stopListening();
      for (const { response } of calls.all()) response.shouldKeepAlive = false;
      live.cutAll('drained', 'sockets');
      for (const listener of [...listeners]) listener();
      const quietMs = Math.min(QUIET_MS, graceMs / 4);
      const checking = setInterval(() => {
        if (calls.size === 0 && performance.now() - lastCallAt >= quietMs) server.closeIdleConnections();
      }, CHECK_MS);
      const timer = setTimeout(() => {
        live.cutAll('drained', 'all');
        for (const socket of upgraded) endSocket(socket, 500);
        server.closeAllConnections();
      }, graceMs);
      await closed;
      clearInterval(checking);
      clearTimeout(timer);
      // Not listening any more: this only stops the HTTP server's own timer.
      server.close(() => undefined);
    },
  };
}

import type { IncomingMessage, ServerResponse } from 'node:http';
import { getRequestListener } from '@hono/node-server';
import { createControlApp } from './app.ts';
import type { ControlCall } from './call.ts';
import type { ControlParts } from './parts.ts';

/** Answers one call of the control origin; its head was parsed before. Rejects when the answer cannot be written. */
export type ControlListener = (call: ControlCall, incoming: IncomingMessage, outgoing: ServerResponse) => Promise<void>;

/** The control origin's app behind Node's HTTP server. */
export function createControlListener(parts: ControlParts, options: { jwks?(): Promise<unknown> }): ControlListener {
  const app = createControlApp(parts, options);
  const calls = new WeakMap<IncomingMessage, ControlCall>();
  const listener = getRequestListener(
    (request, env) => {
      // Set just before; the listener's own types also allow HTTP/2.
      const call = calls.get(env.incoming as IncomingMessage);
      return call === undefined ? new Response(null, { status: 500 }) : app.fetch(request, { call });
    },
    { overrideGlobalObjects: false },
  );
  return async (call, incoming, outgoing) => {
    calls.set(incoming, call);
    await listener(incoming, outgoing);
  };
}

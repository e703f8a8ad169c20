import { WebSocket } from 'ws';
import { callerText } from '../../core/caller.ts';
import type { Passage } from '../passage.ts';
import { type OpenSocket, openSocket } from './open-socket.ts';
import type { RelayParts } from './relay.ts';
import { upstreamHeaders, upstreamPath } from './upstream-headers.ts';

const MAX_MESSAGE_BYTES = 32 * 1024 * 1024;

/** Undefined when the upstream is not there or refuses the upgrade for now. */
export function openUpstreamSocket(
  passage: Extract<Passage, { kind: 'forward' }>,
  parts: RelayParts,
): Promise<OpenSocket | undefined> {
  const { decided, changes } = passage;
  const { target, incoming } = decided;
  const headers: Record<string, string> = {};
  for (const [name, value] of upstreamHeaders(decided, changes, parts.scheme).entries()) {
    if (!name.startsWith('sec-websocket-')) headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  const scheme = target.upstream.protocol === 'https:' ? 'wss' : 'ws';
  const url = `${scheme}://${target.upstream.host}${upstreamPath(target.upstream, changes.path, incoming.head)}`;
  return new Promise((resolve) => {
    const socket = new WebSocket(url, agreedProtocol(passage), {
      headers,
      handshakeTimeout: parts.connectTimeoutMs,
      maxPayload: MAX_MESSAGE_BYTES,
      // Between neighbours, compression costs more than it saves.
      perMessageDeflate: false,
    });
    const opened = openSocket(socket);
    socket.once('open', () => resolve(opened));
    socket.once('error', (error) => {
      decided.corridor.log.warn('upstream_socket_failed', {
        target: target.name,
        caller: callerText(decided.caller),
        error: error.message,
      });
      resolve(undefined);
    });
  });
}

/** The client was told the first of its protocols; the upstream gets no other choice. */
function agreedProtocol({ decided }: Extract<Passage, { kind: 'forward' }>): string[] {
  const offered = decided.incoming.head.headers.getAll('sec-websocket-protocol').join(',').split(',');
  const first = offered.map((name) => name.trim()).find((name) => name !== '');
  return first === undefined ? [] : [first];
}

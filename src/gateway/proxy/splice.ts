import { request as httpRequest, STATUS_CODES } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import { Problem } from '../../core/problem.ts';
import type { LocalAnswer } from '../../targets/target.ts';
import { HeaderList } from '../../wire/headers.ts';
import { stripForClient } from '../../wire/hop.ts';
import { type Exit, openExit } from '../exit.ts';
import type { Passage } from '../passage.ts';
import { refuseProblem } from '../station/refuse.ts';
import type { RelayParts } from './relay.ts';
import type { Upgrade } from './upgrade.ts';
import { upstreamHeaders } from './upstream-headers.ts';

/**
 * A socket whose messages mean nothing to the target's adapter: after the upgrade both sides are joined byte for byte. It is
 * still cut on revocation, policy change and drain.
 */
export function splice(
  passage: Extract<Passage, { kind: 'forward' }>,
  upgrade: Upgrade,
  parts: RelayParts,
  refuse: (answer: LocalAnswer) => void,
): void {
  const { decided, changes } = passage;
  const { target, incoming } = decided;
  const client = upgrade.socket;
  let upstream: Duplex | undefined;
  let exit: Exit | undefined;
  const end = (outcome: Parameters<Exit['end']>[0]): void => {
    client.destroy();
    upstream?.destroy();
    exit?.end(outcome);
  };
  const fail = (thrown: unknown): void => {
    const refused = refuseProblem(decided, thrown);
    if (refused.kind === 'answer') refuse(refused.answer);
    exit?.end({ kind: 'broken', reason: 'upstream' });
  };
  try {
    exit = openExit(decided, {
      isStream: () => true,
      cut: (reason) => end({ kind: 'broken', reason: reason === 'drained' ? 'drained' : 'revoked', status: 101 }),
    });
  } catch (thrown) {
    fail(thrown);
    return;
  }
  client.on('error', () => end({ kind: 'broken', reason: 'client', status: 101 }));

  const headers = upstreamHeaders(decided, changes, parts.scheme).with('connection', 'Upgrade').with('upgrade', 'websocket');
  const query = incoming.head.rawQuery === '' ? '' : `?${incoming.head.rawQuery}`;
  const base = target.upstream.pathname.replace(/\/$/, '');
  const send = target.upstream.protocol === 'https:' ? httpsRequest : httpRequest;
  const call = send({
    host: target.upstream.hostname.replace(/^\[|\]$/g, ''),
    port: target.upstream.port,
    path: base + (changes.path ?? incoming.head.path.raw + query),
    method: 'GET',
    headers: headers.toRaw(),
    timeout: parts.connectTimeoutMs,
  });
  call.on('upgrade', (answer, socket, early) => {
    upstream = socket;
    call.setTimeout(0);
    socket.setTimeout(0);
    const kept = stripForClient(HeaderList.fromRaw(answer.rawHeaders));
    const lines = [...kept.entries()].map(([name, value]) => `${name}: ${value}`);
    client.write(
      `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n${lines.join('\r\n')}\r\n\r\n`,
    );
    if (early.length > 0) client.write(early);
    if (upgrade.early.length > 0) socket.write(upgrade.early);
    socket.on('error', () => end({ kind: 'broken', reason: 'upstream', status: 101 }));
    socket.on('close', () => end({ kind: 'answered', status: 101 }));
    client.on('close', () => end({ kind: 'answered', status: 101 }));
    socket.pipe(client);
    client.pipe(socket);
  });
  call.on('response', (answer) => {
    const status = answer.statusCode ?? 502;
    const kept = stripForClient(HeaderList.fromRaw(answer.rawHeaders)).with('connection', 'close');
    const lines = [...kept.entries()].map(([name, value]) => `${name}: ${value}`);
    client.write(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\n${lines.join('\r\n')}\r\n\r\n`);
    answer.pipe(client);
    answer.on('end', () => exit?.end({ kind: 'answered', status }));
  });
  call.on('timeout', () => call.destroy(new Error('the upgrade took too long')));
  call.on('error', (error) => {
    if (upstream !== undefined) return;
    fail(
      new Problem({
        code: 'UPSTREAM_UNAVAILABLE',
        kind: 'upstream',
        message: 'the service behind this gateway did not answer',
        cause: error,
      }),
    );
  });
  call.end();
}

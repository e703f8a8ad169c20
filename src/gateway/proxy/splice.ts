import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Outcome } from '../../core/decision.ts';
import { Problem } from '../../core/problem.ts';
import { type Exit, openExit } from '../exit.ts';
import type { Passage } from '../passage.ts';
import { failureAnswer, refuseProblem } from '../station/refuse.ts';
import { endSocket, rawHead, writeRawAnswer } from './raw-answer.ts';
import type { RelayParts } from './relay.ts';
import type { Upgrade } from './upgrade.ts';
import { answerHeaders } from './upstream-answer.ts';
import { upstreamHeaders, upstreamPath } from './upstream-headers.ts';

const MAX_EARLY_BYTES = 64 * 1024;

/**
 * A socket whose messages mean nothing to the target's adapter: after the upgrade both sides are joined byte for byte. It is
 * still cut on revocation, policy change and drain.
 */
export function splice(passage: Extract<Passage, { kind: 'forward' }>, upgrade: Upgrade, parts: RelayParts): void {
  const { decided } = passage;
  const client = upgrade.socket;
  let upstream: Duplex | undefined;
  let call: ReturnType<typeof httpRequest> | undefined;
  let exit: Exit;

  const end = (outcome: Outcome): void => {
    call?.destroy();
    upstream?.destroy();
    endSocket(client);
    exit.end(outcome);
  };
  try {
    exit = openExit(decided, {
      isSocket: true,
      isStream: true,
      cut(reason) {
        end({ kind: 'broken', reason: reason === 'drained' ? 'drained' : 'revoked', status: 101 });
        client.destroy();
      },
    });
  } catch (thrown) {
    writeRawAnswer(client, refuseProblem(decided, thrown).answer);
    return;
  }
  const fail = (thrown: unknown): void => {
    const answer = failureAnswer(decided, thrown);
    exit.end({ kind: 'broken', reason: 'upstream', status: answer.status });
    writeRawAnswer(client, answer);
  };
  const onClientGone = (): void => {
    if (upstream === undefined) end({ kind: 'broken', reason: 'client' });
    else end({ kind: 'answered', status: 101 });
  };
  if (client.destroyed) {
    onClientGone();
    return;
  }
  client.on('close', onClientGone);
  const early = readEarly(upgrade, () => client.destroy());

  try {
    call = openCall(passage, parts);
  } catch (thrown) {
    fail(thrown);
    return;
  }
  call.on('upgrade', (answer, socket, first) => {
    upstream = socket;
    socket.setTimeout(0);
    socket.setKeepAlive(true, 60_000);
    socket.on('error', () => end({ kind: 'broken', reason: 'upstream', status: 101 }));
    socket.on('close', () => end({ kind: 'answered', status: 101 }));
    let head: string;
    try {
      head = switchingHead(passage, answer);
    } catch (thrown) {
      fail(thrown);
      socket.destroy();
      return;
    }
    client.write(head, 'latin1');
    if (first.length > 0) client.write(first);
    for (const chunk of early()) socket.write(chunk);
    socket.pipe(client);
    client.pipe(socket);
  });
  call.on('response', (answer) => passRefusal(passage, answer, client, { end, fail }));
  call.on('timeout', () => call?.destroy(new Error('the upgrade took too long')));
  call.on('error', (error) => {
    if (upstream === undefined && !client.destroyed) fail(unavailable(error));
  });
  call.end();
}

/** While the upstream has not answered, the client is read: only so is it seen to leave. Yields what it sent, and stops reading. */
function readEarly({ socket, early }: Upgrade, onEnd: () => void): () => readonly Buffer[] {
  const chunks = early.length > 0 ? [early] : [];
  let size = early.length;
  const onData = (chunk: Buffer): void => {
    chunks.push(chunk);
    size += chunk.length;
    if (size > MAX_EARLY_BYTES) socket.pause();
  };
  socket.on('data', onData);
  socket.once('end', onEnd);
  return () => {
    socket.off('data', onData);
    socket.off('end', onEnd);
    socket.pause();
    return chunks;
  };
}

function openCall({ decided, changes }: Extract<Passage, { kind: 'forward' }>, parts: RelayParts) {
  const { upstream } = decided.target;
  const headers = upstreamHeaders(decided, changes, parts.scheme).withAll({ connection: 'Upgrade', upgrade: 'websocket' });
  const send = upstream.protocol === 'https:' ? httpsRequest : httpRequest;
  const host = upstream.hostname.replace(/^\[|\]$/g, '');
  return send({
    host,
    port: upstream.port,
    path: upstreamPath(upstream, changes.path, decided.incoming.head),
    method: 'GET',
    headers: headers.toRaw(),
    timeout: parts.connectTimeoutMs,
    agent: false,
    // The certificate is the upstream's own; without this it would be asked for under the client's `Host`.
    servername: isIP(host) === 0 ? host : '',
  });
}

function switchingHead({ decided }: Extract<Passage, { kind: 'forward' }>, answer: IncomingMessage): string {
  const kept = answerHeaders(answer.rawHeaders, decided.corridor.isOwnCookie);
  return rawHead(101, [
    ['connection', 'Upgrade'],
    ['upgrade', 'websocket'],
    ...kept.entries(),
    ['x-fairlead-decision', decided.decisionId],
  ]);
}

/** The upstream did not switch: its answer goes back as it came, and the connection ends with it. */
function passRefusal(
  { decided }: Extract<Passage, { kind: 'forward' }>,
  answer: IncomingMessage,
  client: Duplex,
  then: { end(outcome: Outcome): void; fail(thrown: unknown): void },
): void {
  const status = answer.statusCode ?? 502;
  answer.on('error', () => undefined);
  try {
    const kept = answerHeaders(answer.rawHeaders, decided.corridor.isOwnCookie);
    const own = [...kept.entries(), ['x-fairlead-decision', decided.decisionId], ['connection', 'close']] as const;
    client.write(rawHead(status, own), 'latin1');
  } catch (thrown) {
    then.fail(thrown);
    return;
  }
  answer.pipe(client, { end: false });
  answer.on('close', () => {
    then.end(answer.complete ? { kind: 'answered', status } : { kind: 'broken', reason: 'upstream', status });
  });
}

function unavailable(cause: unknown): Problem {
  return new Problem({
    code: 'UPSTREAM_UNAVAILABLE',
    kind: 'upstream',
    message: 'the service behind this gateway did not answer',
    cause,
  });
}

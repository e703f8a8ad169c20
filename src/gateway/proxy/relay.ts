import { type RawData, WebSocket } from 'ws';
import { callerText } from '../../core/caller.ts';
import type { Outcome } from '../../core/decision.ts';
import type { FrameVerdict, SocketPlan } from '../../targets/target.ts';
import { type CutReason, type Exit, openExit } from '../exit.ts';
import type { Decided, Passage } from '../passage.ts';
import { decideFrame } from '../station/frame.ts';
import { upstreamHeaders } from './upstream-headers.ts';

export interface RelayParts {
  readonly scheme: 'http' | 'https';
  readonly connectTimeoutMs: number;
  /** Sockets that wait for a passing reason to go; counted over all of them. */
  readonly held: { now: number };
}

export interface RelayInput {
  /** Accepted and paused. */
  readonly client: WebSocket;
  readonly passage: Extract<Passage, { kind: 'forward' }>;
  readonly plan: SocketPlan;
  readonly parts: RelayParts;
  /** Set for sockets that must outlive an upstream that is not there yet. */
  readonly again: (() => Promise<Passage>) | undefined;
  /** A first message that was read already. */
  readonly first?: string;
}

/** Bytes on their way to a slow side before the fast side is paused. */
const HIGH_WATER_BYTES = 1024 * 1024;
/** Messages that wait for their verdict before the client is paused. */
const MAX_WAITING = 64;
const RETRY_MS = 1000;
const PING_MS = 30_000;

const CLOSE_CODES: Readonly<Record<CutReason, readonly [code: number, reason: string]>> = {
  revoked: [1008, 'this credential has been revoked'],
  expired: [1008, 'this credential has expired'],
  policy: [1012, 'the policy changed'],
  drained: [1012, 'the gateway restarts'],
};

/** Relays a socket message by message: each is decided before it leaves, in order, with backpressure both ways. */
export async function relay(input: RelayInput): Promise<void> {
  const { client, passage } = input;
  const { decided } = passage;
  let upstream: WebSocket | undefined;
  let ended: Outcome | undefined;
  let exit: Exit | undefined;

  const finish = (outcome: Outcome, code: number, reason: string): void => {
    if (ended !== undefined) return;
    ended = outcome;
    clearInterval(pinging);
    closeSocket(client, code, reason);
    if (upstream !== undefined) closeSocket(upstream, code === 1012 || code === 1008 ? 1001 : code, '');
    exit?.end(outcome);
  };
  const pinging = keepAlive(client);
  client.on('close', (code) => finish({ kind: 'answered', status: 101, detail: `client closed ${code}` }, sendable(code), ''));
  try {
    exit = openExit(decided, {
      isStream: () => true,
      cut(reason) {
        const [code, text] = CLOSE_CODES[reason];
        finish({ kind: 'broken', reason: reason === 'drained' ? 'drained' : 'revoked', status: 101 }, code, text);
      },
    });
  } catch {
    return finish({ kind: 'not_forwarded', status: 401 }, 1008, 'this credential has been revoked');
  }

  while (ended === undefined && upstream === undefined) {
    upstream = await openUpstream(passage, input.parts);
    if (upstream !== undefined) break;
    if (input.again === undefined) return finish({ kind: 'broken', reason: 'upstream' }, 1012, 'the service did not answer');
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  if (upstream === undefined) return;
  if (ended !== undefined) return closeSocket(upstream, 1001, '');
  const server = upstream;
  server.on('close', (code, reason) => {
    finish({ kind: 'answered', status: 101, detail: `upstream closed ${code}` }, sendable(code), reason.toString('utf8'));
  });

  const up = sender(server, client);
  const down = sender(client, server);
  const secret = await decided.target.secret?.().catch(() => undefined);
  let isFirst = true;
  const handle = async (text: string): Promise<void> => {
    if (ended !== undefined) return;
    const isOpening = isFirst;
    isFirst = false;
    const verdict = await clientVerdict(input.plan, decided, text);
    if (verdict.kind === 'close') return finish({ kind: 'broken', reason: 'client', status: 101 }, verdict.code, verdict.reason);
    if (verdict.kind !== 'forward') return;
    up(isOpening ? (input.plan.forwardFirstFrame?.(text, secret?.reveal()) ?? text) : text);
  };
  const queue = inOrder(handle, client, () => finish({ kind: 'broken', reason: 'upstream', status: 101 }, 1011, 'internal'));

  if (input.first !== undefined) queue(input.first);
  client.on('message', (data, isBinary) => {
    if (isBinary)
      return finish({ kind: 'broken', reason: 'client', status: 101 }, 1003, 'only text messages are understood here');
    const text = textOf(data);
    if (text.length > input.plan.maxMessageBytes)
      return finish({ kind: 'broken', reason: 'client', status: 101 }, 1009, 'message too long');
    queue(text);
  });
  server.on('message', (data, isBinary) => {
    if (isBinary) return;
    const text = textOf(data);
    const verdict = input.plan.fromUpstream(text);
    if (verdict.kind === 'forward') down(text);
    else if (verdict.kind === 'close') finish({ kind: 'answered', status: 101 }, verdict.code, verdict.reason);
  });
  client.resume();
}

/** A frame that asks for rights is decided like a call; everything else is the plan's word. */
async function clientVerdict(plan: SocketPlan, decided: Decided, text: string): Promise<FrameVerdict> {
  const verdict = await plan.fromClient(text, decided.caller);
  if (verdict.kind !== 'ask') return verdict;
  const isAllowed = await decideFrame(decided, verdict);
  if (isAllowed) return { kind: 'forward' };
  return verdict.onDeny === 'drop' ? { kind: 'drop' } : { kind: 'close', code: 1008, reason: 'refused by policy' };
}

/** Undefined when the upstream is not there or refuses the upgrade for now. */
function openUpstream(passage: RelayInput['passage'], parts: RelayParts): Promise<WebSocket | undefined> {
  const { decided, changes } = passage;
  const { target, incoming } = decided;
  const headers: Record<string, string> = {};
  for (const [name, value] of upstreamHeaders(decided, changes, parts.scheme).entries()) {
    if (!name.startsWith('sec-websocket-')) headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  const base = target.upstream.pathname.replace(/\/$/, '');
  const query = incoming.head.rawQuery === '' ? '' : `?${incoming.head.rawQuery}`;
  const url = `${target.upstream.protocol === 'https:' ? 'wss' : 'ws'}://${target.upstream.host}${base}${changes.path ?? incoming.head.path.raw + query}`;
  return new Promise((resolve) => {
    const socket = new WebSocket(url, offeredProtocols(passage), {
      headers,
      handshakeTimeout: parts.connectTimeoutMs,
      maxPayload: 32 * 1024 * 1024,
    });
    socket.once('open', () => resolve(socket));
    socket.once('error', (error) => {
      decided.corridor.log.warn('upstream_socket_failed', {
        target: target.name,
        caller: callerText(decided.caller),
        error: error.message,
      });
      resolve(undefined);
    });
    socket.on('error', () => socket.terminate());
  });
}

function offeredProtocols(passage: RelayInput['passage']): string[] {
  const offered = passage.decided.incoming.head.headers.getAll('sec-websocket-protocol').join(',');
  return offered
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** Sends to `to`, and pauses `from` while too much is under way. */
function sender(to: WebSocket, from: WebSocket): (text: string) => void {
  let isPaused = false;
  return (text) => {
    if (to.readyState !== to.OPEN) return;
    to.send(text, () => {
      if (!isPaused || to.bufferedAmount > HIGH_WATER_BYTES / 2) return;
      isPaused = false;
      from.resume();
    });
    if (!isPaused && to.bufferedAmount > HIGH_WATER_BYTES) {
      isPaused = true;
      from.pause();
    }
  };
}

/** One message after the other, however long each takes; the client is paused while many wait. */
function inOrder(handle: (text: string) => Promise<void>, client: WebSocket, onError: () => void): (text: string) => void {
  const waiting: string[] = [];
  let isRunning = false;
  const run = async (): Promise<void> => {
    isRunning = true;
    try {
      for (let text = waiting.shift(); text !== undefined; text = waiting.shift()) {
        await handle(text);
        if (waiting.length === MAX_WAITING / 2) client.resume();
      }
    } catch {
      onError();
    }
    isRunning = false;
  };
  return (text) => {
    waiting.push(text);
    if (waiting.length >= MAX_WAITING) client.pause();
    if (!isRunning) void run();
  };
}

/** Ends a client that has answered no ping for two rounds. */
function keepAlive(client: WebSocket): NodeJS.Timeout {
  let missed = 0;
  client.on('pong', () => {
    missed = 0;
  });
  client.on('message', () => {
    missed = 0;
  });
  const timer = setInterval(() => {
    missed += 1;
    if (missed > 2 && !client.isPaused) client.terminate();
    else if (client.readyState === client.OPEN) client.ping();
  }, PING_MS);
  timer.unref();
  return timer;
}

function closeSocket(socket: WebSocket, code: number, reason: string): void {
  if (socket.readyState === socket.CLOSED) return;
  socket.resume();
  socket.close(code, reason);
  const timer = setTimeout(() => socket.terminate(), 1000);
  timer.unref();
}

/** Codes that only describe a lost connection may not be sent; 1012 makes every client come back (RFC 6455 §7.4.1). */
function sendable(code: number): number {
  return code === 1005 ? 1000 : code === 1006 || code === 1015 || code < 1000 ? 1012 : code;
}

function textOf(data: RawData): string {
  return (Array.isArray(data) ? Buffer.concat(data) : Buffer.from(data as Buffer)).toString('utf8');
}

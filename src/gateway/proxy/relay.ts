import type { AccessRequest } from '../../core/access.ts';
import type { Outcome } from '../../core/decision.ts';
import { asProblem } from '../../core/problem.ts';
import type { FrameVerdict, SocketPlan } from '../../targets/target.ts';
import { type CutReason, closeRecord, type Exit, openExit } from '../exit.ts';
import type { Decided, Passage } from '../passage.ts';
import { decideFrame } from '../station/frame.ts';
import { inOrder } from './in-order.ts';
import type { Message, OpenSocket, Valve } from './open-socket.ts';
import { openUpstreamSocket } from './upstream-socket.ts';

export interface RelayParts {
  readonly scheme: 'http' | 'https';
  readonly connectTimeoutMs: number;
}

export interface RelayInput {
  readonly client: OpenSocket;
  readonly passage: Extract<Passage, { kind: 'forward' }>;
  readonly plan: SocketPlan;
  readonly parts: RelayParts;
  /** The socket must outlive an upstream that is not there yet. */
  readonly waits: boolean;
}

/** Bytes on their way to a slow side before the fast side is paused. */
const HIGH_WATER_BYTES = 1024 * 1024;
const RETRY_MS = 1_000;
const PING_MS = 30_000;

const CLOSE_CODES: Readonly<Record<CutReason, readonly [code: number, reason: string]>> = {
  revoked: [1008, 'this credential has been revoked'],
  expired: [1008, 'this credential has expired'],
  policy: [1012, 'the policy changed'],
  drained: [1012, 'the gateway restarts'],
};

/** Relays a socket message by message: each is decided before it leaves, in order, with backpressure both ways. */
export async function relay(input: RelayInput): Promise<void> {
  const { client, passage, plan } = input;
  const { decided } = passage;
  let server: OpenSocket | undefined;
  let ended: Outcome | undefined;
  let exit: Exit | undefined;
  let pinging: NodeJS.Timeout | undefined;
  /** Of messages without which there is no socket: what they subscribe to goes on for as long as it is open. */
  const standing: AccessRequest[] = [];

  const finish = (outcome: Outcome, code: number, reason: string): void => {
    if (ended !== undefined) return;
    ended = outcome;
    clearInterval(pinging);
    client.close(code, reason);
    server?.close(code === 1012 || code === 1008 ? 1001 : code, '');
    if (exit === undefined) closeRecord(decided, outcome);
    else exit.end(outcome);
  };
  const broken = (reason: 'client' | 'upstream' | 'revoked' | 'drained'): Outcome => ({ kind: 'broken', reason, status: 101 });
  const onFault = (thrown: unknown): void => {
    const problem = asProblem(thrown);
    decided.corridor.log.error('socket_fault', { target: decided.target.name, code: problem.code, error: String(problem.cause) });
    // As with any fault of ours: come back later.
    finish(broken('upstream'), 1012, problem.code);
  };

  if (client.socket.readyState !== client.socket.OPEN) return finish(broken('client'), 1000, '');
  client.socket.on('close', (code) =>
    finish({ kind: 'answered', status: 101, detail: `client closed ${code}` }, sendable(code), ''),
  );
  try {
    exit = openExit(decided, {
      isSocket: true,
      isStream: true,
      standing,
      cut(reason) {
        const [code, text] = CLOSE_CODES[reason];
        finish(broken(reason === 'drained' ? 'drained' : 'revoked'), code, text);
      },
    });
  } catch {
    return finish({ kind: 'not_forwarded', status: 401 }, 1008, 'this credential has been revoked');
  }
  pinging = keepAlive(client);

  // Before the upstream is there: nothing may be awaited between its opening and the first reading of it.
  const secret = await decided.target.secret?.().catch(() => undefined);
  while (ended === undefined) {
    server = await openUpstreamSocket(passage, input.parts);
    if (server !== undefined) break;
    if (!input.waits) return finish({ kind: 'broken', reason: 'upstream' }, 1012, 'the service did not answer');
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
  if (server === undefined) return;
  if (ended !== undefined) return server.close(1001, '');
  const upstream = server;
  upstream.socket.on('close', (code, reason) => {
    finish({ kind: 'answered', status: 101, detail: `upstream closed ${code}` }, sendable(code), reason.toString('utf8'));
  });

  const up = sender(upstream, client.valve);
  const down = sender(client, upstream.valve);
  let isFirst = true;
  const handle = async (text: string): Promise<void> => {
    if (ended !== undefined) return;
    const isOpening = isFirst;
    isFirst = false;
    const verdict = await clientVerdict(plan, decided, text, standing);
    if (ended !== undefined) return;
    if (verdict.kind === 'close') return finish(broken('client'), verdict.code, verdict.reason);
    if (verdict.kind === 'forward') up(isOpening ? (plan.forwardFirstFrame?.(text, secret?.reveal()) ?? text) : text);
  };
  const queue = inOrder(handle, client.valve, onFault);

  client.deliver(({ bytes, isBinary }: Message) => {
    if (ended !== undefined) return;
    if (isBinary) return finish(broken('client'), 1003, 'only text messages are understood here');
    if (bytes.length > plan.maxMessageBytes) return finish(broken('client'), 1009, 'message too long');
    queue(bytes.toString('utf8'));
  });
  upstream.deliver(({ bytes, isBinary }: Message) => {
    if (isBinary || ended !== undefined) return;
    try {
      const text = bytes.toString('utf8');
      const verdict = plan.fromUpstream(text);
      if (verdict.kind === 'forward') down(text);
      else if (verdict.kind === 'close') finish({ kind: 'answered', status: 101 }, verdict.code, verdict.reason);
    } catch (thrown) {
      onFault(thrown);
    }
  });
}

/** A frame that asks for rights is decided like a call; everything else is the plan's word. */
async function clientVerdict(plan: SocketPlan, decided: Decided, text: string, standing: AccessRequest[]): Promise<FrameVerdict> {
  const verdict = await plan.fromClient(text, decided.caller);
  if (verdict.kind !== 'ask') return verdict;
  // Before it is decided, so that no change of policy comes in between; if it is denied, the socket ends.
  if (verdict.onDeny === 'close') standing.push(...verdict.requests);
  const isAllowed = await decideFrame(decided, verdict);
  if (isAllowed) return { kind: 'forward' };
  return verdict.onDeny === 'drop' ? { kind: 'drop' } : { kind: 'close', code: 1008, reason: 'refused by policy' };
}

/** Sends to `to`, and stops the source while too much is under way. */
function sender({ socket }: OpenSocket, source: Valve): (text: string) => void {
  let isHeld = false;
  return (text) => {
    if (socket.readyState !== socket.OPEN) return;
    socket.send(text, () => {
      if (!isHeld || socket.bufferedAmount > HIGH_WATER_BYTES / 2) return;
      isHeld = false;
      source.release('slow');
    });
    if (!isHeld && socket.bufferedAmount > HIGH_WATER_BYTES) {
      isHeld = true;
      source.hold('slow');
    }
  };
}

/** Ends a client that has answered no ping for two rounds. One that is held cannot be heard, and is not counted. */
function keepAlive({ socket }: OpenSocket): NodeJS.Timeout {
  let missed = 0;
  const heard = (): void => {
    missed = 0;
  };
  socket.on('pong', heard);
  socket.on('message', heard);
  const timer = setInterval(() => {
    if (!socket.isPaused) missed += 1;
    if (missed > 2) socket.terminate();
    else if (socket.readyState === socket.OPEN) socket.ping();
  }, PING_MS);
  timer.unref();
  return timer;
}

/** Codes that only describe a lost connection may not be sent; 1012 makes every client come back (RFC 6455 §7.4.1). */
function sendable(code: number): number {
  return code === 1005 ? 1000 : code === 1006 || code === 1015 || code < 1000 ? 1012 : code;
}

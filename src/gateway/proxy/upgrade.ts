import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { anonymousCaller } from '../../core/caller.ts';
import { Problem } from '../../core/problem.ts';
import type { LocalAnswer, SocketPlan } from '../../targets/target.ts';
import type { Limits, Timeouts } from '../config.ts';
import { closeRecord } from '../exit.ts';
import type { Passage, Routed } from '../passage.ts';
import { enter, walk } from '../pipeline.ts';
import type { Corridor, Incoming } from '../port.ts';
import { refuseProblem } from '../station/refuse.ts';
import { routeCall } from '../station/route.ts';
import type { Connections } from './connections.ts';
import { holdSocket } from './hold-socket.ts';
import { type OpenSocket, openSocket } from './open-socket.ts';
import { isOwnPath } from './own-paths.ts';
import { writeRawAnswer } from './raw-answer.ts';
import { relay } from './relay.ts';
import { splice } from './splice.ts';

export interface UpgradesParts {
  readonly corridor: Corridor;
  readonly limits: Limits;
  readonly timeouts: Timeouts;
  readonly scheme: 'http' | 'https';
  readonly connections: Connections;
}

export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly early: Buffer;
}

export type ServeUpgrade = (incoming: Incoming, upgrade: Upgrade) => Promise<void>;

type Forward = Extract<Passage, { kind: 'forward' }>;

/** A first message that carries a token is short. */
const MAX_FIRST_BYTES = 16 * 1024;
/** What may come on the wire until it is there: itself, and what the one reading that holds its end holds beside it. */
const MAX_EARLY_BYTES = MAX_FIRST_BYTES + 64 * 1024;
/** Refused sockets are logged no more often than this, per target. */
const NOTE_MS = 1_000;
const RESTART = 'the gateway restarts';

/**
 * WebSocket upgrades through the corridor. Four ways: refused in HTTP; relayed frame by frame; spliced when the adapter does not
 * look into frames; or accepted first, because the credential is in the first message or because this client must not be refused.
 */
export function openUpgrades(parts: UpgradesParts): ServeUpgrade {
  const { corridor, connections, timeouts, limits } = parts;
  const relayParts = { scheme: parts.scheme, connectTimeoutMs: timeouts.connect };
  const held = { now: 0 };
  const notedAtMs = new Map<string, number>();
  const server = new WebSocketServer({
    noServer: true,
    maxPayload: limits.messageBytes,
    perMessageDeflate: { threshold: 1024, concurrencyLimit: 4, serverNoContextTakeover: true, clientNoContextTakeover: true },
    handleProtocols: (protocols) => [...protocols][0] ?? false,
  });

  return async (incoming, upgrade) => {
    if (upgrade.socket instanceof Object && 'setKeepAlive' in upgrade.socket)
      (upgrade.socket as Socket).setKeepAlive(true, 60_000);
    const entered = enter(corridor, incoming);
    let routed: Routed;
    let framePlan: SocketPlan | undefined;
    try {
      routed = routeCall(entered);
      if (isOwnPath(incoming.head)) throw nothingHere();
      framePlan = firstFramePlan(routed);
    } catch (thrown) {
      return writeRawAnswer(upgrade.socket, refuseProblem(entered, thrown).answer);
    }
    if (framePlan !== undefined) return await serveFrameIdentity(routed, upgrade, framePlan);
    const waits = routed.operation.holdsUpgrade === true;
    const passage = await walk(corridor, incoming);
    if (passage.kind === 'forward') return await forward(passage, upgrade, waits);
    if (!passage.isPassing || !waits) {
      noteRefused(routed, passage.answer);
      return writeRawAnswer(upgrade.socket, passage.answer);
    }
    const client = await accept(upgrade);
    if (client === undefined) return;
    const later = await holdSocket({ client, corridor, again: () => walk(corridor, incoming), held });
    if (later !== undefined) await relayAccepted(later, client, waits);
  };

  async function forward(passage: Forward, upgrade: Upgrade, waits: boolean): Promise<void> {
    const { decided } = passage;
    let plan: SocketPlan | undefined;
    try {
      plan = decided.target.adapter.socket(decided.call);
    } catch (thrown) {
      return writeRawAnswer(upgrade.socket, refuseProblem(decided, thrown).answer);
    }
    if (plan === undefined) {
      if (!connections.isDraining) return splice(passage, upgrade, relayParts);
      return writeRawAnswer(upgrade.socket, refuseProblem(decided, restarting()).answer);
    }
    const client = await accept(upgrade);
    if (client === undefined) return closeRecord(decided, { kind: 'broken', reason: 'client' });
    await startRelay(passage, client, plan, waits);
  }

  /** For a client that was accepted before the passage was known: nothing can be said in HTTP any more. */
  async function relayAccepted(passage: Forward, client: OpenSocket, waits: boolean): Promise<void> {
    const { decided } = passage;
    try {
      const plan = decided.target.adapter.socket(decided.call);
      if (plan !== undefined) return await startRelay(passage, client, plan, waits);
    } catch (thrown) {
      refuseProblem(decided, thrown);
    }
    closeRecord(decided, { kind: 'not_forwarded', status: 503 });
    client.close(1011, 'INTERNAL');
  }

  async function startRelay(passage: Forward, client: OpenSocket, plan: SocketPlan, waits: boolean): Promise<void> {
    if (connections.isDraining) {
      closeRecord(passage.decided, { kind: 'broken', reason: 'drained' });
      return client.close(1012, RESTART);
    }
    await relay({ client, passage, plan, parts: relayParts, waits });
  }

  async function serveFrameIdentity(routed: Routed, upgrade: Upgrade, plan: SocketPlan): Promise<void> {
    const { incoming } = routed;
    const hasFirst = Promise.withResolvers<void>();
    const client = await accept(upgrade, (opened) => endWhenLong(upgrade.socket, opened, hasFirst.promise));
    if (client === undefined) return;
    const first = await client.first(timeouts.firstFrame);
    hasFirst.resolve();
    // Nobody yet has a right to fill memory: what follows waits on the wire.
    client.valve.hold('sign-in');
    if (first === undefined) return client.close(1008, 'no credential came in time');
    if (first.isBinary) return client.close(1008, 'the first message must be text');
    if (first.bytes.length > MAX_FIRST_BYTES) return client.close(1008, 'the first message is too long');
    let token: string | undefined;
    try {
      token = plan.firstFrameToken?.(first.bytes.toString('utf8'));
    } catch {
      return client.close(1008, 'the first message cannot be read');
    }
    const passage = await walk(corridor, { ...incoming, frameToken: { token } });
    client.valve.release('sign-in');
    if (passage.kind === 'forward') return await relayAccepted(passage, client, false);
    const { answer } = passage;
    noteRefused(routed, answer);
    client.close(answer.closeCode ?? (passage.isPassing ? 1012 : 1008), answer.headers['x-fairlead-reason'] ?? '');
  }

  /** Socket clients do not show why they were refused, so the log does; now and then, since anybody can knock. */
  function noteRefused({ target, operation }: Routed, answer: LocalAnswer): void {
    const now = corridor.clock.now();
    if (answer.status !== 401 || now - (notedAtMs.get(target.name) ?? 0) < NOTE_MS) return;
    notedAtMs.set(target.name, now);
    const reason = answer.headers['x-fairlead-reason'] ?? 'no valid credential';
    corridor.log.warn('socket_unauthenticated', { target: target.name, operation: operation.id, reason });
  }

  /** Undefined when the client is gone, or its handshake was none after all. */
  function accept({ request, socket, early }: Upgrade, onOpen?: (opened: OpenSocket) => void): Promise<OpenSocket | undefined> {
    if (socket.destroyed) return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const onClose = (): void => resolve(undefined);
      socket.once('close', onClose);
      server.handleUpgrade(request, socket, early, (client) => {
        socket.off('close', onClose);
        const opened = openSocket(client);
        // In the same turn, before the first byte is read.
        onOpen?.(opened);
        // Until a call stands for it, nobody else would tell it of a restart.
        const forget = connections.onDrain(() => opened.close(1012, RESTART));
        client.once('close', forget);
        if (connections.isDraining) opened.close(1012, RESTART);
        resolve(opened);
      });
    });
  }
}

/**
 * Ends a socket that sends much before its first message is whole. The library bounds messages alone, and by one bound for all of a
 * socket's life, which is that of a caller who has signed in.
 */
function endWhenLong(socket: Duplex, { socket: client }: OpenSocket, until: Promise<void>): void {
  let seen = 0;
  const count = (chunk: Buffer): void => {
    seen += chunk.length;
    if (seen > MAX_EARLY_BYTES) client.terminate();
  };
  socket.on('data', count);
  void until.then(() => socket.off('data', count));
}

/** The plan of a socket whose credential comes in its first message, when the upgrade carries none. */
function firstFramePlan({ operation, target, incoming, decisionId }: Routed): SocketPlan | undefined {
  if (operation.identity !== 'frame' || incoming.head.headers.has('authorization')) return undefined;
  const caller = anonymousCaller(incoming.peer);
  const plan = target.adapter.socket({ operation, head: incoming.head, caller, body: undefined, decisionId });
  return plan?.firstFrameToken === undefined ? undefined : plan;
}

function nothingHere(): Problem {
  return new Problem({ code: 'NOT_FOUND', kind: 'not_found', message: 'there is nothing here' });
}

function restarting(): Problem {
  return new Problem({ code: 'GATEWAY_RESTARTING', kind: 'fault', message: RESTART });
}

import type { IncomingMessage } from 'node:http';
import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { WebSocket, WebSocketServer } from 'ws';
import { anonymousCaller } from '../../core/caller.ts';
import type { LocalAnswer, SocketPlan } from '../../targets/target.ts';
import type { Passage, Routed } from '../passage.ts';
import { enter, walk } from '../pipeline.ts';
import type { Corridor, Incoming } from '../port.ts';
import { refuseProblem } from '../station/refuse.ts';
import { routeCall } from '../station/route.ts';
import { firstMessage } from './first-message.ts';
import { holdSocket } from './hold-socket.ts';
import { type RelayParts, relay } from './relay.ts';
import { splice } from './splice.ts';

export interface UpgradeParts extends RelayParts {
  readonly server: WebSocketServer;
  readonly firstFrameTimeoutMs: number;
}

export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly early: Buffer;
}

/**
 * A WebSocket upgrade through the corridor. Four ways: refused in HTTP; relayed frame by frame; spliced when the adapter does not
 * look into frames; or accepted first, because the credential is in the first message or because this client must not be refused.
 */
export async function serveUpgrade(corridor: Corridor, incoming: Incoming, upgrade: Upgrade, parts: UpgradeParts): Promise<void> {
  const entered = enter(corridor, incoming);
  let routed: Routed;
  try {
    routed = routeCall(entered);
  } catch (thrown) {
    const refused = refuseProblem(entered, thrown);
    if (refused.kind === 'answer') refuseUpgrade(upgrade.socket, refused.answer);
    return;
  }
  const { operation, target } = routed;
  if (operation.identity === 'frame' && !incoming.head.headers.has('authorization')) {
    const caller = anonymousCaller(incoming.peer);
    const call = { operation, head: incoming.head, caller, body: undefined, decisionId: entered.decisionId };
    const plan = target.adapter.socket(call);
    if (plan?.firstFrameToken !== undefined) return await serveFrameIdentity(corridor, incoming, upgrade, parts, plan);
  }
  const passage = await walk(corridor, incoming);
  if (passage.kind === 'answer') {
    if (!passage.isPassing || operation.holdsUpgrade !== true) return refuseUpgrade(upgrade.socket, passage.answer);
    const client = await accept(upgrade, parts);
    return await holdSocket({ client, corridor, again: () => walk(corridor, incoming), parts });
  }
  await forward(passage, upgrade, parts, operation.holdsUpgrade === true ? () => walk(corridor, incoming) : undefined);
}

async function forward(
  passage: Extract<Passage, { kind: 'forward' }>,
  upgrade: Upgrade,
  parts: UpgradeParts,
  again: (() => Promise<Passage>) | undefined,
): Promise<void> {
  const plan = passage.decided.target.adapter.socket(passage.decided.call);
  if (plan === undefined) return splice(passage, upgrade, parts, (answer) => refuseUpgrade(upgrade.socket, answer));
  const client = await accept(upgrade, parts);
  await relay({ client, passage, plan, parts, again });
}

async function serveFrameIdentity(
  corridor: Corridor,
  incoming: Incoming,
  upgrade: Upgrade,
  parts: UpgradeParts,
  plan: SocketPlan,
): Promise<void> {
  const client = await accept(upgrade, parts);
  const first = await firstMessage(client, parts.firstFrameTimeoutMs);
  if (first === undefined) return;
  const token = plan.firstFrameToken?.(first);
  const passage = await walk(corridor, { ...incoming, frameToken: { token } });
  if (passage.kind === 'answer') {
    const { answer } = passage;
    client.close(answer.closeCode ?? (passage.isPassing ? 1012 : 1008), closeReason(answer));
    return;
  }
  const realPlan = passage.decided.target.adapter.socket(passage.decided.call) ?? plan;
  await relay({ client, passage, plan: realPlan, parts, again: undefined, first });
}

function accept(upgrade: Upgrade, parts: UpgradeParts): Promise<WebSocket> {
  return new Promise((resolve) => {
    parts.server.handleUpgrade(upgrade.request, upgrade.socket, upgrade.early, (client) => {
      // Until somebody reads, nothing is lost and nothing piles up.
      client.pause();
      client.on('error', () => client.terminate());
      resolve(client);
    });
  });
}

/** The refusal sentence fits a close reason of at most 123 bytes, or a shorter word stands for it. */
function closeReason(answer: LocalAnswer): string {
  const reason = answer.headers['x-fairlead-reason'] ?? '';
  return Buffer.byteLength(reason) <= 123
    ? reason
    : Buffer.from(reason)
        .subarray(0, 120)
        .toString('utf8')
        .replace(/\uFFFD+$/, '');
}

function refuseUpgrade(socket: Duplex, answer: LocalAnswer): void {
  if (socket.destroyed) return;
  const body = typeof answer.body === 'string' ? Buffer.from(answer.body, 'utf8') : Buffer.from(answer.body);
  const headers = { ...answer.headers, connection: 'close', 'content-length': String(body.length), 'cache-control': 'no-store' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value.replace(/[\r\n]/g, ' ')}`);
  socket.on('error', () => socket.destroy());
  socket.write(`HTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? 'Refused'}\r\n${lines.join('\r\n')}\r\n\r\n`);
  socket.end(body);
}

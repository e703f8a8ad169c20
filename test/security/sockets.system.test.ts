import { createHash, randomBytes } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { Problem } from '../../src/core/problem.ts';
import type { FrameVerdict, Operation, SocketPlan, TargetAdapter } from '../../src/targets/target.ts';
import { type GatewayOptions, HOST, policyOf, RULES, type TestGateway, testGateway, until, user } from '../support/gateway.ts';
import { rawConnection, rawHead } from '../support/raw-client.ts';
import { type Upstream, upstreamServer } from '../support/upstream.ts';

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const HANDSHAKE = [
  'Connection: Upgrade',
  'Upgrade: websocket',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
];

let gateway: TestGateway;
const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
  await gateway.close();
});

interface ClientOptions {
  readonly as?: string | undefined;
  readonly path?: string;
  readonly protocols?: string[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly deflate?: boolean;
}

interface Client {
  readonly socket: WebSocket;
  readonly texts: string[];
  readonly opened: Promise<void>;
  /** Code and reason. */
  readonly closed: Promise<[number, string]>;
}

function client(given: ClientOptions = {}): Client {
  const { path = '/open/ws', protocols = [], headers = {}, deflate = false } = given;
  const as = 'as' in given ? given.as : 'ada';
  const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}${path}`, protocols, {
    headers: { host: HOST, ...(as === undefined ? {} : { authorization: `Bearer tok-${as}` }), ...headers },
    perMessageDeflate: deflate,
  });
  closers.push(() => socket.terminate());
  const texts: string[] = [];
  socket.on('message', (data) => texts.push(String(data)));
  const opened = new Promise<void>((resolve, reject) => {
    socket.on('open', resolve);
    socket.on('unexpected-response', (_request, answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => reject(new Error(`${answer.statusCode} ${Buffer.concat(chunks).toString('utf8')}`)));
    });
    socket.on('error', reject);
  });
  opened.catch(() => undefined);
  const closed = new Promise<[number, string]>((resolve) =>
    socket.on('close', (code, reason) => resolve([code, reason.toString('utf8')])),
  );
  return { socket, texts, opened, closed };
}

/** A WebSocket server behind the recording upstream. */
function socketUpstream(upstream: Upstream = gateway.upstream) {
  const server = new WebSocketServer({ noServer: true, perMessageDeflate: true });
  const texts: string[] = [];
  const sockets: WebSocket[] = [];
  const heads: Record<string, string | string[] | undefined>[] = [];
  const made = { texts, sockets, heads, onOpen: (_socket: WebSocket): void => undefined };
  upstream.onUpgrade = (request, socket, head) => {
    heads.push(request.headers);
    server.handleUpgrade(request, socket, head, (opened) => {
      sockets.push(opened);
      opened.on('message', (data) => texts.push(String(data)));
      made.onOpen(opened);
    });
  };
  closers.push(() => {
    for (const socket of sockets) socket.terminate();
  });
  return made;
}

/** An adapter that looks into frames: `drop`, `close`, `ask:PATH`, `slow`; anything else passes. */
function framed(change: { operation?: Partial<Operation>; plan?: Partial<SocketPlan> } = {}): Pick<GatewayOptions, 'adapter'> {
  const fromClient = async (text: string): Promise<FrameVerdict> => {
    if (text === 'slow') await pause(50);
    if (text === 'throw') throw new Error('secret-detail');
    if (text === 'drop') return { kind: 'drop' };
    if (text === 'close') return { kind: 'close', code: 1007, reason: 'cannot be read' };
    const asked = /^(ask|must):(.+)$/.exec(text);
    if (asked === null) return { kind: 'forward' };
    const path = ['web', ...(asked[2] ?? '').split('/')];
    return {
      kind: 'ask',
      operation: 'frame',
      onDeny: asked[1] === 'must' ? 'close' : 'drop',
      requests: [{ action: 'http.post', resource: { path, attributes: {} }, attributes: { method: 'POST' } }],
    };
  };
  return {
    adapter: (http): TargetAdapter => ({
      ...http,
      match: (head) => ({ ...http.match(head), ...change.operation }),
      socket: () => ({
        maxMessageBytes: 32 * 1024,
        fromClient,
        fromUpstream(text) {
          if (text === 'throw') throw new Error('secret-detail');
          return text === 'drop' ? { kind: 'drop' } : { kind: 'forward' };
        },
        ...change.plan,
      }),
    }),
  };
}

describe('a socket whose frames nobody looks into', () => {
  it('carries bytes both ways, also those sent with the handshake', async () => {
    gateway = await testGateway();
    gateway.upstream.onUpgrade = (request, socket) => {
      const accept = createHash('sha1').update(`${request.headers['sec-websocket-key']}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${accept.digest('base64')}\r\nSet-Cookie: fl_0123456789abcdef=evil\r\n\r\nearly-down`,
      );
      socket.on('data', (chunk: Buffer) => socket.write(`<${chunk.toString('latin1')}>`, 'latin1'));
    };
    const connection = rawConnection(gateway.port);
    connection.send(`${rawHead('GET /open/ws?a=1 HTTP/1.1', HANDSHAKE)}early-up`);
    const answer = await connection.answer();
    expect([answer.status, answer.headers.get('sec-websocket-accept')]).toEqual([101, 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=']);
    expect(answer.headers.get('set-cookie')).toBeUndefined();
    expect(answer.headers.get('x-fairlead-decision')).toBe(gateway.record.decisions[0]?.id);
    await until(() => connection.rest().includes('early-down') && connection.rest().includes('<early-up>'));
    connection.send('\x81\x00\xff');
    await until(() => connection.rest().includes('<\x81\x00\xff>'));
    connection.close();
    expect(await gateway.record.outcome()).toEqual({ kind: 'answered', status: 101 });
    await until(() => gateway.upstream.sockets.size === 0);
  });

  it('tells the upstream who calls, and not with which credential', async () => {
    gateway = await testGateway();
    const upstream = socketUpstream();
    const { opened, socket } = client({ protocols: ['one', 'two'], headers: { 'x-fairlead-user': 'mallory' } });
    await opened;
    expect(upstream.heads[0]).toMatchObject({ 'x-fairlead-user': 'ada@acme.example', 'sec-websocket-protocol': 'one,two' });
    expect(upstream.heads[0]?.['authorization']).toBeUndefined();
    expect(socket.protocol).toBe('one');
  });

  it('SMUG-4 is not forwarded where it is not allowed', async () => {
    gateway = await testGateway();
    const upstream = socketUpstream();
    await expect(client({ path: '/closed' }).opened).rejects.toThrow(/^403 .*NO_RULE/);
    await expect(client({ as: undefined }).opened).rejects.toThrow(/^401 .*CREDENTIAL_REQUIRED/);
    await expect(client({ path: '/.fairlead/ws' }).opened).rejects.toThrow(/^404 /);
    await expect(client({ headers: { host: 'evil.example' } }).opened).rejects.toThrow(/^421 .*HOST_UNKNOWN/);
    expect(upstream.heads).toEqual([]);
    expect(await gateway.record.outcome()).toEqual({ kind: 'not_forwarded', status: 403 });
  });

  it('that the upstream refuses is refused in its words', async () => {
    gateway = await testGateway();
    gateway.upstream.onUpgrade = (_request, socket) => {
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 7\r\n\r\nno such');
    };
    await expect(client().opened).rejects.toThrow('404 no such');
    expect(await gateway.record.outcome()).toEqual({ kind: 'answered', status: 404 });
  });

  it('is a 502 when the upstream is not there', async () => {
    gateway = await testGateway({ upstreamUrl: 'http://127.0.0.1:9' });
    await expect(client().opened).rejects.toThrow(/^502 .*UPSTREAM_UNAVAILABLE/);
    expect(await gateway.record.outcome()).toEqual({ kind: 'broken', reason: 'upstream', status: 502 });
  });

  it('whose client leaves during the handshake takes the upstream’s end with it', async () => {
    gateway = await testGateway();
    let reached = 0;
    gateway.upstream.onUpgrade = (_request, socket) => {
      reached += 1;
      socket.resume();
    };
    const connection = rawConnection(gateway.port);
    connection.send(rawHead('GET /open/ws HTTP/1.1', HANDSHAKE));
    await until(() => reached === 1);
    connection.close();
    await until(() => gateway.upstream.sockets.size === 0, 1_500);
    expect(await gateway.record.outcome()).toEqual({ kind: 'broken', reason: 'client' });
    expect(gateway.live.count()).toBe(0);
  });

  it('STRM-8 ends within a second when its caller is revoked', async () => {
    gateway = await testGateway();
    socketUpstream();
    const { opened, closed } = client();
    await opened;
    const started = performance.now();
    await gateway.revocations.revoke({ subject: 'user:ada@acme.example', by: 'user:root' });
    await closed;
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(await gateway.record.outcome()).toEqual({ kind: 'broken', reason: 'revoked', status: 101 });
  });

  it('a reader that is slow slows the upstream down', async () => {
    gateway = await testGateway();
    const upstream = socketUpstream();
    upstream.onOpen = (socket) => {
      for (let i = 0; i < 64; i++) socket.send(randomBytes(1024 * 1024));
    };
    const { opened, socket } = client();
    await opened;
    socket.pause();
    await pause(500);
    expect(upstream.sockets[0]?.bufferedAmount).toBeGreaterThan(32 * 1024 * 1024);
    socket.resume();
    await until(() => upstream.sockets[0]?.bufferedAmount === 0, 10_000);
  });
});

describe('a socket that is relayed frame by frame', () => {
  it('carries frames in order, each after its verdict', async () => {
    gateway = await testGateway(framed());
    const upstream = socketUpstream();
    const { socket, opened, texts } = client();
    await opened;
    for (const text of ['1', 'slow', '2', 'drop', 'ask:open/x', 'ask:closed', '3']) socket.send(text);
    await until(() => upstream.texts.includes('3'));
    expect(upstream.texts).toEqual(['1', 'slow', '2', 'ask:open/x', '3']);
    for (const text of ['a', 'drop', 'b']) upstream.sockets[0]?.send(text);
    await until(() => texts.includes('b'));
    expect(texts).toEqual(['a', 'b']);
    const frames = gateway.record.decisions.slice(1);
    expect(frames.map(({ decision, class: kind }) => [decision.verdict, kind])).toEqual([
      ['allow', 'poll'],
      ['deny', 'poll'],
    ]);
  });

  it('10,000 frames arrive, all and in order, though the upstream is slow', async () => {
    gateway = await testGateway(framed());
    const upstream = socketUpstream();
    upstream.onOpen = (socket) => {
      socket.pause();
      setTimeout(() => socket.resume(), 300);
    };
    const { socket, opened } = client();
    await opened;
    const filler = 'x'.repeat(2_000);
    for (let i = 0; i < 10_000; i++) socket.send(`${i} ${filler}`);
    await until(() => upstream.texts.length === 10_000, 15_000);
    expect(upstream.texts.map((text) => Number.parseInt(text, 10))).toEqual(Array.from({ length: 10_000 }, (_, i) => i));
  });

  it('messages that come with the handshake, or the moment it is done, are not lost', async () => {
    gateway = await testGateway({ ...framed(), secret: 'x' });
    const upstream = socketUpstream();
    upstream.onOpen = (socket) => {
      for (let i = 0; i < 50; i++) socket.send(`down ${i}`);
    };
    const { socket, texts } = client();
    socket.on('open', () => {
      for (let i = 0; i < 50; i++) socket.send(`up ${i}`);
    });
    await until(() => upstream.texts.length === 50 && texts.length === 50);
    expect(upstream.texts.at(-1)).toBe('up 49');
  });

  it('a slow client stops the upstream, and memory stays bounded', async () => {
    gateway = await testGateway(framed());
    const upstream = socketUpstream();
    const part = 'x'.repeat(256 * 1024);
    upstream.onOpen = (socket) => {
      for (let i = 0; i < 400; i++) socket.send(part);
    };
    const { opened, socket, texts } = client();
    await opened;
    socket.pause();
    await pause(700);
    expect(upstream.sockets[0]?.bufferedAmount).toBeGreaterThan(50 * 1024 * 1024);
    socket.resume();
    await until(() => texts.length === 400, 10_000);
  });

  it('a client that sends faster than its verdicts come is stopped', async () => {
    let isOpen = false;
    gateway = await testGateway(
      framed({
        plan: {
          async fromClient() {
            while (!isOpen) await pause(10);
            return { kind: 'forward' };
          },
        },
      }),
    );
    const upstream = socketUpstream();
    const { opened, socket } = client();
    await opened;
    const part = 'x'.repeat(30_000);
    for (let i = 0; i < 1_000; i++) socket.send(part);
    await pause(500);
    expect(socket.bufferedAmount).toBeGreaterThan(10 * 1024 * 1024);
    isOpen = true;
    await until(() => upstream.texts.length === 1_000, 10_000);
  });

  const endings: readonly [what: string, send: (socket: WebSocket) => void, code: number][] = [
    ['a frame that policy refuses', (socket) => socket.send('must:closed'), 1008],
    ['a frame that the adapter cannot read', (socket) => socket.send('close'), 1007],
    ['a binary frame', (socket) => socket.send(Buffer.from([1, 2])), 1003],
    ['STRM-9 a message longer than the plan allows', (socket) => socket.send('x'.repeat(40_000)), 1009],
    ['STRM-9 a message longer than the limit', (socket) => socket.send('x'.repeat(80_000)), 1009],
    ['STRM-9 a message longer in bytes than in letters', (socket) => socket.send('ü'.repeat(20_000)), 1009],
    ['a frame over which the adapter fails', (socket) => socket.send('throw'), 1012],
  ];
  for (const [what, send, code] of endings) {
    it(`${what} ends it with ${code}`, async () => {
      gateway = await testGateway(framed());
      const upstream = socketUpstream();
      const { opened, socket, closed } = client();
      await opened;
      await until(() => upstream.sockets.length === 1);
      const gone = new Promise((resolve) => upstream.sockets[0]?.on('close', resolve));
      send(socket);
      const [got, reason] = await closed;
      expect(got).toBe(code);
      expect(reason).not.toContain('secret-detail');
      await gone;
      expect(upstream.texts).toEqual([]);
      await until(() => gateway.live.count() === 0);
      await gateway.record.outcome();
    });
  }

  it('a frame of the upstream over which the adapter fails ends the socket and nothing else', async () => {
    gateway = await testGateway(framed());
    const upstream = socketUpstream();
    upstream.onOpen = (socket) => socket.send('throw');
    const { closed } = client();
    expect((await closed)[0]).toBe(1012);
    expect((await rawAnswerOf('/open/x')).status).toBe(200);
  });

  it('a record that cannot be written lets no frame pass', async () => {
    let isBroken = false;
    gateway = await testGateway({
      ...framed(),
      recorder: {
        async decision() {
          if (isBroken) throw new Problem({ code: 'AUDIT_UNAVAILABLE', kind: 'fault', message: 'no record' });
        },
      },
    });
    const upstream = socketUpstream();
    const { opened, socket, closed } = client();
    await opened;
    isBroken = true;
    socket.send('ask:open/x');
    expect(await closed).toEqual([1012, 'AUDIT_UNAVAILABLE']);
    expect(upstream.texts).toEqual([]);
  });

  const raw: Readonly<Record<string, [bytes: Buffer, code: number]>> = {
    'a frame without a mask': [Buffer.from([0x81, 0x01, 0x61]), 1002],
    'a fragmented control frame': [Buffer.from([0x09, 0x80, 0, 0, 0, 0]), 1002],
    'a control frame of 126 bytes': [Buffer.from([0x89, 0xfe, 0, 126, 0, 0, 0, 0]), 1002],
    'a reserved opcode': [Buffer.from([0x83, 0x80, 0, 0, 0, 0]), 1002],
    'a reserved bit': [Buffer.from([0xc1, 0x80, 0, 0, 0, 0]), 1002],
    'text that is no UTF-8': [Buffer.from([0x81, 0x82, 0, 0, 0, 0, 0xc3, 0x28]), 1007],
    'a frame that announces 2^40 bytes': [Buffer.from([0x81, 0xff, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]), 1009],
  };
  for (const [what, [bytes, code]] of Object.entries(raw)) {
    it(`STRM-9 ${what} ends it with ${code}`, async () => {
      gateway = await testGateway(framed());
      socketUpstream();
      const connection = rawConnection(gateway.port);
      connection.send(rawHead('GET /open/ws HTTP/1.1', HANDSHAKE));
      expect((await connection.answer()).status).toBe(101);
      connection.send(bytes);
      await until(() => connection.rest().length >= 4);
      const frame = Buffer.from(connection.rest(), 'latin1');
      expect([frame[0], frame.readUInt16BE(2)]).toEqual([0x88, code]);
      expect(await connection.ended(3_000)).toBe(true);
      await until(() => gateway.live.count() === 0);
    });
  }

  it('STRM-9 a message that unfolds from little to much ends it with 1009', async () => {
    gateway = await testGateway(framed());
    socketUpstream();
    const { opened, socket, closed } = client({ deflate: true });
    await opened;
    socket.send('\0'.repeat(50 * 1024 * 1024));
    expect((await closed)[0]).toBe(1009);
  });

  it('speaks permessage-deflate with the client', async () => {
    gateway = await testGateway(framed());
    const upstream = socketUpstream();
    upstream.onOpen = (socket) => socket.send('z'.repeat(5_000));
    const { opened, socket, texts } = client({ deflate: true });
    await opened;
    expect(socket.extensions).toContain('permessage-deflate');
    const text = 'y'.repeat(20_000);
    socket.send(text);
    await until(() => upstream.texts.length === 1 && texts.length === 1);
    expect([upstream.texts[0], texts[0]]).toEqual([text, 'z'.repeat(5_000)]);
  });

  it('agrees on the first subprotocol, with both sides', async () => {
    gateway = await testGateway(framed());
    const upstream = socketUpstream();
    const { opened, socket } = client({ protocols: ['prefect', 'other'] });
    await opened;
    expect(socket.protocol).toBe('prefect');
    await until(() => upstream.heads.length === 1);
    expect(upstream.heads[0]?.['sec-websocket-protocol']).toBe('prefect');
  });

  it('passes the upstream’s close on', async () => {
    gateway = await testGateway(framed());
    const upstream = socketUpstream();
    upstream.onOpen = (socket) => socket.close(4001, 'enough');
    expect(await client().closed).toEqual([4001, 'enough']);
    expect(await gateway.record.outcome()).toEqual({ kind: 'answered', status: 101, detail: 'upstream closed 4001' });
  });

  it('asks the client back when the upstream is lost', async () => {
    gateway = await testGateway(framed());
    const upstream = socketUpstream();
    upstream.onOpen = (socket) => socket.terminate();
    expect((await client().closed)[0]).toBe(1012);
  });

  it('STRM-8 ends with 1008 within a second when its caller is revoked', async () => {
    gateway = await testGateway(framed());
    socketUpstream();
    const { opened, closed } = client();
    const other = client({ as: 'bea' });
    await Promise.all([opened, other.opened]);
    const started = performance.now();
    await gateway.revocations.revoke({ subject: 'user:ada@acme.example', by: 'user:root' });
    expect(await closed).toEqual([1008, 'this credential has been revoked']);
    expect(performance.now() - started).toBeLessThan(1_000);
    expect(other.socket.readyState).toBe(WebSocket.OPEN);
  });

  it('STRM-8 a client that reads nothing is cut all the same', async () => {
    gateway = await testGateway(framed());
    socketUpstream();
    const { opened, socket } = client();
    await opened;
    socket.pause();
    await gateway.revocations.revoke({ subject: 'user:ada@acme.example', by: 'user:root' });
    await until(() => gateway.live.count() === 0, 1_000);
    await until(() => gateway.upstream.sockets.size === 0, 2_500);
  });

  it('is decided anew when the policy changes', async () => {
    gateway = await testGateway(framed());
    socketUpstream();
    const first = client();
    await first.opened;
    gateway.policy.set(policyOf([...RULES, '- { name: more, who: [group:ops], can: [http.get], on: ["web/**"] }']));
    await pause(50);
    expect(first.socket.readyState).toBe(WebSocket.OPEN);
    gateway.policy.set(policyOf([]));
    expect(await first.closed).toEqual([1012, 'the policy changed']);
  });

  it('is decided anew with what its messages have opened, and without what they only said', async () => {
    gateway = await testGateway(framed());
    const up = socketUpstream();
    const [subscribed, writing] = [client(), client()];
    await Promise.all([subscribed.opened, writing.opened]);
    subscribed.socket.send('must:open/logs');
    writing.socket.send('ask:open/logs');
    await until(() => up.texts.length === 2);
    gateway.policy.set(policyOf(['- { name: opens, who: [group:data], can: [http.connect_socket], on: ["web/open/**"] }']));
    expect(await subscribed.closed).toEqual([1012, 'the policy changed']);
    expect(writing.socket.readyState).toBe(WebSocket.OPEN);
  });
});

describe('a socket whose credential is in its first message', () => {
  const auth = framed({
    operation: { identity: 'frame' },
    plan: {
      firstFrameToken: (text) => (JSON.parse(text) as { token?: string | null }).token ?? undefined,
      forwardFirstFrame: (text, secret) => JSON.stringify({ ...(JSON.parse(text) as object), token: secret ?? null }),
    },
  });
  const first = (token: unknown) => JSON.stringify({ type: 'auth', token });

  it('is decided when that has come, and what follows it closely is not lost', async () => {
    gateway = await testGateway({ ...auth, secret: 'upstream-secret' });
    const upstream = socketUpstream();
    const { opened, socket } = client({ as: undefined });
    await opened;
    expect(gateway.record.decisions).toEqual([]);
    socket.send(first('tok-ada'));
    for (let i = 0; i < 20; i++) socket.send(`after ${i}`);
    await until(() => upstream.texts.length === 21);
    expect(upstream.texts[0]).toBe(first('upstream-secret'));
    expect(upstream.texts.at(-1)).toBe('after 19');
    expect(gateway.record.decisions[0]?.caller).toBe('user:ada@acme.example');
    expect(gateway.upstream.rawText()).not.toContain('tok-ada');
  });

  it.each([
    ['no token', first(null), 1008],
    ['a token that is none', first('nonsense'), 1008],
    ['a token without rights', first('tok-other'), 1008],
    ['no JSON', 'hello', 1008],
    ['more than a token needs', `"${'x'.repeat(20_000)}"`, 1008],
  ])('%s ends it, and nothing is forwarded', async (_what, text, code) => {
    gateway = await testGateway(auth);
    const upstream = socketUpstream();
    const { opened, socket, closed } = client({ as: undefined });
    await opened;
    socket.send(text);
    expect((await closed)[0]).toBe(code);
    expect(upstream.heads).toEqual([]);
  });

  it('a binary message ends it', async () => {
    gateway = await testGateway(auth);
    const { opened, socket, closed } = client({ as: undefined });
    await opened;
    socket.send(Buffer.from(first('tok-ada')));
    expect((await closed)[0]).toBe(1008);
  });

  it('may not fill memory before it has signed in, and may send its full size afterwards', async () => {
    gateway = await testGateway({ ...auth, limits: { messageBytes: 1024 * 1024 } });
    const upstream = socketUpstream();
    // One message of 1 MiB, frame by frame on the wire: it is cut off long before its end.
    const flood = client({ as: undefined });
    await flood.opened;
    const raw = (flood.socket as unknown as { _socket: import('node:net').Socket })._socket;
    raw.on('error', () => undefined);
    let sent = 0;
    for (let part = 0; part < 64 && !raw.destroyed; part += 1) {
      flood.socket.send('x'.repeat(16 * 1024), { fin: part === 63, compress: false });
      sent = part;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect((await flood.closed)[0]).toBe(1006);
    expect(sent).toBeLessThan(40);
    expect(gateway.record.decisions).toEqual([]);
    const good = client({ as: undefined });
    await good.opened;
    good.socket.send(first('tok-ada'));
    for (let part = 0; part < 10; part += 1) good.socket.send('y'.repeat(30 * 1024));
    await until(() => upstream.texts.length === 11);
    expect(upstream.texts[10]).toHaveLength(30 * 1024);
  });

  it('silence ends it', async () => {
    gateway = await testGateway({ ...auth, timeouts: { firstFrame: 150 } });
    const { opened, closed } = client({ as: undefined });
    await opened;
    expect((await closed)[0]).toBe(1008);
  });

  it('an own fault asks it back', async () => {
    gateway = await testGateway({
      ...auth,
      authenticator: {
        identifyToken: async () => {
          throw new Error('down');
        },
      },
    });
    const { opened, socket, closed } = client({ as: undefined });
    await opened;
    socket.send(first('tok-ada'));
    expect((await closed)[0]).toBe(1012);
  });

  it('with a credential in its head is decided before the upgrade', async () => {
    gateway = await testGateway(auth);
    await expect(client({ as: 'other' }).opened).rejects.toThrow(/^403 /);
  });
});

describe('a socket that must not be refused for a passing reason', () => {
  const holds = framed({ operation: { holdsUpgrade: true } });

  it('is accepted while its upstream is away, and its frames arrive once that is back', async () => {
    const spare = await upstreamServer();
    await spare.close();
    gateway = await testGateway({ ...holds, upstreamUrl: spare.url });
    const { opened, socket, texts } = client();
    await opened;
    for (const text of ['1', '2', '3']) socket.send(text);
    await pause(300);
    const back = await upstreamServer(spare.port);
    closers.push(() => back.close());
    const upstream = socketUpstream(back);
    upstream.onOpen = (one) => one.send('hello');
    await until(() => upstream.texts.length === 3 && texts.length === 1, 4_000);
    expect(upstream.texts).toEqual(['1', '2', '3']);
  });

  it('is held over an own fault, answers pings meanwhile, and goes through when that is gone', async () => {
    let isDown = true;
    gateway = await testGateway({
      ...holds,
      authenticator: {
        async identify() {
          if (isDown) throw new Error('down');
          return {
            kind: 'caller',
            caller: user('ada'),
            credential: { kind: 'bearer', id: 'd', issuedAtMs: 0, viaCookie: false },
            disclose: 'rule',
          };
        },
      },
    });
    const upstream = socketUpstream();
    const { opened, socket } = client();
    await opened;
    socket.send('kept');
    const pong = new Promise((resolve) => socket.on('pong', resolve));
    socket.ping();
    await pong;
    expect(gateway.metrics.text()).toContain('fairlead_held_sockets 1');
    isDown = false;
    await until(() => upstream.texts.length === 1, 4_000);
    expect(gateway.metrics.text()).toContain('fairlead_held_sockets 0');
  });

  it('is let go when its client leaves', async () => {
    gateway = await testGateway({
      ...holds,
      authenticator: {
        async identify() {
          throw new Error('down');
        },
      },
    });
    const { opened, socket } = client();
    await opened;
    socket.close();
    await until(() => gateway.metrics.text().includes('fairlead_held_sockets 0'), 1_000);
  });

  it('is refused like any other for a reason that stays', async () => {
    gateway = await testGateway(holds);
    await expect(client({ path: '/closed' }).opened).rejects.toThrow(/^403 /);
  });
});

async function rawAnswerOf(path: string) {
  const connection = rawConnection(gateway.port);
  connection.send(rawHead(`GET ${path} HTTP/1.1`));
  const answer = await connection.answer();
  connection.close();
  return answer;
}

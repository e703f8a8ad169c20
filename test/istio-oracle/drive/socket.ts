import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { Wire } from '../case.ts';
import type { Certificates } from './certificates.ts';

/** Envoy answers in milliseconds; this only ends a run whose machine stands still. */
export const PATIENCE_MS = 30_000;

/**
 * A connection to a listener as a request wants it: from the TCP peer it names, behind a PROXY header that gives the address it
 * comes from and the one it was sent to, and with the certificate of its peer.
 */
export async function openSocket(
  port: number,
  wire: Wire,
  alpn: string | undefined,
  certificates: Certificates,
): Promise<Socket> {
  const socket = connectTcp({ host: '127.0.0.1', port, localAddress: wire.directIp, noDelay: true });
  await settled(socket, 'connect');
  const family = wire.remoteIp.includes(':') ? 'TCP6' : 'TCP4';
  socket.write(`PROXY ${family} ${wire.remoteIp} ${wire.localIp} 40000 ${wire.localPort}\r\n`);
  if (wire.peer === null) return socket;
  const pair = certificates.peers.get(wire.peer);
  if (pair === undefined) throw new Error(`no identity is called \`${wire.peer}\``);
  const tls: TLSSocket = connectTls({
    socket,
    cert: pair.cert,
    key: pair.key,
    ca: certificates.authority,
    checkServerIdentity: () => undefined,
    ...(alpn === undefined ? {} : { ALPNProtocols: [alpn] }),
    ...(wire.sni === undefined ? {} : { servername: wire.sni }),
  });
  await settled(tls, 'secureConnect');
  return tls;
}

/** What a connection is known by: two requests with the same key may share one. */
export function socketKey(wire: Wire, protocol: string): string {
  return [protocol, wire.peer, wire.sni, wire.directIp, wire.remoteIp, wire.localIp, wire.localPort].join('|');
}

function settled(socket: Socket, event: 'connect' | 'secureConnect'): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => socket.destroy(new Error(`no ${event} in time`)), PATIENCE_MS);
    const finish = (error?: Error): void => {
      clearTimeout(timer);
      socket.off(event, onDone).off('error', finish).off('close', onClose);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onDone = (): void => finish();
    const onClose = (): void => finish(new Error(`closed before ${event}`));
    socket.on(event, onDone).on('error', finish).on('close', onClose);
  });
}

import { execFile } from 'node:child_process';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Identities, Identity } from '../case.ts';

const run = promisify(execFile);

export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

export interface Certificates {
  readonly authority: string;
  readonly authorityFile: string;
  readonly server: { readonly certFile: string; readonly keyFile: string };
  readonly peers: ReadonlyMap<string, KeyPair>;
}

/** One authority, a certificate for the listener and one for every identity, valid for some days, in `folder`. */
export async function issueCertificates(folder: string, identities: Identities): Promise<Certificates> {
  await mkdir(folder, { recursive: true });
  const authorityFile = join(folder, 'ca.pem');
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '5'],
    ...['-keyout', join(folder, 'ca.key'), '-out', authorityFile, '-subj', '/CN=oracle'],
    ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
  ]);
  const server = await issue(folder, 'server', { uri: ['spiffe://cluster.local/ns/foo/sa/server'] });
  const peers = new Map<string, KeyPair>();
  for (const [name, identity] of Object.entries(identities)) {
    const files = await issue(folder, `peer-${name}`, identity);
    peers.set(name, { cert: await readFile(files.certFile, 'utf8'), key: await readFile(files.keyFile, 'utf8') });
  }
  return { authority: await readFile(authorityFile, 'utf8'), authorityFile, server, peers };
}

async function issue(folder: string, name: string, identity: Identity): Promise<{ certFile: string; keyFile: string }> {
  const certFile = join(folder, `${name}.pem`);
  const keyFile = join(folder, `${name}.key`);
  const subject = `${identity.o === undefined ? '' : `/O=${identity.o}`}${identity.cn === undefined ? '' : `/CN=${identity.cn}`}`;
  const names = [...(identity.uri ?? []).map((uri) => `URI:${uri}`), ...(identity.dns ?? []).map((dns) => `DNS:${dns}`)];
  const config = join(folder, `${name}.cnf`);
  await writeFile(config, '[req]\ndistinguished_name=dn\nstring_mask=utf8only\n[dn]\n');
  await run('openssl', [
    ...[
      'req',
      '-x509',
      '-config',
      config,
      '-CA',
      join(folder, 'ca.pem'),
      '-CAkey',
      join(folder, 'ca.key'),
      '-days',
      '5',
      '-nodes',
    ],
    ...['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-keyout', keyFile, '-out', certFile],
    ...['-subj', subject === '' ? '/' : subject, '-addext', 'basicConstraints=critical,CA:false'],
    ...(names.length === 0 ? [] : ['-addext', `subjectAltName=${subject === '' ? 'critical,' : ''}${names.join(',')}`]),
  ]);
  return { certFile, keyFile };
}

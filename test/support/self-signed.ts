import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';

/** A certificate of its own key for `name`, a host name or an IPv4 address, valid for a day, as PEM files in `folder`. */
export function selfSigned(folder: string, name: string): { readonly certFile: string; readonly keyFile: string } {
  const certFile = join(folder, 'tls.pem');
  const keyFile = join(folder, 'tls.key');
  for (const file of [certFile, keyFile]) rmSync(file, { force: true });
  const subject = ['-subj', `/CN=${name}`, '-addext', `subjectAltName=${isIP(name) === 0 ? 'DNS' : 'IP'}:${name}`];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', keyFile];
  execFileSync('openssl', ['req', '-x509', ...key, '-days', '1', '-out', certFile, ...subject], { stdio: 'ignore' });
  return { certFile, keyFile };
}

export function pemOf(files: { readonly certFile: string; readonly keyFile: string }): { cert: string; key: string } {
  return { cert: readFileSync(files.certFile, 'utf8'), key: readFileSync(files.keyFile, 'utf8') };
}

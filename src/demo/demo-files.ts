import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { loadConfig } from '../config/load.ts';
import { diagnosticText } from '../core/diagnostic.ts';
import { choosePorts, DEFAULT_PORTS, type DemoPortNumbers } from './demo-ports.ts';
import { renderGatewayConfig } from './gateway-config.ts';
import { clientSecretFile } from './identity-provider.ts';
import { POLICY_FILES } from './policy-files.ts';
import { keepSecret } from './secret-file.ts';

export interface DemoFiles {
  readonly folder: string;
  readonly configFile: string;
  readonly flowFile: string;
  readonly providerFolder: string;
  readonly ports: DemoPortNumbers;
  /** The Prefect server's own auth string; the gateway reads it from its file. */
  readonly prefectAuth: string;
}

export type PreparedFiles =
  | { readonly kind: 'ready'; readonly files: DemoFiles }
  | { readonly kind: 'failed'; readonly sentence: string };

/**
 * Makes the demo's folder (mode 0700) with configuration, policies and the sample flow. What is there already is left as it is, for
 * it may have been changed; only a configuration that nobody changed follows when the ports in the environment do.
 */
export function prepareFiles(options: {
  readonly folder: string;
  /** `examples/flows/hello.py` */
  readonly flow: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly randomBytes: (count: number) => Uint8Array;
}): PreparedFiles {
  const { folder } = options;
  const configFile = join(folder, 'fairlead.yaml');
  const providerFolder = join(folder, 'provider');
  const authFile = join(folder, 'prefect-auth');
  const render = (ports: DemoPortNumbers) =>
    renderGatewayConfig({ ports, prefectAuthFile: authFile, clientSecretFile: clientSecretFile(providerFolder) });

  makeFolder(folder);
  for (const name of ['logs', 'policies', 'flows', 'provider']) makeFolder(join(folder, name));
  const prefectAuth = keepSecret(authFile, () => `fairlead:${Buffer.from(options.randomBytes(24)).toString('hex')}`);
  const flowFile = join(folder, 'flows', 'hello.py');
  if (!existsSync(flowFile)) copyFileSync(options.flow, flowFile);

  const isNew = !existsSync(configFile);
  const written = isNew ? undefined : readFileSync(configFile, 'utf8');
  const before = written === undefined ? DEFAULT_PORTS : portsOf(written, configFile);
  if (typeof before === 'string') return { kind: 'failed', sentence: before };
  const ports = choosePorts(options.env, before);
  if (typeof ports === 'string') return { kind: 'failed', sentence: ports };

  const text = render(ports);
  if (written === undefined) {
    // All policies before the configuration: a start that was cut short writes them again.
    for (const [name, policy] of Object.entries(POLICY_FILES)) writeWhole(join(folder, 'policies', name), policy);
    writeWhole(configFile, text);
  } else if (written === render(before)) {
    if (written !== text) writeWhole(configFile, text);
  } else if (JSON.stringify(ports) !== JSON.stringify(before)) {
    return {
      kind: 'failed',
      sentence: `${configFile} was changed by hand: change the ports there too, and leave the FAIRLEAD_DEMO_…_PORT variables unset.`,
    };
  }
  return { kind: 'ready', files: { folder, configFile, flowFile, providerFolder, ports, prefectAuth } };
}

/** The ports as the configuration has them, or the sentence that says why they cannot be told. */
function portsOf(text: string, file: string): DemoPortNumbers | string {
  const { config, diagnostics } = loadConfig(text, file);
  if (config === undefined) {
    const lines = diagnostics.filter(({ severity }) => severity === 'error').map(diagnosticText);
    return [`The demo's configuration cannot be read; correct it, or delete it to have it written anew.`, ...lines].join('\n');
  }
  const target = (name: string) => config.targets.find((candidate) => candidate.name === name);
  const portOf = (url: string | undefined) =>
    url === undefined || !URL.canParse(url) ? undefined : Number(new URL(url).port || 80);
  return {
    control: config.listen.control.port,
    admin: config.listen.admin.port,
    prefect: target('prefect')?.port ?? DEFAULT_PORTS.prefect,
    web: target('web')?.port ?? DEFAULT_PORTS.web,
    provider: portOf(config.identity.find(({ oidc }) => oidc !== undefined)?.oidc?.issuer) ?? DEFAULT_PORTS.provider,
    prefectServer: portOf(target('prefect')?.system.url) ?? DEFAULT_PORTS.prefectServer,
    webService: portOf(target('web')?.system.url) ?? DEFAULT_PORTS.webService,
  };
}

function makeFolder(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  chmodSync(path, 0o700);
}

/** All of it or nothing, so that a start that was cut short leaves no half file. */
function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  renameSync(`${path}.new`, path);
}

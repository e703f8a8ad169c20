import { join } from 'node:path';
import { serveLoopback } from './loopback-server.ts';
import { keepPeople, type Person } from './people.ts';
import { providerConfiguration } from './provider-configuration.ts';
import { createProviderMemory } from './provider-memory.ts';
import { keepSecret } from './secret-file.ts';
import { createSignIn, isSignInPath } from './sign-in.ts';
import { keepSigningKey } from './signing-key.ts';
import { createWorkloadIssuer, type WorkloadIssuer } from './workload-issuer.ts';

export interface IdentityProviderOptions {
  /** 0 lets the system choose, for tests. */
  readonly port: number;
  /** Folder that keeps keys, passwords and the client's secret (mode 0700). */
  readonly folder: string;
  /** Origin of the control pages, where sign-in comes back to. */
  readonly controlOrigin: string;
  readonly now: () => number;
  readonly randomBytes: (count: number) => Uint8Array;
  /** Told of protocol errors, for the demo's log. */
  readonly onError: (error: unknown) => void;
}

export interface IdentityProvider {
  readonly issuer: string;
  readonly people: readonly Person[];
  /** Stands in for a Kubernetes cluster: names the demo's workloads. */
  readonly workloads: Pick<WorkloadIssuer, 'issuer' | 'mint'>;
  close(): Promise<void>;
}

/** Where the demo keeps the secret of the client `fairlead`, for the configuration to refer to. */
export function clientSecretFile(folder: string): string {
  return join(folder, 'client-secret');
}

/**
 * Starts the demo's OpenID provider on 127.0.0.1 with three people and, under `/workloads`, an issuer for workloads.
 * Keys and passwords are kept in `folder`, so that tokens and sessions outlive a restart. Calls nobody.
 */
export async function startIdentityProvider(options: IdentityProviderOptions): Promise<IdentityProvider> {
  const { folder, now, randomBytes } = options;
  const hex = (count: number) => Buffer.from(randomBytes(count)).toString('hex');
  const { default: Provider } = await import('oidc-provider');

  let handle: Parameters<typeof serveLoopback>[1] = (_request, response) => void response.writeHead(503).end();
  const server = await serveLoopback(options.port, (request, response) => handle(request, response));
  const origin = `http://127.0.0.1:${server.port}`;
  const people = keepPeople(join(folder, 'passwords.txt'), randomBytes);
  const workloadKey = keepSigningKey(join(folder, 'workload-key.json'), () => hex(8));
  const workloads = createWorkloadIssuer({ origin, key: workloadKey, now, randomBytes });
  const configuration = providerConfiguration({
    people,
    key: keepSigningKey(join(folder, 'people-key.json'), () => hex(8)),
    cookieSecret: keepSecret(join(folder, 'cookie-secret'), () => hex(32)),
    clientSecret: keepSecret(clientSecretFile(folder), () => hex(32)),
    controlOrigin: options.controlOrigin,
    memory: createProviderMemory(now),
    onError: options.onError,
  });
  const provider = new Provider(origin, configuration);
  provider.on('server_error', (_context, error) => options.onError(error));
  const answer = provider.callback();
  const signIn = createSignIn({ provider, people, now });

  handle = async (request, response) => {
    const path = (request.url ?? '').split('?')[0] ?? '';
    const document = workloads.document(path);
    if (document !== undefined) {
      const isRead = request.method === 'GET' || request.method === 'HEAD';
      response.writeHead(isRead ? 200 : 405, { 'content-type': 'application/json', 'cache-control': 'max-age=60' });
      response.end(isRead ? JSON.stringify(document) : '{}');
    } else if (isSignInPath(path)) await signIn(request, response, path);
    else await answer(request, response);
  };
  return { issuer: origin, people, workloads, close: () => server.close() };
}

import { pathToFileURL } from 'node:url';
import type { DemoPortNumbers } from './demo-ports.ts';

/** The demo's `fairlead.yaml`: a plain configuration, written once and then left to the person who tries it. */
export function renderGatewayConfig(options: {
  readonly ports: DemoPortNumbers;
  /** File that holds the Prefect server's auth string. */
  readonly prefectAuthFile: string;
  /** File that holds the secret of the client `fairlead` at the identity provider. */
  readonly clientSecretFile: string;
}): string {
  const { ports } = options;
  // The URL form is percent-encoded, so it holds nothing that YAML would read as more than text.
  const reference = (file: string) => JSON.stringify(pathToFileURL(file).href);
  return `# Configuration of the Fairlead demo. Written on the first start; change it as you like and start again.
origin: http://127.0.0.1:${ports.control}
listen: {control: "127.0.0.1:${ports.control}", admin: "127.0.0.1:${ports.admin}"}
store: sqlite:./data
administrators: [group:platform]
drain: 3s
observe: {decisions: ./logs/decisions.jsonl}
audit: {retain: 30d, maxBytes: 1GiB}

identity:
  - name: acme                       # people, from the demo's own OpenID provider
    oidc:
      issuer: http://127.0.0.1:${ports.provider}
      clientId: fairlead
      clientSecret: {secret: ${reference(options.clientSecretFile)}}
      audience: [fairlead]
      scopes: [openid, email, profile, groups]
    owns: {users: ["*@acme.example"], groups: ["*"]}
    disclose: rule
  - name: cluster                    # workloads, named as a Kubernetes cluster names its pods
    kubernetes: {issuer: "http://127.0.0.1:${ports.provider}/workloads", audience: [fairlead]}
    home: true

targets:
  - name: prefect
    port: ${ports.prefect}
    prefect:
      url: http://127.0.0.1:${ports.prefectServer}
      auth: {secret: ${reference(options.prefectAuthFile)}}
  - name: web
    port: ${ports.web}
    http: {url: "http://127.0.0.1:${ports.webService}"}

policies:
  - path: ./policies
`;
}

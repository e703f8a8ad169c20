import { type Command, InvalidArgumentError, Option } from 'commander';
import type { ProxyKind } from '../../istio/objects.ts';
import { createOutput } from '../output.ts';
import type { Run } from '../run-program.ts';
import { formatOption, verb } from '../verb.ts';

/** The verbs on Istio's rules: they work on files alone, ask no server and no cluster, and run on Node 20 too. */
export function istioVerbs(program: Command, run: Run): void {
  const group = verb(program, 'istio', 'evaluate, explain, lint and compare Istio rules in files', [
    'kubectl get -A authorizationpolicies,requestauthentications,services,deployments -o yaml > mesh.yaml',
  ]);

  verb(group, 'eval <cases>', 'evaluate policy sets with requests, a JSON object a line (`-` for standard input)', [
    'fairlead istio eval --identities identities.json cases.jsonl',
    'fairlead istio eval --profile 1.29 - < cases.jsonl',
  ])
    .option('--identities <file>', 'certificates that requests name, as JSON')
    .option('--profile <name>', 'envoy-1.36, envoy-1.38, envoy-1.40 or an Istio minor (default: the newest)')
    .action(async (cases: string, options) => run(async () => (await import('./eval.ts')).evalCases(cases, options))());

  requestOptions(
    meshOptions(
      verb(group, 'explain [paths...]', 'say why a request would be allowed or denied', [
        'fairlead istio explain -f mesh/ -n shop --to deploy/cart --from web/front --method GET --path /checkout',
        'fairlead istio explain -f mesh.yaml -n shop --to svc/cart --port 80 --request request.http',
        'fairlead istio explain -n shop --to app=cart --jwt-claims \'{"iss": "https://idp.example", "sub": "ada"}\'',
      ]),
    ).requiredOption('--to <workload>', TO),
  )
    .addOption(proxyOption())
    .addOption(hopsOption())
    .addOption(new Option('--authoriser <answer>', 'what external authorisers say').choices(['allow', 'deny']))
    .action(async (paths: string[], options) =>
      run(async () =>
        (await import('./explain.ts')).explainRequest(withPaths(options, paths), await createOutput(options.output)),
      )(),
    );

  meshOptions(
    verb(group, 'lint [paths...]', 'find rules that likely do not do what they are meant to', [
      'fairlead istio lint -f mesh/',
      'kubectl get -A authorizationpolicies,services,deployments,namespaces -o yaml | fairlead istio lint -f -',
    ]),
  )
    .addOption(new Option('--severity <least>', 'what counts').choices(['warning', 'error']).default('warning'))
    .action(async (paths: string[], options) =>
      run(async () => (await import('./lint.ts')).lintFiles(withPaths(options, paths), await createOutput(options.output)))(),
    );

  meshOptions(
    verb(group, 'who-can <method> <path> [paths...]', 'list who may send a request to a workload', [
      'fairlead istio who-can POST /deployments/1/create_flow_run -f mesh/ -n prefect --to svc/prefect --port 80',
    ]),
  )
    .requiredOption('--to <workload>', TO)
    .option('--port <number>', 'of the Service for svc/NAME, of the workload for all others')
    .option('--host <host>', 'only for this host')
    .option('--http2', 'over HTTP/2')
    .addOption(proxyOption())
    .addOption(hopsOption())
    .action(async (method: string, path: string, paths: string[], options) =>
      run(async () =>
        (await import('./who-can.ts')).whoMaySend(method, path, withPaths(options, paths), await createOutput(options.output)),
      )(),
    );

  verb(group, 'diff <old> <new>', 'say which callers gain or lose which requests between two sets of files', [
    'fairlead istio diff mesh-before/ mesh/',
    'fairlead istio diff -f workloads.yaml old-policies.yaml new-policies.yaml',
    'git show origin/main:mesh.yaml | fairlead istio diff -o markdown - mesh.yaml',
  ])
    .option('-f, --filename <path>', 'what both sides have, such as workloads; may stand several times', collect)
    .option('-n, --namespace <name>', 'of objects that name none (default: default)')
    .option('--mesh-config <file>', 'MeshConfig, ConfigMap `istio` or IstioOperator, where it is not among the files')
    .option('--old-mesh-config <file>', 'the same for the old files, where it differs')
    .option('--profile <name>', 'envoy-1.36, envoy-1.38, envoy-1.40 or an Istio minor (default: the newest)')
    .option('--partial', 'go on without what cannot be read')
    .option('--limit <number>', 'differences that are told (default: 100)')
    .option('--budget <number>', 'steps that the search may take (default: 150000)')
    .addOption(
      new Option('-o, --output <format>', 'how to print').choices(['table', 'json', 'yaml', 'markdown']).default('table'),
    )
    .action(async (before: string, after: string, options) =>
      run(async () => (await import('./diff.ts')).diffFiles(before, after, options))(),
    );
}

const TO = 'deploy/NAME, pod/NAME, sa/NAME, svc/NAME, gateway/NAME, waypoint/NAME, or labels: app=NAME';

/** Files may be named as people name them to other tools, without `-f`. */
function withPaths<O extends { readonly filename?: readonly string[] }>(options: O, paths: readonly string[]): O {
  return paths.length === 0 ? options : { ...options, filename: [...(options.filename ?? []), ...paths] };
}

/** What every verb on files takes. */
function meshOptions(command: Command): Command {
  return command
    .option(
      '-f, --filename <path>',
      'file, folder, or `-` for standard input; may stand several times (default: this folder)',
      collect,
    )
    .option('-n, --namespace <name>', 'of the workload, and of objects that name none (default: default)')
    .option('--mesh-config <file>', 'MeshConfig, ConfigMap `istio` or IstioOperator, where it is not among the files')
    .option('--profile <name>', 'envoy-1.36, envoy-1.38, envoy-1.40 or an Istio minor (default: the newest)')
    .option('--partial', 'go on without what cannot be read')
    .addOption(formatOption());
}

function requestOptions(command: Command): Command {
  return command
    .option(
      '--request <file>',
      'an HTTP/1.1 head, a request of a case in JSON, or a line of an access log; `-` for standard input',
    )
    .option('--identities <file>', 'certificates that the request of a case names, as JSON')
    .option(
      '--from <identity>',
      'spiffe://TRUST-DOMAIN/ns/NS/sa/SA, NS/SA, dns:NAME, CN=…, or none; several make one certificate',
      collect,
    )
    .option('--from-ip <address>', 'of the TCP peer')
    .option('--client-ip <address>', 'of the client, where it is not the TCP peer')
    .option('--to-ip <address>', 'that the connection goes to')
    .option('--method <name>', 'as sent')
    .option('--path <path>', 'as sent, with its query')
    .option('--host <host>', 'as sent, with its port')
    .option('--header <line>', '`name: value`; may stand several times', collect)
    .option('--jwt-claims <json>', 'claims of a token with a good signature, or @FILE')
    .option('--jwt-invalid', 'its signature does not verify')
    .option('--jwt-in <place>', 'header:NAME, header:NAME:PREFIX, param:NAME or cookie:NAME (default: Authorization: Bearer)')
    .option('--port <number>', 'of the Service for svc/NAME, of the workload for all others')
    .option('--tcp', 'a connection that is not HTTP')
    .option('--http2', 'over HTTP/2')
    .option('--sni <name>', 'server name of the TLS handshake');
}

const PROXIES: readonly ProxyKind[] = ['sidecar', 'gateway', 'waypoint', 'ztunnel'];

function hopsOption(): Option {
  return new Option('--trusted-hops <number>', 'proxies before a gateway that are believed in x-forwarded-for');
}

function proxyOption(): Option {
  return new Option('--proxy <kind>', 'who enforces, where the files do not tell').choices([...PROXIES]);
}

function collect(value: string, before: readonly string[] | undefined): readonly string[] {
  if (value === '') throw new InvalidArgumentError('it is empty.');
  return [...(before ?? []), value];
}

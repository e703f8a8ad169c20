import type { Command } from 'commander';
import type { Run } from '../run-program.ts';
import { verb } from '../verb.ts';

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
}

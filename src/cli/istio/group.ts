import type { Command } from 'commander';
import type { Run } from '../run-program.ts';
import { verb } from '../verb.ts';

/** The verbs on Istio's rules: they work on files alone, ask no server and no cluster, and run on Node 20 too. */
export function istioVerbs(program: Command, _run: Run): void {
  verb(program, 'istio', 'evaluate, explain, lint and compare Istio rules in files', [
    'kubectl get -A authorizationpolicies,requestauthentications,services,deployments -o yaml > mesh.yaml',
  ]);
}

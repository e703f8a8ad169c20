import { type Command, Option } from 'commander';
import type { CliFunctions } from './functions.ts';
import { istioVerbs } from './istio/group.ts';
import { createOutput } from './output.ts';
import { emptyProgram, type Run, runProgram } from './run-program.ts';
import { formatOption, verb } from './verb.ts';

/** The command line. Each verb is a file of its own and is loaded when it is called. Resolves with the exit code. */
export function runCli(argv: readonly string[], functions: CliFunctions): Promise<number> {
  return runProgram(argv, (run) => buildProgram(functions, run));
}

function buildProgram(functions: CliFunctions, run: Run): Command {
  const program = emptyProgram(
    'One identity and one policy in front of Prefect and any web service',
    functions.version,
    EXAMPLES,
  );

  verb(program, 'up', 'run the gateway', ['fairlead up -c fairlead.yaml'])
    .option('-c, --config <file>', 'configuration', 'fairlead.yaml')
    .action(async (options) => run(async () => (await import('./up.ts')).up(options, functions, await createOutput('table')))());

  verb(program, 'demo', 'run the demo: identity provider, gateway, Prefect, a worker and a web service', ['fairlead demo'])
    .option('--dir <folder>', 'where the demo keeps its data')
    .action(async (options) => run(() => functions.demo(options))());

  verb(program, 'check [paths...]', 'load, check and test policies without a server', [
    'fairlead check',
    'fairlead check -c fairlead.yaml policies/ teams/',
  ])
    .option('-c, --config <file>', 'configuration', 'fairlead.yaml')
    .addOption(formatOption())
    .action(async (paths: string[], options) =>
      run(async () => (await import('./check.ts')).check(paths, options, functions, await createOutput(options.output)))(),
    );

  verb(program, 'apply [paths...]', 'make policies active on a running gateway', [
    'fairlead apply',
    'fairlead apply -c fairlead.yaml --expect sha256:…',
    'fairlead apply policies/',
  ])
    .option(
      '-c, --config <file>',
      'its policies, when no paths are named (default: fairlead.yaml if it is there, else ./policies)',
    )
    .addOption(originOption())
    .addOption(formatOption())
    .option('--expect <revision>', 'only if this revision is still active')
    .action(async (paths: string[], options) =>
      run(async () => (await import('./apply.ts')).apply(paths, options, await createOutput(options.output)))(),
    );

  verb(program, 'explain <id>', 'say why a call was allowed or denied', ['fairlead explain 01981f2e-…'])
    .addOption(originOption())
    .addOption(formatOption())
    .action(async (id: string, options) =>
      run(async () => (await import('./explain.ts')).explain(id, options, await createOutput(options.output)))(),
    );

  verb(program, 'can-i <action> <resource>', 'ask whether a call would be allowed', [
    'fairlead can-i prefect.deployment.run prefect/deployments/etl/nightly',
    'fairlead can-i prefect.deployment.run prefect/deployments/etl/nightly --as user:vic@acme.example --groups viewers',
  ])
    .option('--as <who>', 'for somebody else: user:NAME, workload:NS/SA or agent:NAME')
    .option('--groups <names>', 'their groups, separated by commas')
    .option('--tags <names>', 'tags of the resource, separated by commas')
    .addOption(originOption())
    .addOption(formatOption())
    .action(async (action: string, resource: string, options) =>
      run(async () => (await import('./can-i.ts')).canI(action, resource, options, await createOutput(options.output)))(),
    );

  const audit = verb(program, 'audit', 'read the record', ['fairlead audit search --verdict deny --since 1h']);
  verb(audit, 'search', 'search decisions', [
    'fairlead audit search --verdict deny --since 1h',
    'fairlead audit search --caller user:vic@acme.example -o json',
  ])
    .option('--caller <who>', 'exactly this caller: user:NAME, workload:NS/SA, agent:NAME for user:NAME')
    .option('--action <name>', 'exactly this action')
    .option('--resource <path>', 'this resource and what is below it')
    .option('--target <name>', 'calls to this target')
    .addOption(new Option('--verdict <verdict>', 'what was decided').choices(['allow', 'hold', 'deny']))
    .option('--since <time>', 'a duration before now such as 1h, a day, or an RFC 3339 time')
    .option('--until <time>', 'a duration before now such as 1h, a day, or an RFC 3339 time')
    .option('--limit <count>', 'most entries', '50')
    .option('--id <decision>', 'one decision')
    .addOption(originOption())
    .addOption(formatOption())
    .action(async (options) =>
      run(async () => (await import('./audit-search.ts')).auditSearch(options, await createOutput(options.output)))(),
    );

  verb(program, 'login [origin]', 'sign in with a browser', [
    'fairlead login http://127.0.0.1:8444',
    'fairlead login --no-browser',
  ])
    .option('--no-browser', 'print the address instead of opening it')
    .addOption(formatOption())
    .action(async (origin: string | undefined, options) =>
      run(async () => (await import('./login.ts')).login(origin, options, await createOutput(options.output)))(),
    );

  verb(program, 'logout', 'end the sign-in of this command on the server', ['fairlead logout'])
    .addOption(originOption())
    .action(async (options) => run(async () => (await import('./logout.ts')).logout(options, await createOutput('table')))());

  verb(program, 'whoami', 'say who the gateway takes you for', ['fairlead whoami'])
    .addOption(originOption())
    .addOption(formatOption())
    .action(async (options) =>
      run(async () => (await import('./whoami.ts')).whoami(options, await createOutput(options.output)))(),
    );

  verb(program, 'token', 'make a token for programs', [
    'eval "$(fairlead token --for prefect)"',
    'fairlead token --for prefect --ttl 12h -o json',
  ])
    .option('--for <target>', 'target that will take it')
    .option('--ttl <duration>', 'life of the token (default: 12h, or the longest that the gateway allows where that is shorter)')
    .option('--label <text>', 'what to call it')
    .addOption(originOption())
    .addOption(formatOption())
    .action(async (options) =>
      run(async () => (await import('./token.ts')).token(options, await createOutput(options.output)))(),
    );

  verb(program, 'sessions [subject]', 'list the browsers that are signed in, or sign one out', [
    'fairlead sessions',
    'fairlead sessions user:ada@acme.example',
    'fairlead sessions --all -o json',
    'fairlead sessions --end 5f1f0c1e…',
  ])
    .option('--all', 'of everybody')
    .option('--end <id>', 'sign this one out, open streams included')
    .addOption(originOption())
    .addOption(formatOption())
    .action(async (subject: string | undefined, options) =>
      run(async () => (await import('./sessions.ts')).sessions(subject, options, await createOutput(options.output)))(),
    );

  verb(program, 'revoke [subject]', 'end access at once, open streams included', [
    'fairlead revoke user:ada@acme.example',
    'fairlead revoke workload:demo/worker --block',
    'fairlead revoke --lift user:ada@acme.example',
    'fairlead revoke --list',
  ])
    .option('--session <id>', 'one session')
    .option('--token <id>', 'one program token')
    .option('--block', 'refuse later credentials too, until lifted')
    .option('--lift', 'let the subject in again')
    .option('--list', 'show what is revoked')
    .addOption(originOption())
    .addOption(formatOption())
    .action(async (subject: string | undefined, options) =>
      run(async () => (await import('./revoke.ts')).revoke(subject, options, await createOutput(options.output)))(),
    );

  istioVerbs(program, run);

  verb(program, 'schema', 'print the JSON Schema of fairlead.yaml', ['fairlead schema > fairlead.schema.json']).action(async () =>
    run(async () => (await import('./schema.ts')).schema(await createOutput('json')))(),
  );
  return program;
}

/** What most people want first. */
const EXAMPLES = [
  'fairlead demo                                      # all of it, on this machine',
  'fairlead check && fairlead up                      # a gateway by ./fairlead.yaml',
  'fairlead login https://access.example.com',
  'eval "$(fairlead token --for prefect)"             # for the prefect command',
  'fairlead explain DECISION                          # why a call was allowed or denied',
  'fairlead audit search --verdict deny --since 1h',
];

function originOption(): Option {
  return new Option('--origin <url>', 'control origin of the gateway; default: FAIRLEAD_ORIGIN, or the last login');
}

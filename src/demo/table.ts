import type { DemoPortNumbers } from './demo-ports.ts';
import type { Person } from './people.ts';

export interface TableOptions {
  readonly ports: DemoPortNumbers;
  readonly people: readonly Pick<Person, 'email' | 'role' | 'password'>[];
  /** How Fairlead is called in a shell: `npm run -s fairlead --`. */
  readonly command: string;
  /** Path of the `prefect` program in the demo's own environment; undefined when there is no Prefect. */
  readonly prefectProgram: string | undefined;
  /** The demo's folder as shown to people. */
  readonly folder: string;
}

/** What the demo prints when it is up: addresses, logins, and five things to try with what each will show. */
export function demoTable(options: TableOptions): string {
  const { ports } = options;
  const addresses: readonly (readonly string[])[] = [
    ['Sign-in, decisions, why', `http://127.0.0.1:${ports.control}`],
    ...(options.prefectProgram === undefined ? [] : [['Prefect, through Fairlead', `http://127.0.0.1:${ports.prefect}`]]),
    ['Web service, through Fairlead', `http://127.0.0.1:${ports.web}`],
    ['Health and metrics', `http://127.0.0.1:${ports.admin}/metrics`],
  ];
  const logins = options.people.map((person) => [person.role, person.email, person.password]);
  return [
    '',
    'ADDRESSES',
    ...columns(addresses),
    '',
    'LOGINS',
    ...columns(logins),
    '',
    'FIVE THINGS TO TRY (each command in another terminal, in this folder)',
    ...thingsToTry(options).flatMap((thing, index) => thingLines(index + 1, thing)),
    '',
    `Policies: ${options.folder}/policies   Logs: ${options.folder}/logs   Ctrl-C ends everything.`,
    '',
  ].join('\n');
}

interface Thing {
  readonly title: string;
  readonly commands: readonly string[];
  readonly shows: string;
}

function thingsToTry(options: TableOptions): readonly Thing[] {
  const { ports, command, prefectProgram } = options;
  const web = `http://127.0.0.1:${ports.web}`;
  // Named, for a command that has never signed in knows no gateway.
  const control = `http://127.0.0.1:${ports.control}`;
  const [allowed, denied] =
    prefectProgram === undefined
      ? [
          {
            title: 'Allowed: the engineer reads the page',
            commands: [`open ${web}/ and sign in as ada`],
            shows: 'the page, with the identity headers that Fairlead set',
          },
          {
            title: 'Denied, with the reason: the viewer opens /admin',
            commands: [`open ${web}/admin in a private window and sign in as vic`],
            shows: 'a page with one sentence and the id of the decision',
          },
        ]
      : [
          {
            title: 'Allowed: the engineer runs a flow with the stock Prefect CLI',
            commands: [
              `${command} login ${control}   # as ada`,
              `eval "$(${command} token --for prefect)"`,
              `${prefectProgram} deployment run etl/nightly --watch`,
            ],
            shows: 'the worker takes the run and finishes it; Prefect names ada as its creator',
          },
          {
            title: 'Denied, with the reason: the viewer tries the same',
            commands: [`open http://127.0.0.1:${ports.prefect} in a private window, sign in as vic, run etl/nightly`],
            shows: 'one sentence that says why, with the id of the decision',
          },
        ];
  return [
    allowed,
    denied,
    {
      title: 'Explained: why that was denied',
      commands: [`${command} login ${control}   # as lee, who administers`, `${command} explain ID`],
      shows: 'the rule, its file and line, each clause with what was seen, and what is missing',
    },
    {
      title: 'Recorded: all of it',
      commands: [`${command} audit search --verdict deny`],
      shows: 'who asked for what, when, and what Fairlead said',
    },
    {
      title: 'Observed: a rule that only watches',
      commands: [`open ${web}/reports as vic`, `${command} audit search --target web   # as lee`],
      shows: 'the page all the same, and "would deny" by web/reports-are-for-leads in the record',
    },
  ];
}

function thingLines(number: number, thing: Thing): readonly string[] {
  return [`  ${number}. ${thing.title}`, ...thing.commands.map((text) => `       ${text}`), `     shows: ${thing.shows}`];
}

function columns(rows: readonly (readonly string[])[]): readonly string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('   ')}`.trimEnd());
}

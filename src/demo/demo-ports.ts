/** Where the demo listens, all on 127.0.0.1. */
export interface DemoPortNumbers {
  /** Login, why page, control API. */
  readonly control: number;
  /** Health and metrics. */
  readonly admin: number;
  /** The gateway in front of Prefect. */
  readonly prefect: number;
  /** The gateway in front of the plain web service. */
  readonly web: number;
  /** The identity provider. */
  readonly provider: number;
  /** The Prefect server itself. */
  readonly prefectServer: number;
  /** The plain web service itself. */
  readonly webService: number;
}

export const DEFAULT_PORTS: DemoPortNumbers = {
  control: 8444,
  admin: 9090,
  prefect: 8080,
  web: 8081,
  provider: 8085,
  prefectServer: 4200,
  webService: 8091,
};

/** The environment variable that moves each port. */
export const PORT_VARIABLES: Readonly<Record<keyof DemoPortNumbers, string>> = {
  control: 'FAIRLEAD_DEMO_CONTROL_PORT',
  admin: 'FAIRLEAD_DEMO_ADMIN_PORT',
  prefect: 'FAIRLEAD_DEMO_PREFECT_PORT',
  web: 'FAIRLEAD_DEMO_WEB_PORT',
  provider: 'FAIRLEAD_DEMO_PROVIDER_PORT',
  prefectServer: 'FAIRLEAD_DEMO_PREFECT_SERVER_PORT',
  webService: 'FAIRLEAD_DEMO_WEB_SERVICE_PORT',
};

export const PORT_NAMES = Object.keys(DEFAULT_PORTS) as readonly (keyof DemoPortNumbers)[];

/** The ports that the environment asks for, over `base`; or the sentence that says which variable is wrong. */
export function choosePorts(
  env: Readonly<Record<string, string | undefined>>,
  base: DemoPortNumbers = DEFAULT_PORTS,
): DemoPortNumbers | string {
  const ports: Record<keyof DemoPortNumbers, number> = { ...base };
  for (const name of PORT_NAMES) {
    const text = env[PORT_VARIABLES[name]];
    if (text === undefined || text === '') continue;
    const port = Number(text);
    if (!/^\d{1,5}$/.test(text) || port < 1 || port > 65_535) return `${PORT_VARIABLES[name]} must be a port from 1 to 65535.`;
    ports[name] = port;
  }
  for (const [index, name] of PORT_NAMES.entries()) {
    const other = PORT_NAMES.slice(0, index).find((earlier) => ports[earlier] === ports[name]);
    if (other !== undefined)
      return `${PORT_VARIABLES[other]} and ${PORT_VARIABLES[name]} are both ${ports[name]}: give each a port of its own.`;
  }
  return ports;
}

/** What stands behind a port, for the sentence that says that it is taken. */
const PURPOSES: Readonly<Record<keyof DemoPortNumbers, string>> = {
  control: 'the sign-in and control pages',
  admin: 'health and metrics',
  prefect: 'the gateway in front of Prefect',
  web: 'the gateway in front of the web service',
  provider: 'the identity provider',
  prefectServer: 'the Prefect server',
  webService: 'the plain web service',
};

/** One sentence for a taken port. `then` says what goes on without it. */
export function takenSentence(name: keyof DemoPortNumbers, port: number, then: string): string {
  return `Port ${port}, for ${PURPOSES[name]}, is taken by another program: ${then}. Free it, or set ${PORT_VARIABLES[name]} to another port, and start again.`;
}

import { join } from 'node:path';
import { childEnvironment } from './environment.ts';

type Variables = Readonly<Record<string, string | undefined>>;

/** What every Prefect process gets: nobody outside is called, nothing is asked, nothing of the person's own profile is read. */
function common(outer: Variables, home: string, own: Readonly<Record<string, string>>): Record<string, string> {
  return childEnvironment(outer, {
    PREFECT_HOME: home,
    PREFECT_PROFILES_PATH: join(home, 'profiles.toml'),
    PREFECT_SERVER_ANALYTICS_ENABLED: 'false',
    DO_NOT_TRACK: '1',
    PREFECT_SERVER_EPHEMERAL_ENABLED: 'false',
    PREFECT_CLI_PROMPT: 'false',
    PREFECT_CLI_COLORS: 'false',
    NO_COLOR: '1',
    TERM: 'dumb',
    COLUMNS: '160',
    ...own,
  });
}

/** Environment of the Prefect server. */
export function serverEnvironment(options: {
  readonly outer: Variables;
  readonly home: string;
  readonly port: number;
  readonly authString: string;
}): Record<string, string> {
  return common(options.outer, options.home, {
    PREFECT_SERVER_API_HOST: '127.0.0.1',
    PREFECT_SERVER_API_PORT: String(options.port),
    PREFECT_SERVER_API_AUTH_STRING: options.authString,
  });
}

/** Environment of a stock client that goes through the gateway with a token of its own: the one setting that reaches every call and socket. */
export function clientEnvironment(options: {
  readonly outer: Variables;
  readonly home: string;
  readonly gatewayUrl: string;
  readonly token: string;
}): Record<string, string> {
  return common(options.outer, options.home, {
    PREFECT_API_URL: `${options.gatewayUrl}/api`,
    PREFECT_CLIENT_CUSTOM_HEADERS: JSON.stringify({ Authorization: `Bearer ${options.token}` }),
    PREFECT_WORKER_QUERY_SECONDS: '2',
  });
}

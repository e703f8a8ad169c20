import type { AuditEntry } from '../audit/port.ts';
import type { Decision } from '../core/decision.ts';
import type { Diagnostic } from '../core/diagnostic.ts';
import { Problem, type ProblemKind } from '../core/problem.ts';
import type { Revocation } from '../identity/port.ts';
import type { NearestRule } from '../policy/port.ts';
import type { Explanation } from './explain.ts';
import type { TargetSummary } from './parts.ts';

export interface Me {
  readonly subject: string;
  readonly actor?: string;
  readonly source: string;
  readonly groups: readonly string[];
  readonly groupsComplete: boolean;
  readonly administrator: boolean;
}

export interface MadeToken {
  readonly token: string;
  readonly id: string;
  readonly subject: string;
  readonly expiresAtMs: number;
  readonly target?: TargetSummary;
}

export interface AppliedPolicy {
  readonly revision?: string;
  readonly diagnostics: readonly Diagnostic[];
  readonly tests: readonly {
    readonly test: { readonly file: string; readonly line: number; readonly name: string };
    readonly passed: boolean;
    readonly message: string;
  }[];
  readonly activatable: boolean;
  readonly applied: boolean;
  readonly conflict: boolean;
}

export interface AccessAnswer {
  readonly verdict: Decision['verdict'];
  readonly code: string;
  readonly sentence: string;
  readonly requests: Decision['requests'];
  readonly nearest: readonly NearestRule[];
}

export interface SearchQuery {
  readonly caller?: string | undefined;
  readonly action?: string | undefined;
  readonly resource?: string | undefined;
  readonly target?: string | undefined;
  readonly verdict?: string | undefined;
  readonly decisionId?: string | undefined;
  readonly sinceMs?: number | undefined;
  readonly untilMs?: number | undefined;
  readonly limit?: number | undefined;
  readonly cursor?: string | undefined;
}

/** The control API for programs. Every method throws the API's own problem, with its code and sentence. */
export interface ControlClient {
  exchangeLogin(input: {
    readonly code: string;
    readonly verifier: string;
  }): Promise<{ token: string; subject: string; expiresAtMs: number }>;
  /** Ends the token of this client. */
  logout(): Promise<void>;
  whoami(): Promise<Me>;
  targets(): Promise<readonly TargetSummary[]>;
  createToken(input: { readonly target?: string; readonly ttlSeconds?: number; readonly label?: string }): Promise<MadeToken>;
  applyPolicy(input: {
    readonly files: readonly { path: string; text: string }[];
    readonly expected?: string;
  }): Promise<AppliedPolicy>;
  searchDecisions(query: SearchQuery): Promise<{ readonly entries: readonly AuditEntry[]; readonly cursor?: string }>;
  explain(id: string): Promise<Explanation>;
  queryAccess(input: {
    readonly action: string;
    readonly resource: string;
    readonly attributes?: Readonly<Record<string, unknown>>;
    readonly caller?: { readonly subject: string; readonly groups: readonly string[] };
  }): Promise<AccessAnswer>;
  revoke(input: {
    readonly subject?: string;
    readonly session?: string;
    readonly token?: string;
    readonly block?: boolean;
  }): Promise<void>;
  revocations(): Promise<readonly Revocation[]>;
  lift(subject: string): Promise<void>;
}

export interface ControlClientOptions {
  readonly origin: string;
  token?(): Promise<string | undefined>;
  readonly fetch?: typeof fetch;
  readonly timeoutMs?: number;
}

export function createControlClient(options: ControlClientOptions): ControlClient {
  const { origin, timeoutMs = 30_000 } = options;

  async function call(method: string, path: string, body?: unknown): Promise<unknown> {
    const token = await options.token?.();
    const headers: Record<string, string> = { accept: 'application/json' };
    if (token !== undefined) headers['authorization'] = `Bearer ${token}`;
    if (body !== undefined) headers['content-type'] = 'application/json';
    let answer: Response;
    try {
      answer = await (options.fetch ?? fetch)(`${origin}/api/v1${path}`, {
        method,
        headers,
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
    } catch (error) {
      throw new Problem({
        code: 'GATEWAY_UNREACHABLE',
        kind: 'upstream',
        message: `the gateway at ${origin} does not answer`,
        cause: error,
      });
    }
    const parsed = await readJson(answer);
    if (answer.ok) return parsed;
    throw problemOf(answer.status, parsed);
  }

  // What the API answers is shaped by this version's own server; a foreign answer fails where it is used.
  const ask = <T>(method: string, path: string, body?: unknown): Promise<T> => call(method, path, body) as Promise<T>;

  return {
    exchangeLogin: (input) => ask('POST', '/login/exchange', input),
    logout: async () => void (await call('DELETE', '/tokens/current')),
    whoami: () => ask('GET', '/whoami'),
    targets: () => ask('GET', '/targets'),
    createToken: (input) => ask('POST', '/tokens', input),
    applyPolicy: (input) => ask('POST', '/policy/apply', input),
    searchDecisions: (query) => ask('GET', `/decisions${queryText(query)}`),
    explain: (id) => ask('GET', `/decisions/${encodeURIComponent(id)}`),
    queryAccess: (input) => ask('POST', '/access/query', input),
    revoke: async (input) => void (await call('POST', '/revocations', input)),
    revocations: () => ask('GET', '/revocations'),
    lift: async (subject) => void (await call('DELETE', `/revocations?${new URLSearchParams({ subject })}`)),
  };
}

async function readJson(answer: Response): Promise<unknown> {
  const text = await answer.text();
  if (text === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function queryText(query: SearchQuery): string {
  const { sinceMs, untilMs, ...rest } = query;
  const pairs = Object.entries({ ...rest, since: sinceMs, until: untilMs }).filter(([, value]) => value !== undefined);
  return pairs.length === 0 ? '' : `?${new URLSearchParams(pairs.map(([name, value]) => [name, String(value)]))}`;
}

const KINDS: Readonly<Record<number, ProblemKind>> = {
  400: 'invalid',
  401: 'unauthenticated',
  403: 'denied',
  404: 'not_found',
  413: 'too_large',
  422: 'invalid',
  409: 'invalid',
};

function problemOf(status: number, body: unknown): Problem {
  const { code, detail, hint } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  return new Problem({
    code: typeof code === 'string' ? code : 'GATEWAY_ERROR',
    kind: KINDS[status] ?? 'fault',
    status,
    message: typeof detail === 'string' ? detail : `the gateway answered with status ${status}`,
    ...(typeof hint === 'string' ? { hint } : {}),
  });
}

import { Problem, type ProblemKind } from '../core/problem.ts';
import type {
  AccessAnswer,
  AccessQuery,
  ActivePolicyBody,
  DecisionPage,
  DecisionQuery,
  LoginExchange,
  MadeToken,
  PolicyApplied,
  PolicyChecked,
  ProblemBody,
  RevocationBody,
  RevocationRequest,
  SessionBody,
  SignedInCommand,
  TargetBody,
  TokenRequest,
  TokenSummary,
  WhoAmI,
} from './api-shape.ts';
import { parseOrigin } from './config.ts';
import type { Explanation } from './explain.ts';

export interface ControlClientOptions {
  /** `https://access.example.com`; plain HTTP on a loopback host only. */
  readonly origin: string;
  /** Asked for each call; calls go without a credential when it yields nothing. */
  token?(): Promise<string | undefined>;
  readonly fetch?: typeof fetch;
  /** 30 seconds when absent. */
  readonly timeoutMs?: number;
}

type PolicyFiles = readonly { readonly path: string; readonly text: string }[];

/** The control API. Each call throws a `ControlProblem`, or a Problem GATEWAY_UNREACHABLE or GATEWAY_ANSWER_INVALID. */
export interface ControlClient {
  exchangeLogin(input: LoginExchange): Promise<SignedInCommand>;
  whoami(): Promise<WhoAmI>;
  targets(): Promise<readonly TargetBody[]>;
  createToken(input: TokenRequest): Promise<MadeToken>;
  /** One's own tokens, those of `subject`, or with `*` everybody's. */
  tokens(subject?: string): Promise<readonly TokenSummary[]>;
  revokeToken(id: string): Promise<void>;
  /** Ends the program token that this client shows. */
  logout(): Promise<void>;
  /** One's own sign-ins, those of `subject`, or with `*` everybody's. */
  sessions(subject?: string): Promise<readonly SessionBody[]>;
  endSession(id: string): Promise<void>;
  policy(): Promise<ActivePolicyBody>;
  checkPolicy(input: { readonly files: PolicyFiles }): Promise<PolicyChecked>;
  applyPolicy(input: { readonly files: PolicyFiles; readonly expected?: string }): Promise<PolicyApplied>;
  searchDecisions(query: DecisionQuery): Promise<DecisionPage>;
  explain(id: string): Promise<Explanation>;
  queryAccess(input: AccessQuery): Promise<AccessAnswer>;
  revoke(input: RevocationRequest): Promise<void>;
  revocations(): Promise<readonly RevocationBody[]>;
  lift(subject: string): Promise<void>;
}

/** What the API answered instead: its own code and sentence, and the decision's id. */
export class ControlProblem extends Problem {
  readonly decisionId: string | undefined;

  constructor(body: Pick<ProblemBody, 'code' | 'detail' | 'status'> & { readonly decisionId?: string; readonly hint?: string }) {
    super({
      code: body.code,
      kind: kindOf(body.status),
      status: body.status,
      message: body.detail,
      ...(body.hint === undefined ? {} : { hint: body.hint }),
    });
    this.decisionId = body.decisionId;
  }
}

const TIMEOUT_MS = 30_000;
/** The answer is our own gateway's, but a program that listens on its port by mistake may send without end. */
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;

export function createControlClient(options: ControlClientOptions): ControlClient {
  const origin = checkedOrigin(options.origin);
  const { fetch: fetched = fetch, timeoutMs = TIMEOUT_MS } = options;

  /** The type is what our own server states for this path (`api-shape.ts`); its answers are not checked again, member by member. */
  async function call<T>(method: string, path: string, body?: unknown): Promise<T> {
    const token = await options.token?.();
    const signal = AbortSignal.timeout(timeoutMs);
    let answer: Response;
    let text: string;
    try {
      answer = await fetched(`${origin}/api/v1/${path}`, {
        method,
        signal,
        // A redirect would carry the token to wherever it points.
        redirect: 'error',
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      text = await boundedText(answer);
    } catch (error) {
      if (error instanceof Problem) throw error;
      throw new Problem({
        code: 'GATEWAY_UNREACHABLE',
        kind: 'fault',
        message: signal.aborted
          ? `the gateway at ${origin} did not answer within ${Math.ceil(timeoutMs / 1000)} s`
          : `the gateway at ${origin} cannot be reached`,
        hint: 'is it running, and is this its control origin?',
        cause: error,
      });
    }
    if (answer.status === 204) return undefined as T;
    const parsed = jsonOf(text);
    if (parsed === undefined) throw notOurs(origin, answer.status);
    if (answer.ok) return parsed as T;
    if (!isProblemBody(parsed)) throw notOurs(origin, answer.status);
    throw new ControlProblem(parsed);
  }

  return {
    exchangeLogin: (input) => call('POST', 'login/exchange', input),
    whoami: () => call('GET', 'whoami'),
    targets: () => call('GET', 'targets'),
    createToken: (input) => call('POST', 'tokens', input),
    tokens: (subject) => call('GET', `tokens${search({ subject })}`),
    revokeToken: (id) => call('DELETE', `tokens/${encodeURIComponent(id)}`),
    logout: () => call('DELETE', 'tokens/current'),
    sessions: (subject) => call('GET', `sessions${search({ subject })}`),
    endSession: (id) => call('DELETE', `sessions/${encodeURIComponent(id)}`),
    policy: () => call('GET', 'policy'),
    checkPolicy: (input) => call('POST', 'policy/check', input),
    applyPolicy: (input) => call('POST', 'policy/apply', input),
    searchDecisions: ({ sinceMs, untilMs, decisionId, ...query }) =>
      call('GET', `decisions${search({ ...query, since: sinceMs, until: untilMs, id: decisionId })}`),
    explain: (id) => call('GET', `decisions/${encodeURIComponent(id)}?nearest=1`),
    queryAccess: (input) => call('POST', 'access/query', input),
    revoke: (input) => call('POST', 'revocations', input),
    revocations: () => call('GET', 'revocations'),
    lift: (subject) => call('DELETE', `revocations${search({ subject })}`),
  };
}

function checkedOrigin(text: string): string {
  const origin = parseOrigin(text);
  if (typeof origin === 'string') throw new Problem({ code: 'ORIGIN_INVALID', kind: 'invalid', message: origin });
  return origin.text;
}

function search(parameters: Readonly<Record<string, string | number | undefined>>): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) query.set(name, String(value));
  return query.size === 0 ? '' : `?${query}`;
}

async function boundedText(answer: Response): Promise<string> {
  if (answer.body === null) return '';
  const decoder = new TextDecoder();
  let text = '';
  let size = 0;
  for await (const chunk of answer.body) {
    size += chunk.byteLength;
    if (size > MAX_ANSWER_BYTES) {
      throw new Problem({ code: 'GATEWAY_ANSWER_INVALID', kind: 'upstream', message: 'the answer has no end' });
    }
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isProblemBody(value: unknown): value is ProblemBody {
  if (typeof value !== 'object' || value === null) return false;
  const { code, detail, status, decisionId, hint } = value as Partial<Record<keyof ProblemBody, unknown>>;
  return (
    typeof code === 'string' &&
    typeof detail === 'string' &&
    typeof status === 'number' &&
    (decisionId === undefined || typeof decisionId === 'string') &&
    (hint === undefined || typeof hint === 'string')
  );
}

function notOurs(origin: string, status: number): Problem {
  return new Problem({
    code: 'GATEWAY_ANSWER_INVALID',
    kind: 'upstream',
    message: `what answers at ${origin} does not speak the control API (status ${status})`,
    hint: 'is this the control origin, and not that of a target?',
  });
}

const KINDS: Readonly<Record<number, ProblemKind>> = {
  401: 'unauthenticated',
  403: 'denied',
  404: 'not_found',
  413: 'too_large',
  421: 'misdirected',
  502: 'upstream',
};

function kindOf(status: number): ProblemKind {
  return KINDS[status] ?? (status >= 500 ? 'fault' : 'invalid');
}

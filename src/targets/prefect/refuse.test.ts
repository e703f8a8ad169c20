import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem, type ProblemKind } from '../../core/problem.ts';
import type { Operation, RefusalReason } from '../target.ts';
import { contextOf, DECISION_ID, decisionOf, headOf, refusalOf } from '../testing.ts';
import { refuse } from './refuse.ts';
import { ROUTES, routeById } from './routes.ts';

const context = contextOf();
const DENIED: RefusalReason = { kind: 'denied', decision: decisionOf('deny') };
const WEB_APP = { headers: { 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors', 'x-prefect-ui': 'true' } };
const NAVIGATION = { headers: { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', accept: 'text/html' } };

function problemOf(kind: ProblemKind, status?: number): RefusalReason {
  const init = { code: 'SOME_CODE', kind, message: 'because', ...(status === undefined ? {} : { status }) };
  return { kind: 'problem', problem: new Problem(init) };
}

function operationOf(id: string, params: Record<string, string> = {}): Operation {
  const route = routeById(id);
  const { class: kind, body, identity } = route;
  return { id, class: kind, body, identity, params, upgrade: route.method === 'WS' };
}

function answerOf(
  id: string,
  reason: RefusalReason,
  options: { params?: Record<string, string>; headers?: Record<string, string> } = {},
) {
  const method = id.startsWith('WS') || !/^[A-Z]+ /.test(id) ? 'GET' : id.slice(0, id.indexOf(' '));
  const target = id.includes(' /') ? `/api/x` : '/runs';
  const head = headOf(method, target, { headers: options.headers ?? {}, upgrade: id.startsWith('WS') });
  return refuse(refusalOf(head, operationOf(id, options.params), reason), context);
}

const bodyOf = (answer: { body: string | Uint8Array }) => JSON.parse(String(answer.body)) as unknown;

describe('a denial', () => {
  it('is a sentence with the decision id, where Prefect’s commands print it', () => {
    const answer = answerOf('POST /deployments/{id}/create_flow_run', DENIED);
    expect(answer.status).toBe(403);
    expect(answer.headers).toMatchObject({ 'content-type': 'application/json', 'x-fairlead-decision': DECISION_ID });
    expect(bodyOf(answer)).toEqual({ detail: `this is not allowed (decision ${DECISION_ID})` });
  });

  it.each([
    ['POST /work_pools/{name}/get_scheduled_flow_runs', 200, '[]'],
    ['POST /deployments/get_scheduled_flow_runs', 200, '[]'],
    ['POST /work_queues/{id}/get_runs', 200, '[]'],
    ['POST /work_pools/{work_pool_name}/workers/heartbeat', 204, ''],
  ])('on the poll %s is the answer of a server that has nothing: %i %s', (id, status, body) => {
    const answer = answerOf(id, DENIED);
    expect([answer.status, answer.body]).toEqual([status, body]);
  });

  it.each<[string, Record<string, string>, number, unknown]>([
    ['GET /flows/{id}', {}, 404, { detail: 'Flow not found' }],
    ['GET /flows/name/{name}', {}, 404, { detail: 'Flow not found' }],
    ['GET /flow_runs/{id}', {}, 404, { detail: 'Flow run not found' }],
    ['GET /flow_runs/{id}/graph', { id: 'I' }, 404, { exception_message: 'Flow run with id I not found' }],
    ['GET /flow_runs/{id}/graph-v2', { id: 'I' }, 404, { exception_message: 'Flow run I not found' }],
    ['GET /flow_runs/{id}/input/{key}', {}, 404, { detail: 'Flow run input not found' }],
    ['GET /flow_runs/{id}/logs/download', {}, 404, { detail: 'Flow run not found' }],
    ['GET /flow_run_states/{id}', {}, 404, { detail: 'Flow run state not found' }],
    ['GET /task_runs/{id}', {}, 404, { detail: 'Task not found' }],
    ['GET /task_run_states/{id}', {}, 404, { detail: 'Flow run state not found' }],
    ['GET /ui/task_runs/{id}', {}, 404, { detail: 'Task not found' }],
    ['GET /deployments/{id}', {}, 404, { detail: 'Deployment not found' }],
    ['GET /deployments/name/{flow_name}/{deployment_name}', {}, 404, { detail: 'Deployment not found' }],
    ['GET /deployments/{id}/schedules', {}, 404, { detail: 'Deployment not found.' }],
    ['GET /work_pools/{name}', { name: 'etl' }, 404, { detail: 'Work pool "etl" not found.' }],
    ['POST /work_pools/{name}/concurrency_status', { name: 'etl' }, 404, { detail: "Work pool 'etl' not found." }],
    [
      'GET /work_pools/{work_pool_name}/queues/{name}',
      { work_pool_name: 'etl', name: 'fast' },
      404,
      { detail: "Work pool queue 'etl/fast' not found." },
    ],
    ['GET /work_queues/{id}', {}, 404, { detail: 'work queue not found' }],
    ['GET /work_queues/{id}/status', { id: 'I' }, 404, { exception_message: 'Work queue with id I not found' }],
    ['POST /work_queues/{id}/concurrency_status', {}, 404, { detail: 'Work queue not found.' }],
    ['GET /block_types/slug/{slug}', {}, 404, { detail: 'Block type not found' }],
    ['GET /block_schemas/{id}', {}, 404, { detail: 'Block schema not found' }],
    ['GET /block_documents/{id}', {}, 404, { detail: 'Block document not found' }],
    ['GET /block_types/slug/{slug}/block_documents/name/{block_document_name}', {}, 404, { detail: 'Block document not found' }],
    ['GET /variables/name/{name}', {}, 404, { detail: 'Variable not found.' }],
    ['GET /artifacts/{id}', {}, 404, { detail: 'Artifact not found.' }],
    ['GET /saved_searches/{id}', {}, 404, { detail: 'Saved search not found' }],
    ['GET /concurrency_limits/tag/{tag}', {}, 404, { detail: 'Concurrency limit not found' }],
    ['GET /v2/concurrency_limits/{id_or_name}', {}, 404, { detail: 'Concurrency Limit not found' }],
    ['GET /automations/{id}', {}, 404, { exception_message: 'Automation not found' }],
  ])('of the read %s cannot be told from an object that does not exist', (id, params, status, body) => {
    const answer = answerOf(id, DENIED, { params });
    expect([answer.status, bodyOf(answer)]).toEqual([status, body]);
    expect(answer.headers['x-fairlead-decision']).toBe(DECISION_ID);
  });

  it('has a text of its own for every read of one object', () => {
    const vague = ROUTES.filter((route) => route.isOne && String(answerOf(route.id, DENIED).body).includes('"Not Found"'));
    expect(vague.map((route) => route.id)).toEqual([]);
  });

  it('says so in words to somebody who may see the object and asks for its secret', () => {
    const reason: RefusalReason = { kind: 'denied', decision: decisionOf('deny', ['allow', 'deny']) };
    expect(answerOf('GET /block_documents/{id}', reason).status).toBe(403);
  });

  it('shows no object to somebody who has a right to something else alone', () => {
    const decision = decisionOf('deny', ['deny', 'allow']);
    const [first, second] = decision.requests;
    if (first === undefined || second === undefined) throw new Error('two requests');
    const elsewhere = { ...decision, requests: [first, { ...second, resource: 'prefect/flow-runs' }] };
    const answer = answerOf('POST /work_queues/{id}/concurrency_status', { kind: 'denied', decision: elsewhere });
    expect([answer.status, bodyOf(answer)]).toEqual([404, { detail: 'Work queue not found.' }]);
  });

  it.each<[string, unknown]>([
    ['POST /flow_runs/filter', []],
    ['POST /flow_runs/count', 0],
    ['POST /flow_runs/paginate', { results: [], count: 0, limit: 200, pages: 0, page: 1 }],
    ['POST /flow_runs/lateness', null],
    ['POST /flow_runs/history', []],
    ['POST /events/filter', { events: [], total: 0, next_page: null }],
    ['POST /events/count-by/{countable}', []],
    ['POST /ui/flow_runs/count-task-runs', {}],
    ['POST /ui/flows/next-runs', {}],
    ['POST /ui/flows/count-deployments', {}],
    ['GET /automations/related-to/{resource_id}', []],
    ['GET /admin/storage', { default_result_storage_block_id: null }],
  ])('of the list %s is an empty page for the web app, and a sentence for everybody else', (id, empty) => {
    const shown = answerOf(id, DENIED, WEB_APP);
    expect([shown.status, bodyOf(shown)]).toEqual([200, empty]);
    expect(shown.headers['x-fairlead-decision']).toBe(DECISION_ID);
    expect(answerOf(id, DENIED).status).toBe(403);
  });

  it('counts every state in the web app’s numbers of task runs', () => {
    const counts = bodyOf(answerOf('POST /ui/task_runs/count', DENIED, WEB_APP)) as Record<string, number>;
    expect(Object.values(counts)).toEqual(Array(9).fill(0));
  });

  it('of a write stays a sentence in the web app, which shows it', () => {
    const answer = answerOf('POST /deployments/{id}/create_flow_run', DENIED, WEB_APP);
    expect([answer.status, bodyOf(answer)]).toEqual([403, { detail: `this is not allowed (decision ${DECISION_ID})` }]);
  });

  it('of the server’s settings is the trimmed copy that everybody gets', () => {
    const answer = answerOf('GET /admin/settings', DENIED, WEB_APP);
    expect([answer.status, bodyOf(answer)]).toMatchObject([200, { server: { analytics_enabled: false } }]);
  });

  it.each([DENIED, problemOf('unauthenticated')])(
    'of a CSRF token is the answer of a server without that protection',
    (reason) => {
      const answer = answerOf('GET /csrf-token', reason);
      expect([answer.status, bodyOf(answer)]).toEqual([422, { detail: 'CSRF protection is disabled.' }]);
    },
  );

  it('of a navigation is a page', () => {
    const answer = answerOf('GET site', DENIED, NAVIGATION);
    expect([answer.status, answer.headers['content-type']]).toEqual([403, 'text/html; charset=utf-8']);
    expect(String(answer.body)).toContain(`https://access.test/why/${DECISION_ID}`);
  });

  it('never says what clients take for something else', () => {
    fc.assert(
      fc.property(
        fc.string(),
        fc.constantFrom('Invalid CSRF token', 'maximum number', 'plan does not support', 'maximum\nnumber', 'MAXIMUM NUMBER'),
        fc.string(),
        (before, phrase, after) => {
          const head = headOf('POST', '/api/flows/');
          const refusal = refusalOf(head, operationOf('POST /flows/'), DENIED, `${before}${phrase}${after}`);
          const { detail } = JSON.parse(String(refuse(refusal, context).body)) as { detail: string };
          expect(detail).not.toMatch(/invalid csrf token|maximum number|plan does not support/i);
          expect(detail).toContain(DECISION_ID);
        },
      ),
    );
  });
});

describe('a fault of ours', () => {
  it.each(['fault', 'upstream'] as const)('of kind %s is waited for, with a pause', (kind) => {
    for (const { id, method } of ROUTES) {
      const answer = answerOf(id, problemOf(kind));
      expect([id, answer.status]).toEqual([id, 503]);
      expect(answer.headers).toMatchObject({ 'retry-after': '2', 'prefect-maintenance': 'true' });
      if (method === 'WS') expect(answer.closeCode).toBe(1012);
    }
  });

  it('is a page that comes back by itself where a person opened one', () => {
    const answer = answerOf('GET site', problemOf('upstream'), NAVIGATION);
    expect([answer.status, answer.headers['refresh']]).toEqual([503, '3']);
  });
});

describe('an answer to somebody who is not known', () => {
  it('is a sentence for programs', () => {
    const answer = answerOf('POST /flows/filter', problemOf('unauthenticated'));
    expect([answer.status, answer.headers['www-authenticate']]).toEqual([401, 'Bearer']);
    expect(bodyOf(answer)).toEqual({ detail: `this is not allowed (decision ${DECISION_ID})` });
  });

  it('sends a browser that opens a page to sign in, and nobody else', () => {
    const page = answerOf('GET site', problemOf('unauthenticated'), NAVIGATION);
    expect([page.status, page.headers['location']]).toEqual([302, 'https://access.test/login?return=%2Fruns']);
    expect(answerOf('GET site', problemOf('unauthenticated'), WEB_APP).status).toBe(401);
    expect(answerOf('GET /flows/{id}', problemOf('unauthenticated'), NAVIGATION).status).toBe(401);
  });

  it('names the setting that reaches sockets, in a reason that fits', () => {
    const answer = answerOf('WS /events/out', problemOf('unauthenticated'));
    const reason = answer.headers['x-fairlead-reason'] ?? '';
    expect(reason).toContain('PREFECT_CLIENT_CUSTOM_HEADERS');
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(123);
    expect(answer.closeCode).toBe(1008);
  });

  it.each<[RefusalReason, string]>([
    [problemOf('unauthenticated'), 'authentication_failed'],
    [DENIED, 'authorization_failed'],
    [problemOf('fault'), 'transient_server_error'],
  ])('ends a worker’s channel with a reason that the worker knows', (reason, word) => {
    const answer = answerOf('WS /work_pools/{work_pool_name}/workers/connect', reason);
    expect(answer.headers['x-fairlead-reason']).toBe(word);
  });
});

describe('a call that cannot be read', () => {
  it.each([
    ['invalid', 400],
    ['invalid', 415],
    ['too_large', 413],
    ['too_large', 431],
    ['misdirected', 421],
  ] as const)('of kind %s keeps its status %i and says so in JSON', (kind, status) => {
    const answer = answerOf('POST /flows/', problemOf(kind, status));
    expect([answer.status, bodyOf(answer)]).toEqual([status, { detail: `this is not allowed (decision ${DECISION_ID})` }]);
  });

  it('is the server’s own 404 when the server says that the object does not exist', () => {
    const answer = answerOf('POST /deployments/{id}/create_flow_run', problemOf('not_found'));
    expect([answer.status, bodyOf(answer)]).toEqual([404, { detail: 'Deployment not found' }]);
  });

  it('never gets a worker a limiter’s 429', () => {
    const answer = answerOf('POST /work_pools/{name}/get_scheduled_flow_runs', problemOf('too_large', 429));
    expect([answer.status, answer.headers['prefect-maintenance']]).toEqual([503, 'true']);
  });
});

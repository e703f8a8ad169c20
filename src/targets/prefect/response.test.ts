import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../wire/call.ts';
import type { Call, ResponsePlan, UpstreamAnswer } from '../target.ts';
import { ADA, contextOf, DECISION_ID, decisionOf, headOf } from '../testing.ts';
import { guardedHeaders, proposalOutcome, response } from './response.ts';
import { ROUTES, routeById } from './routes.ts';

const context = { ...contextOf(), origin: 'https://prefect.test:8080' };

function callOf(id: string, target: string): Call {
  const { class: kind, body, identity, method } = routeById(id);
  const operation = { id, class: kind, body, identity, params: {}, upgrade: method === 'WS' };
  return { operation, head: headOf('GET', target), caller: ADA, body: undefined, decisionId: DECISION_ID };
}

function planOf(id: string, target = '/api/x'): ResponsePlan {
  return response(callOf(id, target), decisionOf('allow'), context);
}

function answerOf(body: unknown, status = 200): UpstreamAnswer {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return { status, headers: { 'content-type': 'application/json' }, body: Buffer.from(text) };
}

function replaced(id: string, answer: UpstreamAnswer): string {
  const plan = planOf(id);
  if (plan.kind !== 'replace') throw new Error(`${id} is not replaced`);
  return Buffer.from(plan.replace(answer).body).toString();
}

describe('the settings of the web app', () => {
  it('point it at this origin and ask for no password', () => {
    const before = { api_url: 'http://127.0.0.1:4200/api', csrf_enabled: true, auth: 'BASIC', default_ui: 'v2' };
    expect(JSON.parse(replaced('GET ui-settings', answerOf(before)))).toEqual({
      api_url: '/api',
      csrf_enabled: true,
      auth: null,
      default_ui: 'v2',
    });
  });

  it('stay as they are when the server did not give any', () => {
    expect(replaced('GET ui-settings', answerOf('nothing here', 404))).toBe('nothing here');
  });
});

describe('the settings of the server', () => {
  it('are trimmed for everybody, and the server is not asked', () => {
    const plan = planOf('GET /admin/settings');
    expect(plan.kind).toBe('local');
    if (plan.kind === 'local') {
      expect(JSON.parse(String(plan.answer.body))).toMatchObject({ server: { ui: { show_promotional_content: false } } });
      expect(plan.answer.headers['x-fairlead-decision']).toBe(DECISION_ID);
    }
  });
});

describe('the viewers of the API document', () => {
  it.each([
    ['/docs', '/openapi.json'],
    ['/redoc', '/openapi.json'],
    ['/docs/oauth2-redirect', '/openapi.json'],
    ['/api/docs', '/api/openapi.json'],
    ['/api/redoc', '/api/openapi.json'],
  ])('at %s say why they are not here, without a script, and where the document is', (path, document) => {
    const plan = planOf('GET docs', path);
    if (plan.kind !== 'local') throw new Error('the server is asked');
    expect(plan.answer).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } });
    expect(plan.answer.headers['content-security-policy']).toMatch(/^default-src 'none';/);
    expect(String(plan.answer.body)).toContain(`<a href="${document}">`);
    expect(String(plan.answer.body)).not.toContain('<script');
  });

  it.each(['/openapi.json', '/api/openapi.json', '/api/static/x/docs'])('are not what is asked for at %s', (path) => {
    expect(planOf('GET docs', path).kind).toBe('headers');
  });
});

describe('a page of events', () => {
  const upstream = 'http://prefect-server:4200/api/events/filter/next?page-token=aGVsbG8%3D';

  it('links to its next one on this origin, and keeps every other byte', () => {
    const text = `{"events":[{"payload":{"big":12345678901234567890,"next_page":"http://x/y"}}], "total":2,"next_page":"${upstream}"}`;
    expect(replaced('POST /events/filter', answerOf(text))).toBe(
      text.replace(upstream, 'https://prefect.test:8080/api/events/filter/next?page-token=aGVsbG8%3D'),
    );
  });

  it.each(['{"events":[],"total":0,"next_page":null}', 'not JSON', '', '{"next_page":"x"'])(
    'passes as it is when it has none: %s',
    (text) => {
      expect(replaced('GET /events/filter/next', answerOf(text))).toBe(text);
    },
  );

  it('is some answer, whatever the server sends', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.json(),
          fc.string().map((text) => `{"next_page":${JSON.stringify(text)}}`),
        ),
        (text) => {
          expect(replaced('POST /events/filter', answerOf(text)).length).toBeGreaterThanOrEqual(0);
        },
      ),
    );
  });
});

describe('a proposed state', () => {
  it.each<[unknown, number, string | undefined]>([
    [{ status: 'ACCEPT', details: { type: 'accept_details' } }, 201, 'ACCEPT'],
    [{ status: 'REJECT', details: { reason: 'not paused' } }, 200, 'REJECT: not paused'],
    [{ status: 'ABORT', details: {} }, 200, 'ABORT'],
    [{ status: 'WAIT', details: { reason: 'slots', delay_seconds: 3 } }, 200, 'WAIT: slots'],
    [{ status: 'ELSE' }, 200, undefined],
    ['<html>', 200, undefined],
    [[], 200, undefined],
  ])('answered with %j ends in what it says', (body, status, detail) => {
    const outcome = proposalOutcome(status, body as JsonValue);
    expect(outcome).toEqual(detail === undefined ? undefined : { kind: 'answered', status, detail });
  });

  it('is read whatever the route, and what it shows is learned', () => {
    const learned: string[] = [];
    const learning = { ...context, learn: (id: string) => void learned.push(id) };
    for (const id of ['POST /flow_runs/{id}/set_state', 'POST /flow_runs/{id}/resume']) {
      const plan = response(callOf(id, '/api/x'), decisionOf('allow'), learning);
      if (plan.kind !== 'read') throw new Error(`${id} is not read`);
      expect(plan.read(answerOf({ status: 'REJECT', details: { reason: 'no' } }))).toMatchObject({ detail: 'REJECT: no' });
    }
    expect(learned).toEqual(['POST /flow_runs/{id}/set_state', 'POST /flow_runs/{id}/resume']);
  });
});

describe('an answer', () => {
  it.each([
    'GET /flows/{id}',
    'GET /flow_runs/{id}',
    'GET /deployments/name/{flow_name}/{deployment_name}',
    'GET /work_pools/{name}',
    'POST /deployments/{id}/create_flow_run',
    'POST /work_pools/{name}/get_scheduled_flow_runs',
    'POST /deployments/get_scheduled_flow_runs',
    'POST /work_queues/{id}/get_runs',
  ])('of %s is learned from', (id) => {
    expect(planOf(id).kind).toBe('read');
  });

  it.each(['POST /flow_runs/', 'POST /flows/', 'POST /deployments/'])(
    'of %s is learned from when the path ends as it should',
    (id) => {
      expect(planOf(id, '/api/x/').kind).toBe('read');
      expect(planOf(id, '/api/x').kind).toBe('headers');
    },
  );

  it.each(['GET /flow_runs/{id}/logs/download', 'GET /flow_runs/{id}/graph-v2', 'POST /logs/', 'GET site', 'raw'])(
    'of %s only passes',
    (id) => {
      expect(planOf(id).kind).toBe('headers');
    },
  );

  it('has a plan on every route', () => {
    for (const { id } of ROUTES) expect(['read', 'headers', 'replace', 'local']).toContain(planOf(id).kind);
  });

  it('that is a page may call this origin alone', () => {
    const { set } = guardedHeaders({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } });
    expect(set['content-security-policy']).toContain("connect-src 'self' data:;");
    expect(set['content-security-policy']).toContain("script-src 'self' 'unsafe-eval';");
    expect(guardedHeaders({ status: 200, headers: { 'content-type': 'application/json' } }).set).toEqual({});
  });

  it('that redirects stays on this origin', () => {
    const { set } = guardedHeaders({ status: 307, headers: { location: 'http://prefect-server:4200/api/flows/filter' } });
    expect(set['location']).toBe('/api/flows/filter');
  });
});

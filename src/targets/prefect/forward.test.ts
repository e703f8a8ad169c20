import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ANONYMOUS, type Caller } from '../../core/caller.ts';
import { Secret } from '../../core/secret.ts';
import type { Call } from '../target.ts';
import { ADA, callerOf, contextOf, DECISION_ID, decisionOf, headOf } from '../testing.ts';
import { callerUuid } from './attribution.ts';
import { forward } from './forward.ts';
import { relativeLocation } from './location.ts';
import { routeById } from './routes.ts';

const context = { ...contextOf(), authorization: async () => new Secret('Basic YWRtaW46cGFzcw==') };

function callOf(id: string, headers: Record<string, string> = {}, caller: Caller = ADA): Call {
  const { class: kind, body, identity, method } = routeById(id);
  const operation = { id, class: kind, body, identity, params: {}, upgrade: method === 'WS' };
  return { operation, head: headOf('POST', '/api/x', { headers }), caller, body: undefined, decisionId: DECISION_ID };
}

const changesOf = (call: Call) => forward(call, decisionOf('allow'), context);

describe('a call on its way to Prefect', () => {
  it('carries the server’s own secret, in the one spelling that the server reads', async () => {
    expect((await changesOf(callOf('GET /flows/{id}'))).set['authorization']).toBe('Basic YWRtaW46cGFzcw==');
  });

  it.each([
    ['a caller that nobody knows', callerOf(ANONYMOUS)],
    ['a caller that showed the secret himself', callerOf({ kind: 'shared_secret', target: 'prefect' })],
  ])('lends nothing to %s', async (_, caller) => {
    expect((await changesOf(callOf('GET /flows/{id}', {}, caller))).set['authorization']).toBeUndefined();
  });

  it.each([
    'POST /flow_runs/',
    'POST /deployments/{id}/create_flow_run',
    'POST /deployments/{id}/create_flow_run/bulk',
    'POST /flow_runs/{id}/set_state',
    'POST /flow_runs/{id}/resume',
    'POST /deployments/',
  ])('names its caller on %s, so that the server writes down who it was', async (id) => {
    const { set } = await changesOf(callOf(id, { 'Prefect-Automation-Id': 'forged', 'Prefect-Automation-Name': 'Zm9yZ2Vk' }));
    expect(set['prefect-automation-id']).toBe('caeee928-4249-51f6-9dae-eda574a6e834');
    expect(Buffer.from(set['prefect-automation-name'] ?? '', 'base64').toString()).toBe('user:ada@acme.com');
  });

  it('names no creator elsewhere, and never the one that the client sent', async () => {
    const { set, remove } = await changesOf(callOf('GET /flows/{id}', { 'prefect-automation-id': 'forged' }));
    expect(set['prefect-automation-id']).toBeUndefined();
    expect(remove).toEqual(expect.arrayContaining(['prefect-automation-id', 'prefect-automation-name']));
  });

  it('takes along the one cookie that the server reads', async () => {
    const cookie = 'AMP_1234=x; prefect_ui_version=v1; grafana_session=secret; fl_0123=y';
    expect((await changesOf(callOf('GET site', { cookie }))).set['cookie']).toBe('prefect_ui_version=v1');
    const { set, remove } = await changesOf(callOf('GET site', { cookie: 'AMP_1=x; prefect_ui_version=%0d%0a' }));
    expect([set['cookie'], remove.includes('cookie')]).toEqual([undefined, true]);
  });
});

describe('the id of a caller', () => {
  it('is a UUID of version 5, the same for the same caller', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(callerUuid(text)).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        expect(callerUuid(text)).toBe(callerUuid(text));
      }),
    );
  });
});

describe('a redirect of the server', () => {
  it.each([
    ['http://prefect-server:4200/api/flows/filter', '/api/flows/filter'],
    ['/v2/', '/v2/'],
    ['http://prefect-server:4200/api/x?a=1#b', '/api/x?a=1#b'],
    ['//evil.test/x', '/x'],
    ['http://prefect-server:4200//evil.test/x', '/evil.test/x'],
    ['\\\\evil.test/x', '/x'],
    ['javascript:alert(1)', '/'],
    ['http://', '/'],
  ])('to %s goes to %s of the same origin', (from, to) => {
    expect(relativeLocation(from)).toBe(to);
  });

  it('never leads to another host', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.webUrl(),
          fc.string().map((text) => `//${text}`),
          fc.string().map((text) => `\\${text}`),
        ),
        (text) => {
          const url = new URL(relativeLocation(text), 'https://here.test');
          expect(url.origin).toBe('https://here.test');
        },
      ),
    );
  });
});

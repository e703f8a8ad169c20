import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADA, CONTROL, type ControlGateway, controlGateway, GRACE, type Sent } from '../../../test/support/control-gateway.ts';

type Listed = { readonly id: string; readonly subject: string; readonly isCurrent: boolean };

let gateway: ControlGateway;
beforeAll(async () => {
  gateway = await controlGateway();
});
afterAll(() => gateway.close());

async function signIn(who: Record<string, unknown>) {
  const { cookie } = await gateway.signIn(who);
  const call = (path: string, sent: Sent = {}) =>
    gateway.send(`/api/v1/${path}`, { ...sent, headers: { cookie, origin: CONTROL, ...sent.headers } });
  const mine = (await call('sessions')).json() as readonly Listed[];
  return { call, cookie, id: mine.find(({ isCurrent }) => isCurrent)?.id ?? '', mine };
}

/** A call for a token, of which all but the end of the body is sent. */
function heldBody(cookie: string) {
  const body = '{"label":"late"}';
  const headers = { host: new URL(CONTROL).host, cookie, origin: CONTROL, 'content-type': 'application/json' };
  const sent = request({ port: gateway.port, method: 'POST', path: '/api/v1/tokens', headers });
  const status = new Promise<number>((resolve, reject) => {
    sent.on('error', reject);
    sent.on('response', (answer) => resolve(answer.resume().statusCode ?? 0));
  });
  // Its caller has been found.
  const isSent = new Promise<void>((resolve) => {
    sent.write(body.slice(0, 4), () => setTimeout(resolve, 50));
  });
  return { status, isSent, finish: () => sent.end(body.slice(4)) };
}

describe('sessions', () => {
  it('are listed to their owner without any right, the own one marked', async () => {
    const first = await signIn(ADA);
    const second = await signIn(ADA);
    expect(second.mine.map(({ id, isCurrent }) => [id, isCurrent])).toEqual([
      [first.id, false],
      [second.id, true],
    ]);
    expect(second.mine[0]).toEqual({
      id: first.id,
      subject: 'user:ada@acme.example',
      source: 'okta',
      origins: [CONTROL],
      authenticatedAtMs: expect.any(Number),
      idleEndsAtMs: expect.any(Number),
      endsAtMs: expect.any(Number),
      isCurrent: false,
    });
    expect((await second.call('sessions?subject=user:ada@acme.example')).json()).toHaveLength(2);
  });

  it('are ended by their owner, on record, and a token of the same person does as well', async () => {
    const stolen = await signIn(ADA);
    const ada = await signIn(ADA);
    const made = (await ada.call('tokens', { method: 'POST', body: {} })).json() as { token: string };
    const headers = { authorization: `Bearer ${made.token}` };
    const listed = (await gateway.send('/api/v1/sessions', { headers })).json() as readonly Listed[];
    expect(listed.filter(({ isCurrent }) => isCurrent).map(({ id }) => id)).toEqual([ada.id]);
    expect((await gateway.send(`/api/v1/sessions/${stolen.id}`, { method: 'DELETE', headers })).status).toBe(204);
    expect(gateway.record.events.at(-1)).toMatchObject({ type: 'session.ended', detail: { session: stolen.id } });
    expect(gateway.record.decisions().at(-1)).toMatchObject({
      operation: 'session.end',
      decision: { verdict: 'allow', code: 'OWN', requests: [{ resource: `fairlead/sessions/${stolen.id}` }] },
    });
    expect((await stolen.call('whoami')).status).toBe(401);
    expect((await ada.call('whoami')).status).toBe(200);
    expect((await ada.call(`sessions/${ada.id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await ada.call('whoami')).status).toBe(401);
    // A token outlives the sign-out of the browser that made it; `revoke --session` ends both.
    expect((await gateway.send('/api/v1/whoami', { headers })).status).toBe(200);
  });

  it('that end, or whose person is revoked, take the calls with them whose body has not all come', async () => {
    const ada = await signIn(ADA);
    const slow = heldBody(ada.cookie);
    await slow.isSent;
    const before = gateway.record.events.length;
    expect((await ada.call(`sessions/${ada.id}`, { method: 'DELETE' })).status).toBe(204);
    slow.finish();
    expect(await slow.status).toBe(401);
    const again = await signIn(ADA);
    const other = heldBody(again.cookie);
    await other.isSent;
    await gateway.identity.revocations.revoke({ session: again.id, by: 'user:root' });
    other.finish();
    expect(await other.status).toBe(401);
    expect(gateway.record.events.slice(before).filter(({ type }) => type === 'token.created')).toEqual([]);
    expect(gateway.record.decisions().at(-1)).not.toMatchObject({ operation: 'token.create' });
  });

  it('of others are shown and ended by the right to that alone', async () => {
    const ada = await signIn(ADA);
    const grace = await signIn(GRACE);
    for (const query of ['subject=user:grace@acme.example', 'subject=*']) {
      expect((await ada.call(`sessions?${query}`)).status).toBe(403);
    }
    expect((await ada.call(`sessions/${grace.id}`, { method: 'DELETE' })).json()).toMatchObject({ status: 403, code: 'NO_RULE' });
    expect((await grace.call('whoami')).status).toBe(200);
    const all = (await grace.call('sessions?subject=*')).json() as readonly Listed[];
    expect(all.map(({ id }) => id)).toEqual(expect.arrayContaining([ada.id, grace.id]));
    const cut: unknown[] = [];
    const stop = gateway.identity.revocations.onRevoked((isRevoked) => cut.push(isRevoked));
    expect((await grace.call(`sessions/${ada.id}`, { method: 'DELETE' })).status).toBe(204);
    stop();
    expect(cut).toHaveLength(1);
    expect((await ada.call('whoami')).status).toBe(401);
  });

  it('that are not there are a 404 for those who may, and tell others nothing', async () => {
    const ada = await signIn(ADA);
    const grace = await signIn(GRACE);
    for (const id of ['a'.repeat(64), 'x', '..%2f']) {
      expect((await grace.call(`sessions/${id}`, { method: 'DELETE' })).status).toBeGreaterThanOrEqual(400);
    }
    expect((await grace.call(`sessions/${'a'.repeat(64)}`, { method: 'DELETE' })).json()).toMatchObject({
      code: 'SESSION_UNKNOWN',
    });
    expect((await ada.call(`sessions/${'a'.repeat(64)}`, { method: 'DELETE' })).json()).toMatchObject({ code: 'NO_RULE' });
  });
});

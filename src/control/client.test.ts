import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ADA, CONTROL, type ControlGateway, controlGateway, GRACE, POLICY, person } from '../../test/support/control-gateway.ts';
import { createControlClient } from './client.ts';

let gateway: ControlGateway;
beforeAll(async () => {
  gateway = await controlGateway();
});
afterAll(() => gateway.close());

/** `fetch` to the test's own server, which stands for the public address. */
const fetched: typeof fetch = async (input, init) => {
  const { pathname, search } = new URL(String(input));
  const answer = await gateway.send(`${pathname}${search}`, {
    method: init?.method ?? 'GET',
    headers: init?.headers as Record<string, string>,
    ...(typeof init?.body === 'string' ? { body: init.body } : {}),
  });
  const headers = { 'content-type': String(answer.headers['content-type'] ?? '') };
  return new Response(answer.status === 204 ? null : answer.text, { status: answer.status, headers });
};

async function clientOf(who: Record<string, unknown>) {
  const { cookie } = await gateway.signIn(who);
  const made = await gateway.send('/api/v1/tokens', { method: 'POST', headers: { cookie, origin: CONTROL }, body: {} });
  const { token } = made.json() as { token: string };
  return createControlClient({ origin: CONTROL, token: async () => token, fetch: fetched });
}

const answering = (make: () => Response | Promise<Response>) =>
  createControlClient({ origin: CONTROL, fetch: async () => make() });

describe('the client', () => {
  it('does over the API what its methods say', async () => {
    const client = await clientOf(GRACE);
    expect(await client.whoami()).toMatchObject({ subject: 'user:grace@acme.example', administrator: true });
    expect(await client.targets()).toHaveLength(1);
    const { revision } = await client.policy();
    expect(await client.checkPolicy({ files: [POLICY] })).toMatchObject({ activatable: true, revision });
    expect(await client.applyPolicy({ files: [POLICY], expected: revision })).toMatchObject({ applied: true });
    const made = await client.createToken({ target: 'web', label: 'ci' });
    expect(await client.tokens()).toContainEqual(expect.objectContaining({ id: made.id }));
    await client.revokeToken(made.id);
    const id = await gateway.decided(person('ada@acme.example', ['data']), ['secret']);
    expect((await client.searchDecisions({ target: 'web', sinceMs: 0, decisionId: undefined })).entries).toHaveLength(1);
    expect(await client.explain(id)).toMatchObject({ form: 'full', entry: { id } });
    expect(await client.queryAccess({ action: 'http.get', resource: 'web/x' })).toMatchObject({ verdict: 'allow' });
    await client.revoke({ subject: 'user:mallory@acme.example', block: true });
    expect(await client.revocations()).toContainEqual(
      expect.objectContaining({ value: 'user:mallory@acme.example', block: true }),
    );
    await client.lift('user:mallory@acme.example');
    await client.logout();
    await expect(client.whoami()).rejects.toMatchObject({ status: 401 });
  });

  it('throws the API’s own problem, with its code, sentence and decision id', async () => {
    const client = await clientOf(ADA);
    const thrown = await client.policy().catch((error: unknown) => error);
    const id = gateway.record.decisions().at(-1)?.id;
    expect(thrown).toMatchObject({ name: 'Problem', code: 'NO_RULE', kind: 'denied', status: 403, decisionId: id });
    expect(String(thrown)).toContain(id);
  });

  it('tells a gateway that does not answer from one that speaks another language', async () => {
    await expect(answering(() => Promise.reject(new TypeError('refused'))).whoami()).rejects.toMatchObject({
      code: 'GATEWAY_UNREACHABLE',
    });
    for (const text of ['<html>', '[]', '{"code":1}', '']) {
      await expect(answering(() => new Response(text, { status: 502 })).whoami()).rejects.toMatchObject({
        code: 'GATEWAY_ANSWER_INVALID',
      });
    }
  });

  it('waits no longer than its deadline', async () => {
    const client = createControlClient({
      origin: CONTROL,
      timeoutMs: 30,
      fetch: (_input, init) =>
        new Promise((_resolve, reject) => init?.signal?.addEventListener('abort', () => reject(init.signal?.reason))),
    });
    await expect(client.whoami()).rejects.toMatchObject({ code: 'GATEWAY_UNREACHABLE' });
  });

  it('sends no token in the clear beyond this machine', () => {
    expect(() => createControlClient({ origin: 'http://access.acme.example' })).toThrow(/TLS/);
    expect(() => createControlClient({ origin: 'http://127.0.0.1:8444' })).not.toThrow();
  });
});

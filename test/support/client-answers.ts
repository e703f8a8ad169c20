import { expect } from 'vitest';
import type { AtWork } from './client-situations.ts';
import type { ClientStage } from './client-stage.ts';

const SENTENCE =
  /^`user:vic@acme\.example` may not `prefect\.deployment\.run` on .*: no rule allows it \(decision [0-9a-f-]{36}\)$/;

/** A test for each row of the table of answers in docs/reference/prefect.md, by its name. */
export const ANSWERS: Readonly<Record<string, (stage: ClientStage, clients: AtWork) => Promise<void>>> = {
  async hidden({ gateway, server }) {
    const token = await gateway.person('zoe', ['visitors']);
    for (const path of ['/deployments/name/clients/nightly', '/variables/name/clients', '/work_pools/clients']) {
      const hidden = await gateway.api(token, 'GET', path);
      const missing = await server.api('GET', path.replace(/[^/]+$/, 'missing'));
      expect([hidden.status, hidden.text.replace('clients', 'missing')], path).toEqual([404, missing.text]);
    }
  },

  async refused({ gateway, deploymentId }) {
    const token = await gateway.person('vic', ['viewers']);
    const { status, body } = await gateway.api(token, 'POST', `/deployments/${deploymentId}/create_flow_run`, {});
    expect([status, body]).toEqual([403, { detail: expect.stringMatching(SENTENCE) }]);
  },

  async polled({ gateway, token }) {
    const unpolled = await token('unpolled');
    const polled = await gateway.api(unpolled, 'POST', '/work_pools/clients/get_scheduled_flow_runs', {});
    expect([polled.status, polled.text]).toEqual([200, '[]']);
    const beaten = await gateway.api(await token('nobody'), 'POST', '/work_pools/clients/workers/heartbeat', { name: 'nobody' });
    expect([beaten.status, beaten.text]).toEqual([204, '']);
  },

  async held({ gateway, token, way }) {
    const asks: readonly (readonly [string, () => Promise<void>])[] = [
      [await token('late', -60), async () => {}],
      [await token('unpolled'), () => way.down()],
    ];
    for (const [credential, before] of asks) {
      await before();
      const held = await gateway.api(credential, 'GET', '/work_pools/clients');
      expect([held.status, held.body]).toEqual([503, { detail: expect.any(String) }]);
      expect([held.headers.get('prefect-maintenance'), held.headers.get('retry-after')]).toEqual(['true', '2']);
    }
    await way.up();
  },

  async foreign({ gateway }, { worker }) {
    const forged = await gateway.api('forged', 'POST', '/work_pools/clients/get_scheduled_flow_runs', {});
    expect([forged.status, forged.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
    await gateway.admin.revoke({ subject: 'workload:clients/away' });
    const ended = await worker.exited;
    expect(ended.code).not.toBe(0);
    expect(ended.output).toContain("Client error '401 Unauthorized'");
  },

  async csrf({ gateway }) {
    const answer = await gateway.api(await gateway.person('nobody'), 'GET', '/csrf-token?client=x');
    expect([answer.status, answer.body]).toEqual([422, { detail: 'CSRF protection is disabled.' }]);
  },

  async settings({ gateway, server }) {
    const whole = await server.api('GET', '/admin/settings');
    expect(whole.text).toContain('"database"');
    for (const groups of [[], ['operators']]) {
      const trimmed = await gateway.api(await gateway.person('someone', groups), 'GET', '/admin/settings');
      expect(trimmed.status).toBe(200);
      expect(trimmed.text.length).toBeLessThan(whole.text.length / 4);
      expect(trimmed.text).not.toContain('"database"');
    }
  },
};

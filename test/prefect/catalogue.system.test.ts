import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { PREFECT_CATALOGUE } from '../../src/targets/prefect/catalogue.ts';
import { API_ROUTES } from '../../src/targets/prefect/routes.ts';
import type { PrefectServer } from '../support/prefect.ts';
import { describeWithPrefect, sharedServer, theEnvironment } from '../support/with-prefect.ts';

describeWithPrefect('the catalogue of the pinned Prefect', () => {
  let server: PrefectServer;
  beforeAll(async () => {
    server = await sharedServer();
  });

  const idsOf = (kind: 'operations' | 'sockets'): readonly string[] =>
    API_ROUTES.map(({ id }) => id).filter((id) => id.startsWith('WS ') === (kind === 'sockets'));

  it('is that of the version that runs', async () => {
    expect((await server.api('GET', '/admin/version')).body).toBe(PREFECT_CATALOGUE.version);
  });

  it("holds the live server's 188 operations and no other", async () => {
    const answer = await fetch(`${server.url}/openapi.json`);
    const { paths } = (await answer.json()) as { paths: Record<string, Record<string, unknown>> };
    const live = Object.entries(paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path.replace(/^\/api(?=\/)/, '')}`),
    );
    expect(live).toHaveLength(188);
    expect(sorted(idsOf('operations'))).toEqual(sorted(live));
  });

  it('holds the five sockets that the installed package declares', () => {
    const [folder] = globSync(join(theEnvironment().folder, 'lib/python3*/site-packages/prefect/server/api'));
    const declared = globSync(join(folder ?? '', '**/*.py')).flatMap((file) => {
      const source = readFileSync(file, 'utf8');
      const prefix = /Router\(\s*prefix="([^"]*)"/.exec(source)?.[1] ?? '';
      return [...source.matchAll(/\.websocket\(\s*"([^"]*)"/g)].map(([, path]) => `WS ${prefix}${path}`);
    });
    expect(declared).toHaveLength(5);
    expect(sorted(idsOf('sockets'))).toEqual(sorted(declared));
  });
});

/** What a parameter is called is the server's own affair. */
function sorted(ids: readonly string[]): readonly string[] {
  return ids.map((id) => id.replace(/\{[^}]*\}/g, '{}')).sort();
}

import type { Catalogue, MethodEntry } from '../../core/catalogue.ts';
import { ACTIONS } from './actions.ts';
import { requestSchema } from './request-attributes.ts';
import { BUNDLES, IMPLIED } from './roles.ts';
import { ROUTES, type Route } from './routes.ts';

/** Prefect's whole vocabulary: every operation and socket of the pinned version, what each asks for, and the roles. */
export const PREFECT_CATALOGUE: Catalogue = {
  kind: 'prefect',
  version: '3.9.1',
  actions: ACTIONS,
  methods: ROUTES.map(methodOf),
  bundles: BUNDLES,
  implied: IMPLIED,
};

function methodOf(route: Route): MethodEntry {
  return {
    id: route.id,
    title: route.title,
    class: route.class,
    body: route.body,
    actions: route.actions,
    request: requestSchema(route.id),
  };
}

import type { JsonValue } from '../../wire/call.ts';
import { routeById } from './routes.ts';

/**
 * What the server answers to a list or an aggregate when there is nothing, in the shape of that route; undefined for every
 * other route. Prefect 3.9.1, as its running server answers.
 */
export function emptyAnswer(operationId: string): JsonValue | undefined {
  if (Object.hasOwn(OF_ROUTE, operationId)) return OF_ROUTE[operationId];
  const kind = routeById(operationId).empty;
  switch (kind) {
    case undefined:
      return undefined;
    case 'list':
      return [];
    case 'count':
      return 0;
    case 'nothing':
      return null;
    case 'page':
      return { results: [], count: 0, limit: 200, pages: 0, page: 1 };
    case 'events':
      return { events: [], total: 0, next_page: null };
    default:
      return kind satisfies never;
  }
}

/** Routes whose answer is keyed: by the ids that the body names, by state, or by name. */
const OF_ROUTE: Readonly<Record<string, JsonValue>> = {
  // Without it the page of blocks is an error page.
  'GET /admin/storage': { default_result_storage_block_id: null },
  'POST /ui/flow_runs/count-task-runs': {},
  'POST /ui/flows/count-deployments': {},
  'POST /ui/flows/next-runs': {},
  'POST /ui/task_runs/count': {
    COMPLETED: 0,
    PENDING: 0,
    RUNNING: 0,
    FAILED: 0,
    CANCELLED: 0,
    CRASHED: 0,
    PAUSED: 0,
    CANCELLING: 0,
    SCHEDULED: 0,
  },
};

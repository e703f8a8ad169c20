import type { AccessRequest, Resource } from '../../../core/access.ts';
import type { Call, FrameVerdict, SocketPlan } from '../../target.ts';
import { type EventScope, eventScope } from './event-scope.ts';
import { isObject, MAX_CONTROL_BYTES, parseFrame } from './frame.ts';
import type { SocketContext } from './objects.ts';
import { asked, onlyOnce } from './plan-parts.ts';

/** `/events/out`: one filter says what the client will get; it is decided once, and the server keeps to it. */
export function eventsOutFrames(call: Call, context: SocketContext): Pick<SocketPlan, 'maxMessageBytes' | 'fromClient'> {
  const isFirst = onlyOnce();
  return {
    maxMessageBytes: MAX_CONTROL_BYTES,
    async fromClient(text): Promise<FrameVerdict> {
      const frame = parseFrame(text, MAX_CONTROL_BYTES);
      const filter = frame['filter'];
      if (!isFirst() || frame['type'] !== 'filter' || !isObject(filter)) {
        return { kind: 'close', code: 1002, reason: "Expected 'filter' message" };
      }
      return asked(await requestsFor(eventScope(filter), call.operation.id, context), call.operation.id);
    },
  };
}

/** Also for the history of events, which is read by the same filter. */
export async function requestsFor(scope: EventScope, method: string, context: SocketContext): Promise<readonly AccessRequest[]> {
  const attributes = { method };
  const everything: AccessRequest = {
    action: 'prefect.event.list',
    resource: { path: [context.name, 'events'], attributes: {} },
    attributes,
  };
  switch (scope.kind) {
    case 'all':
      return [everything];
    case 'names':
      return scope.names.map((name) => onName(name, method, context));
    case 'runs':
      return await Promise.all(
        scope.ids.map(async (id): Promise<AccessRequest> => {
          const place = await context.objects.flowRun(id);
          // Nobody may wait for a run that is yet to be: its id would be a right to whatever run comes to have it.
          if (place === undefined) return everything;
          return { action: 'prefect.flow_run.read', resource: place.resource, continues: place.continues, attributes };
        }),
      );
    case 'pools': {
      const pools = await Promise.all(scope.ids.map((id) => context.objects.workPool(id)));
      const known = pools.filter((pool) => pool !== undefined);
      if (known.length === pools.length && scope.names.every((name) => WATCHED_EVENTS.has(name))) {
        return known.map(({ resource }) => ({ action: 'prefect.worker.connect', resource, attributes }));
      }
      return scope.names.map((name) => onName(name, method, context));
    }
    default:
      return scope satisfies never;
  }
}

/** What every worker, runner and run watches for; such an event tells which run of which deployment somebody stops, and no more. */
const WATCHED_EVENTS: ReadonlySet<string> = new Set(['prefect.flow-run.Cancelling', 'prefect.flow-run.Suspended']);

/** On `TARGET/events/NAME`. Names that every run watches need no more than the socket itself, so that no policy change deafens a run. */
function onName(name: string, method: string, context: SocketContext): AccessRequest {
  const resource: Resource = { path: [context.name, 'events', name.normalize('NFC')], attributes: {} };
  return WATCHED_EVENTS.has(name)
    ? { action: 'prefect.event.connect', resource, attributes: { method }, continues: ['any-flow-run'] }
    : { action: 'prefect.event.list', resource, attributes: { method } };
}

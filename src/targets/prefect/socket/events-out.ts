import type { AccessRequest, Resource } from '../../../core/access.ts';
import type { Call, FrameVerdict, SocketPlan } from '../../target.ts';
import { eventScope } from './event-scope.ts';
import { isObject, MAX_CONTROL_BYTES, parseFrame } from './frame.ts';
import type { SocketContext } from './objects.ts';
import { asked, onlyOnce } from './plan-parts.ts';

/** What a worker watches its pool for. */
const WORKER_EVENTS: ReadonlySet<string> = new Set(['prefect.flow-run.Cancelling', 'prefect.flow-run.Suspended']);

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
      const scope = eventScope(filter);
      const attributes = { method: call.operation.id };
      const everything: Resource = { path: [context.name, 'events'], attributes: {} };
      const requests: AccessRequest[] = [];
      switch (scope.kind) {
        case 'runs':
          for (const id of scope.ids) {
            const resource = await context.objects.flowRun(id);
            // Nobody may wait for a run that is yet to be: its id would be a right to whatever run comes to have it.
            if (resource === undefined) requests.push({ action: 'prefect.event.list', resource: everything, attributes });
            else requests.push({ action: 'prefect.flow_run.read', resource, attributes, continues: [`flow-run:${id}`] });
          }
          break;
        case 'pools': {
          const isWorkers = scope.names.every((name) => WORKER_EVENTS.has(name));
          for (const id of scope.ids) {
            const resource = await context.objects.workPool(id);
            if (isWorkers && resource !== undefined) requests.push({ action: 'prefect.worker.connect', resource, attributes });
            else requests.push(...onNames(scope.names, context, attributes));
          }
          break;
        }
        case 'names':
          requests.push(...onNames(scope.names, context, attributes));
          break;
        case 'all':
          requests.push({ action: 'prefect.event.list', resource: everything, attributes });
          break;
        default:
          return scope satisfies never;
      }
      return asked(requests, call.operation.id);
    },
  };
}

/** A right of its own for a name: `TARGET/events/prefect.flow-run.Cancelling` is little, `TARGET/events/**` is all. */
function onNames(names: readonly string[], context: SocketContext, attributes: AccessRequest['attributes']): AccessRequest[] {
  return names.map((name) => ({
    action: 'prefect.event.list',
    resource: { path: [context.name, 'events', name], attributes: {} },
    attributes,
  }));
}

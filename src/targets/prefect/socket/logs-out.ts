import type { AccessRequest } from '../../../core/access.ts';
import type { JsonObject } from '../../../wire/call.ts';
import type { Call, FrameVerdict, SocketPlan } from '../../target.ts';
import { isObject, MAX_CONTROL_BYTES, parseFrame, textList } from './frame.ts';
import { canonicalUuid, type SocketContext } from './objects.ts';
import { asked, onlyOnce } from './plan-parts.ts';

const MAX_LISTED = 100;

/** `/logs/out`: log lines of the runs that the one filter names, or of all. */
export function logsOutFrames(call: Call, context: SocketContext): Pick<SocketPlan, 'maxMessageBytes' | 'fromClient'> {
  const isFirst = onlyOnce();
  return {
    maxMessageBytes: MAX_CONTROL_BYTES,
    async fromClient(text): Promise<FrameVerdict> {
      const frame = parseFrame(text, MAX_CONTROL_BYTES);
      const filter = frame['filter'];
      if (!isFirst() || frame['type'] !== 'filter' || !isObject(filter)) {
        return { kind: 'close', code: 1002, reason: "Expected 'filter' message" };
      }
      const attributes = { method: call.operation.id };
      const requests: AccessRequest[] = [];
      for (const id of (await runsOf(filter, context)) ?? [undefined]) {
        const place = id === undefined ? undefined : await context.objects.flowRun(id);
        if (place === undefined) {
          requests.push({ action: 'prefect.log.list', resource: { path: [context.name, 'logs'], attributes: {} }, attributes });
        } else requests.push({ action: 'prefect.log.read', resource: place.resource, continues: place.continues, attributes });
      }
      return asked(requests, call.operation.id);
    },
  };
}

/** The flow runs that a filter is bound to; undefined when it is not. Either list alone bounds it, unless it says `or_`. */
async function runsOf(filter: JsonObject, context: SocketContext): Promise<readonly (string | undefined)[] | undefined> {
  const operator = filter['operator'] ?? 'and_';
  if (operator !== 'and_') return undefined;
  const flowRuns = idList(filter, 'flow_run_id');
  if (flowRuns !== undefined) return flowRuns;
  const taskRuns = idList(filter, 'task_run_id');
  if (taskRuns === undefined) return undefined;
  const owners: (string | undefined)[] = [];
  for (const id of taskRuns) owners.push((await context.objects.flowRunOfTask(id)) ?? undefined);
  return [...new Set(owners)];
}

function idList(filter: JsonObject, field: string): readonly string[] | undefined {
  const part = filter[field];
  const texts = isObject(part) ? textList(part['any_']) : undefined;
  if (texts === undefined || texts.length === 0 || texts.length > MAX_LISTED) return undefined;
  const ids = texts.map(canonicalUuid).filter((id) => id !== undefined);
  return ids.length === texts.length ? [...new Set(ids)] : undefined;
}

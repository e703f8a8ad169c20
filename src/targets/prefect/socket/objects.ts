import type { TargetContext } from '../../target.ts';
import type { Place, Places } from '../places.ts';

/**
 * Where the objects stand that frames name by id. Undefined: the server says that there is no such object. Each rejects with a
 * Problem of kind `fault` when the server does not say.
 */
export interface SocketObjects {
  /** `TARGET/deployments/FLOW/NAME/runs/ID`, or `TARGET/flows/FLOW/runs/ID`. */
  flowRun(id: string): Promise<Place | undefined>;
  /** The flow run that a task run belongs to; null when it belongs to none. */
  flowRunOfTask(taskRunId: string): Promise<string | null | undefined>;
  /** `TARGET/work-pools/POOL`. */
  workPool(id: string): Promise<Place | undefined>;
  workPoolNamed(name: string): Place;
}

export interface SocketContext extends TargetContext {
  readonly objects: SocketObjects;
}

/** Frames come often and are decided one by one, so what was said half a minute ago will do. */
export function socketObjects(places: Places): SocketObjects {
  return {
    flowRun: (id) => places.run(id, 'recent'),
    async flowRunOfTask(taskRunId) {
      const task = await places.names.get('taskRun', taskRunId, 'recent');
      return task === undefined ? undefined : (task.flowRunId ?? null);
    },
    async workPool(id) {
      const pool = await places.names.get('workPool', id, 'recent');
      return pool === undefined ? undefined : places.pool(pool.name);
    },
    workPoolNamed: (name) => places.pool(name),
  };
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** A UUID in its canonical lower-case form; the server also reads other spellings, which nobody sends. */
export function canonicalUuid(text: string): string | undefined {
  return UUID.test(text) ? text.toLowerCase() : undefined;
}

/** Id of `prefect.flow-run.UUID` and the like. */
export function objectId(resourceId: string, kind: string): string | undefined {
  const prefix = `prefect.${kind}.`;
  return resourceId.startsWith(prefix) ? canonicalUuid(resourceId.slice(prefix.length)) : undefined;
}

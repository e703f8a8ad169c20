import type { Resource } from '../../../core/access.ts';
import type { TargetContext } from '../../target.ts';

/**
 * Where the objects stand that frames name by id. Undefined: the server says that there is no such object. Each rejects with a
 * Problem of kind `fault` when the server does not say.
 */
export interface SocketObjects {
  /** `TARGET/deployments/FLOW/NAME/runs/ID`, or `TARGET/flows/FLOW/runs/ID`. */
  flowRun(id: string): Promise<Resource | undefined>;
  /** The flow run that a task run belongs to; null when it belongs to none. */
  flowRunOfTask(taskRunId: string): Promise<string | null | undefined>;
  /** `TARGET/work-pools/POOL`. */
  workPool(id: string): Promise<Resource | undefined>;
  workPoolByName(name: string): Promise<Resource | undefined>;
}

export interface SocketContext extends TargetContext {
  readonly objects: SocketObjects;
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

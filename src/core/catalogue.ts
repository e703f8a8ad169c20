import type { Action, OperationClass } from './access.ts';
import type { AttributeSchema } from './attribute.ts';

/** How strictly a method's body is read. `opaque`: no attribute of the body exists for conditions. */
export type BodyMode = 'none' | 'json' | 'opaque';

/** One way to call: `POST /deployments/{id}/create_flow_run`. `request.method` names it in conditions. */
export interface MethodEntry {
  readonly id: string;
  readonly title: string;
  readonly class: OperationClass;
  readonly body: BodyMode;
  /** Actions that a call of this method may ask for. */
  readonly actions: readonly Action[];
  /** `request.*` beside `method`. */
  readonly request: AttributeSchema;
}

export interface ActionEntry {
  readonly name: Action;
  readonly title: string;
  readonly class: OperationClass;
  /** Pattern of the resources it applies to, as `TARGET/…` text for docs: `prefect/deployments/FLOW/NAME`. */
  readonly on: string;
  /** Attributes of `resource.*` that every request for this action carries. */
  readonly resource: AttributeSchema;
  /** The nearest name in the system's own access model, for docs and later compilers. */
  readonly nearest?: string;
}

export interface BundleEntry {
  readonly name: string;
  readonly title: string;
  readonly actions: readonly Action[];
}

export interface ImpliedEntry {
  /** Whoever holds this … */
  readonly by: Action;
  /** … is granted that, on the same resource or below. */
  readonly action: Action;
}

/** A target kind's whole vocabulary, as data: drives validation, docs, the editor schema and forms. */
export interface Catalogue {
  readonly kind: string;
  /** Version of the system that the data was taken from. */
  readonly version: string;
  readonly actions: readonly ActionEntry[];
  readonly methods: readonly MethodEntry[];
  readonly bundles: readonly BundleEntry[];
  readonly implied: readonly ImpliedEntry[];
}

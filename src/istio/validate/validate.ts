import type { Diagnostic } from '../../core/diagnostic.ts';
import type { FieldPath, MeshModel, MeshObject, ObjectHead } from '../objects.ts';
import { DRY_RUN, GO_FALSE, GO_TRUE } from '../read/authorization-policy.ts';
import { pathText } from '../read/object-reader.ts';
import { peerAuthenticationFaults, requestAuthenticationFaults } from './authentication.ts';
import { policyFaults } from './policy.ts';

/** One thing that Istio's admission webhook says about an object: it rejects on an error, and lets pass with a warning. */
export interface ValidationFault {
  readonly severity: 'error' | 'warning';
  readonly code: ValidationCode;
  readonly path: FieldPath;
  readonly message: string;
  readonly help?: string;
}

/** One code per rule of Istio's `pkg/config/validation`, but the last of errors, which is stock Envoy's. */
export type ValidationCode =
  | 'ATTACHMENT_AMBIGUOUS'
  | 'SELECTOR_INVALID'
  | 'TARGET_REF_INVALID'
  | 'PROVIDER_INVALID'
  | 'RULES_MISSING'
  | 'RULE_PART_EMPTY'
  | 'VALUE_EMPTY'
  | 'IP_BLOCK_INVALID'
  | 'PORT_INVALID'
  | 'PATH_TEMPLATE_INVALID'
  | 'SERVICE_ACCOUNT_INVALID'
  | 'TRUST_DOMAIN_INVALID'
  | 'SOURCE_CONFLICT'
  | 'CONDITION_KEY_INVALID'
  | 'CONDITION_EMPTY'
  | 'CUSTOM_ATTRIBUTE'
  | 'ANNOTATION_INVALID'
  | 'JWT_RULE_INVALID'
  | 'JWKS_INVALID'
  | 'PORT_MTLS_INVALID'
  | 'PATH_TEMPLATE_UNLOADABLE'
  | 'SELECTOR_EMPTY'
  | 'DENY_ALL_TCP'
  | 'JWKS_PRIVATE';

/**
 * What Istio's webhook would say about the policies and authentications of a model. An error means that a cluster with the webhook
 * does not hold the object, so that evaluation "as compiled" answers for a cluster where it was bypassed.
 */
export function validateModel(model: MeshModel): readonly Diagnostic[] {
  const objects: readonly MeshObject[] = [...model.policies, ...model.requestAuthentications, ...model.peerAuthentications];
  return objects.flatMap(validateObject);
}

export function validateObject(object: MeshObject): readonly Diagnostic[] {
  return objectFaults(object).map((fault) => ({
    severity: fault.severity,
    code: fault.code,
    message: fault.message,
    ...object.placeOf(fault.path),
    path: pathText(fault.path),
    ...(fault.help === undefined ? {} : { help: fault.help }),
  }));
}

function objectFaults(object: MeshObject): readonly ValidationFault[] {
  const annotations = annotationFaults(object);
  // The webhook looks at an object only when its annotations are in order.
  if (annotations.length > 0) return annotations;
  switch (object.kind) {
    case 'AuthorizationPolicy':
      return policyFaults(object);
    case 'RequestAuthentication':
      return requestAuthenticationFaults(object);
    case 'PeerAuthentication':
      return peerAuthenticationFaults(object);
    default:
      return [];
  }
}

const RESERVED = ['internal.istio.io/webhook-always-reject', 'internal.istio.io/parent-namespace', 'internal.istio.io/parents'];
const OF_ISTIO: ReadonlySet<MeshObject['kind']> = new Set(['AuthorizationPolicy', 'RequestAuthentication', 'PeerAuthentication']);

function annotationFaults(object: MeshObject): readonly ValidationFault[] {
  if (!OF_ISTIO.has(object.kind)) return [];
  const dryRun = object.annotations[DRY_RUN];
  const message = dryRun === undefined ? undefined : dryRunFault(object, dryRun);
  if (message !== undefined) return [annotationFault(object, DRY_RUN, message)];
  const reserved = RESERVED.find((name) => object.annotations[name] !== undefined);
  return reserved === undefined ? [] : [annotationFault(object, reserved, `the annotation \`${reserved}\` is Istio's own`)];
}

function dryRunFault(object: MeshObject, text: string): string | undefined {
  if (object.kind !== 'AuthorizationPolicy') return `only an AuthorizationPolicy can have the annotation \`${DRY_RUN}\``;
  if (object.action !== 'ALLOW' && object.action !== 'DENY') return `a policy with action ${object.action} cannot be a dry run`;
  return GO_TRUE.has(text) || GO_FALSE.has(text) ? undefined : `\`${text}\` is no boolean: write \`true\` or \`false\``;
}

function annotationFault(_object: ObjectHead, name: string, message: string): ValidationFault {
  return { severity: 'error', code: 'ANNOTATION_INVALID', path: ['metadata', 'annotations', name], message };
}

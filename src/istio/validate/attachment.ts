import type { JsonObject } from '../../wire/call.ts';
import type { FieldPath, ObjectHead } from '../objects.ts';
import { asFields, fieldsAt, isObject, labelsAt, objectsAt, textAt, valueAt } from '../read/field.ts';
import type { ValidationFault } from './validate.ts';

/** `selector`, `targetRef` and `targetRefs`: at most one of them, and each well formed. */
export function attachmentFaults(object: ObjectHead): readonly ValidationFault[] {
  const spec = fieldsAt(asFields(object.raw), 'spec');
  const faults = [...selectorFaults(spec)];
  const legacy = valueAt(spec, 'targetRef');
  if (isObject(legacy)) faults.push(...targetRefFaults(legacy, ['spec', 'targetRef']));
  const refs = objectsAt(spec, 'targetRefs');
  for (const [index, ref] of refs.entries()) faults.push(...targetRefFaults(ref, ['spec', 'targetRefs', index]));
  const written = [isObject(valueAt(spec, 'selector')), isObject(legacy), refs.length > 0].filter(Boolean).length;
  if (written > 1) {
    const path = refs.length > 0 ? ['spec', 'targetRefs'] : ['spec', 'targetRef'];
    const message = 'only one of `selector`, `targetRef` and `targetRefs` can be set';
    faults.push({ severity: 'error', code: 'ATTACHMENT_AMBIGUOUS', path, message });
  }
  return faults;
}

export function selectorFaults(spec: JsonObject): readonly ValidationFault[] {
  const selector = valueAt(spec, 'selector');
  if (!isObject(selector)) return [];
  const labels = Object.entries(labelsAt(selector, 'matchLabels') ?? {});
  if (labels.length === 0) {
    const message = 'a selector without labels matches every workload';
    const help = 'leave `selector` out to mean the whole namespace';
    return [{ severity: 'warning', code: 'SELECTOR_EMPTY', path: ['spec', 'selector'], message, help }];
  }
  return labels.flatMap(([key, value]) => {
    const path = ['spec', 'selector', 'matchLabels', key];
    const fault = { severity: 'error', code: 'SELECTOR_INVALID', path } as const;
    const faults: ValidationFault[] = [];
    if (key === '') faults.push({ ...fault, message: 'a label needs a name' });
    if (`${key}${value}`.includes('*'))
      faults.push({ ...fault, message: 'a selector compares whole labels, `*` is no wildcard here' });
    return faults;
  });
}

/** `core` is another name of the core group. */
const TARGETS: ReadonlySet<string> = new Set([
  '/Service',
  'core/Service',
  'networking.istio.io/ServiceEntry',
  'gateway.networking.k8s.io/Gateway',
  'gateway.networking.k8s.io/GatewayClass',
]);

function targetRefFaults(ref: JsonObject, path: FieldPath): readonly ValidationFault[] {
  const fault = { severity: 'error', code: 'TARGET_REF_INVALID' } as const;
  const faults: ValidationFault[] = [];
  if (textAt(ref, 'name') === '') faults.push({ ...fault, path: [...path, 'name'], message: 'a target needs a name' });
  if (textAt(ref, 'namespace') !== '') {
    const message = 'a policy cannot target another namespace';
    faults.push({ ...fault, path: [...path, 'namespace'], message, help: 'put the policy into that namespace' });
  }
  const target = `${textAt(ref, 'group')}/${textAt(ref, 'kind')}`;
  if (!TARGETS.has(target)) {
    const message = `\`${target}\` is nothing that a policy can target`;
    const help =
      'targets are a Service (no group), a `networking.istio.io` ServiceEntry, and a `gateway.networking.k8s.io` Gateway or GatewayClass';
    faults.push({ ...fault, path: [...path, 'kind'], message, help });
  }
  return faults;
}

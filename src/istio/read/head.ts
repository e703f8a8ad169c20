import type { JsonObject, JsonValue } from '../../wire/call.ts';
import type { Attachment, FieldPath, ObjectHead, Place, TargetRef } from '../objects.ts';
import { asFields, fieldsAt, isObject, labelsAt, objectsAt, textAt, valueAt } from './field.ts';

/** One object as it was written, before its kind is read. */
export interface WrittenObject {
  readonly value: JsonObject;
  readonly placeOf: (path: FieldPath) => Place;
  /** For objects that name no namespace. */
  readonly defaultNamespace: string;
}

export function readHead(written: WrittenObject, isNamespaced: boolean): ObjectHead {
  const metadata = fieldsAt(written.value, 'metadata');
  const created = Date.parse(textAt(metadata, 'creationTimestamp'));
  return {
    name: textAt(metadata, 'name'),
    namespace: isNamespaced ? textAt(metadata, 'namespace') || written.defaultNamespace : '',
    labels: labelsAt(metadata, 'labels') ?? NO_LABELS,
    annotations: labelsAt(metadata, 'annotations') ?? NO_LABELS,
    created: Number.isNaN(created) ? undefined : created,
    placeOf: written.placeOf,
    raw: written.value,
  };
}

export function readAttachment(spec: JsonObject): Attachment {
  const legacy = valueAt(spec, 'targetRef');
  const refs = isObject(legacy) ? [legacy] : [];
  return { selector: readSelector(spec), targetRefs: [...objectsAt(spec, 'targetRefs'), ...refs].map(readTargetRef) };
}

/** `selector.matchLabels`; a selector without labels matches everything, an absent one is no selector. */
export function readSelector(spec: JsonObject): Attachment['selector'] {
  const selector = valueAt(spec, 'selector');
  return isObject(selector) ? (labelsAt(selector, 'matchLabels') ?? NO_LABELS) : undefined;
}

function readTargetRef(ref: JsonValue): TargetRef {
  const fields = asFields(ref);
  return {
    group: textAt(fields, 'group'),
    kind: textAt(fields, 'kind'),
    name: textAt(fields, 'name'),
    namespace: textAt(fields, 'namespace'),
  };
}

export const NO_LABELS: Readonly<Record<string, string>> = Object.freeze(Object.create(null));

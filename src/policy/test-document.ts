import type { AccessRequest } from '../core/access.ts';
import type { AttributeSchema, AttributeType, AttributeValue } from '../core/attribute.ts';
import type { Catalogue } from '../core/catalogue.ts';
import { nearestName } from '../core/diagnostic.ts';
import { parseTimestamp } from './condition/time.ts';
import type { PolicyTestCase, Vocabulary } from './port.ts';
import { OWN_TARGET, parseResourceText } from './resource-pattern.ts';
import type { RuleContext } from './rule-document.ts';
import { readTestCaller } from './test-caller.ts';
import { backticks, type YamlValue } from './yaml-document.ts';

/** Reads one item of a `PolicyTest`'s `spec.cases`. */
export function readTestCase(
  value: YamlValue,
  test: string,
  vocabulary: Vocabulary,
  context: RuleContext,
): PolicyTestCase | undefined {
  const fields = value.fields({ name: 'required', caller: 'required', request: 'required', now: 'optional', expect: 'required' });
  const name = fields?.get('name')?.string();
  const callerValue = fields?.get('caller');
  const caller = callerValue && readTestCaller(callerValue, vocabulary.sources);
  const requestValue = fields?.get('request');
  const request = requestValue && readRequest(requestValue, context);
  const nowValue = fields?.get('now');
  const now = nowValue && readTime(nowValue);
  const expect = fields?.get('expect')?.fields({ verdict: 'required', rule: 'optional', code: 'optional' });
  const verdict = expect?.get('verdict')?.choice(['allow', 'hold', 'deny']);
  const rule = expect?.get('rule')?.string();
  const code = expect?.get('code')?.string();
  if (name === undefined || caller === undefined || request === undefined || verdict === undefined) return undefined;
  return {
    ref: { file: value.file, line: value.mark.line, name: `${test}/${name}` },
    caller,
    requests: [request],
    ...(now === undefined ? {} : { now }),
    expect: { verdict, ...(rule === undefined ? {} : { rule }), ...(code === undefined ? {} : { code }) },
  };
}

function readRequest(value: YamlValue, context: RuleContext): AccessRequest | undefined {
  const fields = value.fields({ action: 'required', resource: 'required', attributes: 'optional', request: 'optional' });
  const actionValue = fields?.get('action');
  const resourceValue = fields?.get('resource');
  const action = actionValue?.string();
  const text = resourceValue?.string();
  if (actionValue === undefined || resourceValue === undefined || action === undefined || text === undefined) return undefined;
  if (!context.actions.actions.has(action)) {
    const near = nearestName(action, context.actions.actions);
    return actionValue.error('UNKNOWN_ACTION', `\`${action}\` is not an action`, { help: near && `did you mean \`${near}\`?` });
  }
  const path = parseResourceText(text);
  if (path === undefined)
    return resourceValue.error('BAD_RESOURCE', `\`${text}\` is not a resource`, {
      help: 'a test names one resource, without `*`',
    });
  const target = path[0] ?? '';
  const kind = target === OWN_TARGET ? OWN_TARGET : context.targets.get(target);
  if (kind === undefined) {
    const near = nearestName(target, [...context.targets.keys(), OWN_TARGET]);
    return resourceValue.error('BAD_RESOURCE', `\`${target}\` is not a target`, { help: near && `did you mean \`${near}\`?` });
  }
  const catalogue = context.catalogues.find((candidate) => candidate.kind === kind);
  const entry = catalogue?.actions.find((candidate) => candidate.name === action);
  const given = fields?.get('request');
  const method = readMethod(given, action, catalogue);
  const resource = readAttributes(fields?.get('attributes'), entry?.resource ?? {});
  const requestSchema = catalogue?.methods.find((candidate) => candidate.id === method)?.request ?? {};
  const request = readAttributes(given, {
    ...requestSchema,
    method: { type: { kind: 'string' }, title: 'the catalogue method' },
  });
  return { action, resource: { path, attributes: resource }, attributes: { ...request, method } };
}

/** The method that the case names, else the first by which the action can be asked for. */
function readMethod(given: YamlValue | undefined, action: string, catalogue: Catalogue | undefined): string {
  const methods = (catalogue?.methods ?? []).filter((method) => method.actions.includes(action)).map((method) => method.id);
  const named = given?.isMap === true ? given.entries()?.find((entry) => entry.name === 'method')?.value : undefined;
  const method = named?.string();
  if (named === undefined || method === undefined) return methods[0] ?? 'raw';
  if (methods.length > 0 && !methods.includes(method)) {
    const near = nearestName(method, methods);
    named.error('WRONG_VALUE', `\`${method}\` is not a method of \`${action}\``, { help: near && `did you mean \`${near}\`?` });
  }
  return method;
}

/** Values as the schema types them. Lists of a parsed body are present and empty when a case leaves them out, as in real calls. */
function readAttributes(value: YamlValue | undefined, schema: AttributeSchema): Readonly<Record<string, AttributeValue>> {
  const attributes: Record<string, AttributeValue> = Object.create(null);
  for (const [name, entry] of Object.entries(schema)) {
    if (entry.type.kind === 'list' && entry.optional !== true) attributes[name] = [];
  }
  for (const { name, key, value: given } of value?.entries() ?? []) {
    const entry = Object.hasOwn(schema, name) ? schema[name] : undefined;
    if (entry === undefined) {
      const near = nearestName(name, Object.keys(schema));
      const help =
        near === undefined ? `attributes are ${backticks(Object.keys(schema)) || 'none'}` : `did you mean \`${near}\`?`;
      key.error('UNKNOWN_ATTRIBUTE', `\`${name}\` is not an attribute of this action`, { help });
      continue;
    }
    const read = readTyped(given, entry.type);
    if (read !== undefined) attributes[name] = read;
  }
  return attributes;
}

function readTyped(value: YamlValue, type: AttributeType): AttributeValue | undefined {
  const scalar = value.scalar();
  switch (type.kind) {
    case 'dyn':
      return readUntyped(value);
    case 'timestamp':
      return readTime(value);
    case 'list': {
      const items = value.items()?.map((item) => readTyped(item, type.of));
      return items?.every((item) => item !== undefined) ? (items as AttributeValue[]) : undefined;
    }
    case 'map': {
      const entries = value.entries()?.map(({ name, value: item }) => [name, readTyped(item, type.of)] as const);
      return entries?.every(([, item]) => item !== undefined)
        ? Object.fromEntries(entries as [string, AttributeValue][])
        : undefined;
    }
    case 'double':
      if (typeof scalar === 'bigint' || typeof scalar === 'number') return Number(scalar);
      break;
    case 'int':
      if (typeof scalar === 'bigint') return scalar;
      break;
    case 'bool':
      if (typeof scalar === 'boolean') return scalar;
      break;
    case 'string':
    case 'duration':
      if (typeof scalar === 'string') return scalar;
      break;
    case 'null':
      if (scalar === null) return null;
      break;
    default:
      return type satisfies never;
  }
  return value.error('WRONG_TYPE', `this attribute is of type ${type.kind}`);
}

function readUntyped(value: YamlValue): AttributeValue | undefined {
  if (value.isList) return readTyped(value, { kind: 'list', of: { kind: 'dyn' } });
  if (value.isMap) return readTyped(value, { kind: 'map', of: { kind: 'dyn' } });
  return value.scalar() ?? null;
}

function readTime(value: YamlValue): Date | undefined {
  const text = value.string();
  if (text === undefined) return undefined;
  const time = parseTimestamp(text);
  if (time === undefined)
    return value.error('WRONG_VALUE', `\`${text}\` is not a time`, { help: 'write `2026-05-04T09:30:00Z`' });
  return new Date(Number(time.nanos / 1_000_000n));
}

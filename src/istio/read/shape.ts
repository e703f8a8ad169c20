import { nearestName } from '../../core/diagnostic.ts';
import type { JsonValue } from '../../wire/call.ts';
import type { FieldPath } from '../objects.ts';
import { isObject } from './field.ts';

/** What may stand at one place of an object. `null` stands for "absent" everywhere but in lists. */
export type Shape =
  | { readonly type: 'string' | 'boolean' | 'integer' | 'integerOrString' | 'any' }
  | { readonly type: 'word'; readonly words: readonly string[] }
  | { readonly type: 'list'; readonly of: Shape; readonly max?: number }
  | { readonly type: 'map'; readonly of: Shape }
  /** `isOpen`: fields that are not named are let pass unread. */
  | { readonly type: 'fields'; readonly fields: Readonly<Record<string, Shape>>; readonly isOpen: boolean };

export interface ShapeFault {
  readonly code: 'UNKNOWN_FIELD' | 'WRONG_TYPE' | 'WRONG_VALUE';
  readonly path: FieldPath;
  readonly message: string;
  readonly help?: string;
}

/** What does not fit, as the API server would refuse it by the schema of the kind. */
export function shapeFaults(value: JsonValue, shape: Shape): readonly ShapeFault[] {
  const faults: ShapeFault[] = [];
  check(value, shape, [], faults);
  return faults;
}

export const TEXT: Shape = { type: 'string' };
export const TEXTS: Shape = { type: 'list', of: TEXT };
export const LABELS: Shape = { type: 'map', of: TEXT };

export function closed(fields: Readonly<Record<string, Shape>>): Shape {
  return { type: 'fields', fields, isOpen: false };
}

export function open(fields: Readonly<Record<string, Shape>>): Shape {
  return { type: 'fields', fields, isOpen: true };
}

export function listOf(of: Shape, max?: number): Shape {
  return max === undefined ? { type: 'list', of } : { type: 'list', of, max };
}

/** One wrong file must not fill the screen. */
const MAX_FAULTS = 50;

function check(value: JsonValue, shape: Shape, path: FieldPath, faults: ShapeFault[]): void {
  if (value === null || faults.length >= MAX_FAULTS) return;
  if (shape.type === 'list') checkList(value, shape, path, faults);
  else if (shape.type === 'map') checkMap(value, shape, path, faults);
  else if (shape.type === 'fields') checkFields(value, shape, path, faults);
  else checkScalar(value, shape, path, faults);
}

function checkMap(value: JsonValue, shape: Extract<Shape, { type: 'map' }>, path: FieldPath, faults: ShapeFault[]): void {
  if (!isObject(value)) {
    faults.push(wrongType(value, wanted(shape), path));
    return;
  }
  for (const [name, item] of Object.entries(value)) check(item, shape.of, [...path, name], faults);
}

function checkList(value: JsonValue, shape: Extract<Shape, { type: 'list' }>, path: FieldPath, faults: ShapeFault[]): void {
  if (!Array.isArray(value)) {
    faults.push(wrongType(value, wanted(shape), path));
    return;
  }
  if (shape.max !== undefined && value.length > shape.max) {
    faults.push({ code: 'WRONG_VALUE', path, message: `the list has ${value.length} items, at most ${shape.max} are possible` });
  }
  for (const [index, item] of (value as readonly JsonValue[]).entries()) {
    if (item === null) faults.push(wrongType(item, wanted(shape.of), [...path, index]));
    else check(item, shape.of, [...path, index], faults);
  }
}

function checkFields(value: JsonValue, shape: Extract<Shape, { type: 'fields' }>, path: FieldPath, faults: ShapeFault[]): void {
  if (!isObject(value)) {
    faults.push(wrongType(value, wanted(shape), path));
    return;
  }
  for (const [name, item] of Object.entries(value)) {
    const field = Object.hasOwn(shape.fields, name) ? shape.fields[name] : undefined;
    if (field !== undefined) check(item, field, [...path, name], faults);
    else if (!shape.isOpen) faults.push(unknownField(name, shape.fields, path));
  }
}

function unknownField(name: string, fields: Readonly<Record<string, Shape>>, path: FieldPath): ShapeFault {
  const near = nearestName(name, Object.keys(fields));
  const names = Object.keys(fields).map((field) => `\`${field}\``);
  const help = near === undefined ? `fields are ${names.join(', ')}` : `did you mean \`${near}\`?`;
  return { code: 'UNKNOWN_FIELD', path: [...path, name], message: `\`${name}\` is not a field here`, help };
}

function checkScalar(value: JsonValue, shape: Shape, path: FieldPath, faults: ShapeFault[]): void {
  if (shape.type === 'word' && typeof value === 'string') {
    if (!shape.words.includes(value)) faults.push(wrongWord(value, shape.words, path));
  } else if (!fits(value, shape)) {
    faults.push(wrongType(value, wanted(shape), path));
  }
}

function fits(value: JsonValue, shape: Shape): boolean {
  if (shape.type === 'any') return true;
  if (shape.type === 'boolean') return typeof value === 'boolean';
  if (shape.type === 'integer') return Number.isInteger(value);
  return typeof value === 'string' || (shape.type === 'integerOrString' && Number.isInteger(value));
}

function wrongWord(value: string, words: readonly string[], path: FieldPath): ShapeFault {
  const near = nearestName(value, words);
  const help = near === undefined ? `it may be ${words.map((word) => `\`${word}\``).join(', ')}` : `did you mean \`${near}\`?`;
  return { code: 'WRONG_VALUE', path, message: `\`${value}\` is not possible here`, help };
}

function wrongType(value: JsonValue, want: string, path: FieldPath): ShapeFault {
  const fault = { code: 'WRONG_TYPE', path, message: `this must be ${want}, not ${nameOf(value)}` } as const;
  const isScalar = typeof value === 'number' || typeof value === 'boolean';
  return want === 'a string' && isScalar ? { ...fault, help: 'put it in quotes' } : fault;
}

function wanted(shape: Shape): string {
  const names: Readonly<Record<Shape['type'], string>> = {
    string: 'a string',
    word: 'a string',
    boolean: '`true` or `false`',
    integer: 'a whole number',
    integerOrString: 'a whole number or a string',
    any: 'a value',
    list: 'a list',
    map: 'a map',
    fields: 'a map',
  };
  return names[shape.type];
}

function nameOf(value: JsonValue): string {
  if (value === null) return 'empty';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'object') return 'a map';
  if (typeof value === 'boolean') return `\`${value}\``;
  return typeof value === 'number' ? `the number ${value}` : 'a string';
}

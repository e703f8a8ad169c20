import type { Leaf, StringTest } from '../matcher.ts';

/** One step of a pattern: exactly one character, or any number of one class. */
export type Step =
  | { readonly type: 'one'; readonly character: string; readonly ignoreCase: boolean }
  | { readonly type: 'oneOf'; readonly class: CharacterClass }
  | { readonly type: 'manyOf'; readonly class: CharacterClass };

export type CharacterClass = 'any' | 'noSlash' | 'pathCharacter' | 'pathOrSlash';

const PATH_CHARACTER = /[A-Za-z0-9!$%&'()*+,\-.:;=@_~]/;

export function isInClass(character: string, name: CharacterClass): boolean {
  switch (name) {
    case 'any':
      return true;
    case 'noSlash':
      return character !== '/';
    case 'pathCharacter':
      return PATH_CHARACTER.test(character);
    case 'pathOrSlash':
      return character === '/' || PATH_CHARACTER.test(character);
  }
}

/** The strings that a leaf on one text holds for, as alternatives; undefined when it is not on text. */
export function patternsOf(leaf: Leaf): readonly (readonly Step[])[] | undefined {
  const any: Step = { type: 'manyOf', class: 'any' };
  const some: readonly Step[] = [{ type: 'oneOf', class: 'any' }, any];
  if (!('test' in leaf)) return undefined;
  const { test } = leaf;
  switch (test.op) {
    case 'exact':
      return [literal(test.value, test.ignoreCase)];
    case 'prefix':
      return [[...literal(test.value, test.ignoreCase), any]];
    case 'suffix':
      return [[any, ...literal(test.value, test.ignoreCase)]];
    case 'nonEmpty':
      return [some];
    case 'present':
      return [[any]];
    case 'spiffeSuffix':
      return [[...literal(SPIFFE), any, ...literal(test.suffix)]];
    case 'namespace':
      return [[any, ...literal('/ns/'), ...starred(test.value, 'any', true), ...literal('/'), any]];
    case 'serviceAccount': {
      const head = [...literal(SPIFFE), ...some, ...literal(`/ns/${test.namespace}/`)];
      const account = literal(`sa/${test.name}`);
      const tail = [...literal('/'), ...some];
      return [
        [...head, ...account],
        [...head, ...account, ...tail],
        [...head, ...some, ...literal('/'), ...account],
        [...head, ...some, ...literal('/'), ...account, ...tail],
      ];
    }
    case 'trustDomain': {
      if (test.value === '*') return [[...literal(SPIFFE), any]];
      return [[...literal(SPIFFE), ...starred(test.value, 'noSlash', false), ...literal('/'), any]];
    }
    case 'meshNamespace':
      return [[...MESH_START, ...segment(test.test), ...literal('/sa/'), ANY_SEGMENT]];
    case 'meshAccount':
      return [[...MESH_START, ...literal(`${test.namespace}/sa/${test.name}`)]];
    case 'template':
      return [templateSteps(test.template)];
  }
}

const SPIFFE = 'spiffe://';
const ANY_SEGMENT: Step = { type: 'manyOf', class: 'noSlash' };
const MESH_START: readonly Step[] = [...literal(SPIFFE), ANY_SEGMENT, ...literal('/ns/')];

/** A part between slashes. */
function segment(test: StringTest): readonly Step[] {
  switch (test.op) {
    case 'exact':
      return literal(test.value);
    case 'prefix':
      return [...literal(test.value), ANY_SEGMENT];
    case 'suffix':
      return [ANY_SEGMENT, ...literal(test.value)];
    case 'nonEmpty':
      return [{ type: 'oneOf', class: 'noSlash' }, ANY_SEGMENT];
    case 'present':
      return [ANY_SEGMENT];
  }
}

function literal(text: string, ignoreCase = false): readonly Step[] {
  return [...text].map((character) => ({ type: 'one', character, ignoreCase }));
}

/** Text with stars: each of them, or the first only. */
function starred(text: string, name: CharacterClass, all: boolean): readonly Step[] {
  const first = text.indexOf('*');
  if (first < 0) return literal(text);
  const rest = text.slice(first + 1);
  const tail = all ? starred(rest, name, all) : literal(rest);
  return [...literal(text.slice(0, first)), { type: 'manyOf', class: name }, ...tail];
}

function templateSteps(template: string): readonly Step[] {
  const segments = template.replaceAll('{*}', '*').replaceAll('{**}', '**').split('/');
  return segments.flatMap((segment, index) => {
    const slash = index === 0 ? [] : literal('/');
    if (segment === '*') {
      return [...slash, { type: 'oneOf', class: 'pathCharacter' } as const, { type: 'manyOf', class: 'pathCharacter' } as const];
    }
    if (segment === '**') return [...slash, { type: 'manyOf', class: 'pathOrSlash' } as const];
    return [...slash, ...literal(segment)];
  });
}

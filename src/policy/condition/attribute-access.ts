import { nearestName } from '../../core/diagnostic.ts';
import type { Facts } from './facts.ts';
import type { Scope } from './scope.ts';
import { DYN, type Fault, isSameType, type Type, type Value } from './value.ts';
import { FIXED, own, type Root, type Variant } from './variables.ts';

export type Access =
  | {
      readonly ok: true;
      readonly type: Type;
      readonly read: (scope: Scope) => Value | Fault;
      readonly has: (scope: Scope) => boolean;
    }
  | { readonly ok: false; readonly code: string; readonly message: string; readonly help?: string };

/** Checks `ROOT.NAME` against what every remaining variant carries. `guarded`: it stands inside `has()`. */
export function accessAttribute(root: Root, name: string, facts: Facts, guarded: boolean): Access {
  const full = `${root}.${name}`;
  const fixed = Object.hasOwn(FIXED[root], name) ? FIXED[root][name] : undefined;
  if (fixed !== undefined) {
    if (fixed.optional === true && !guarded && !facts.present.has(full)) {
      return fail('CONDITION_ATTRIBUTE', `\`${full}\` is not there for every caller`, `guard it with \`has(${full})\``);
    }
    const value = (scope: Scope) => fixed.read(scope.input);
    return {
      ok: true,
      type: fixed.type,
      read: (scope) => scope.attribute(full, fixed.type, value(scope)),
      has: (scope) => value(scope) !== undefined,
    };
  }
  if (root === 'caller' || root === 'peer') return unknownName(root, name, Object.keys(FIXED[root]));

  // Guards have left nothing: what stands here is never reached, and was reported where it was guarded.
  if (facts.variants.length === 0) return { ok: true, type: DYN, ...fromRequest(root, name, DYN) };
  const having = facts.variants.filter((variant) => Object.hasOwn(variant[root], name));
  if (having.length === 0) {
    const names = new Set(facts.variants.flatMap((variant) => Object.keys(variant[root])));
    return unknownName(root, name, [...Object.keys(FIXED[root]), ...names]);
  }
  if (!guarded && !facts.present.has(full)) {
    const lacking = facts.variants.find((variant) => variant[root][name] === undefined);
    if (lacking !== undefined) return missing(full, `does not exist for ${variantText(lacking, root)}`, root);
    const leaving = facts.variants.find((variant) => variant[root][name]?.optional === true);
    if (leaving !== undefined) return missing(full, `may be absent from ${variantText(leaving, root)}`, root);
  }
  const types = having.map((variant) => variant[root][name]?.type ?? DYN);
  const first = types[0] ?? DYN;
  const type = types.every((other) => isSameType(first, other)) ? first : DYN;
  return { ok: true, type, ...fromRequest(root, name, type) };
}

function fromRequest(
  root: 'resource' | 'request',
  name: string,
  type: Type,
): { read(scope: Scope): Value | Fault; has(scope: Scope): boolean } {
  const value =
    root === 'resource'
      ? (scope: Scope) => own(scope.input.request.resource.attributes, name)
      : (scope: Scope) => own(scope.input.request.attributes, name);
  const full = `${root}.${name}`;
  return { read: (scope) => scope.attribute(full, type, value(scope)), has: (scope) => value(scope) !== undefined };
}

function variantText(variant: Variant, root: Root): string {
  const method = variant.method === '' ? '' : `method \`${variant.method}\``;
  if (root === 'resource') return method === '' ? `action \`${variant.action}\`` : `action \`${variant.action}\` (${method})`;
  return method === '' ? `action \`${variant.action}\`` : `${method} of \`${variant.action}\``;
}

function missing(full: string, what: string, root: Root): Access {
  const guard = root === 'request' ? `\`has(${full})\` or a \`request.method ==\` test` : `\`has(${full})\``;
  return fail('CONDITION_ATTRIBUTE', `\`${full}\` ${what}`, `guard it with ${guard}`);
}

function unknownName(root: Root, name: string, names: readonly string[]): Access {
  const near = nearestName(name, names);
  const owner = root === 'caller' || root === 'peer' ? `\`${root}\`` : 'any listed action';
  const help =
    near === undefined
      ? `\`${root}\` has ${names.map((known) => `\`${known}\``).join(', ')}`
      : `did you mean \`${root}.${near}\`?`;
  return fail('CONDITION_ATTRIBUTE', `\`${root}.${name}\` is not an attribute of ${owner}`, help);
}

function fail(code: string, message: string, help: string): Access {
  return { ok: false, code, message, help };
}

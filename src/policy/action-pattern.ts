import type { Action } from '../core/access.ts';
import type { Catalogue } from '../core/catalogue.ts';
import { nearestName } from '../core/diagnostic.ts';
import type { ActionSet, Verb } from './port.ts';

/** What the catalogues name, indexed once per load. */
export interface ActionNames {
  readonly actions: ReadonlySet<Action>;
  readonly bundles: ReadonlyMap<string, readonly Action[]>;
}

/** All actions of all catalogues; `KIND.raw` belongs to each, whether it is listed or not. */
export function actionNames(catalogues: readonly Catalogue[]): ActionNames {
  const actions = new Set<Action>();
  const bundles = new Map<string, readonly Action[]>();
  for (const catalogue of catalogues) {
    for (const action of catalogue.actions) actions.add(action.name);
    actions.add(`${catalogue.kind}.raw`);
    for (const bundle of catalogue.bundles) bundles.set(bundle.name, bundle.actions);
  }
  return { actions, bundles };
}

export type ParsedAction =
  | { readonly ok: true; readonly names: readonly Action[]; readonly prefix?: string }
  | { readonly ok: false; readonly reason: string; readonly help?: string };

/**
 * Reads `prefect.deployment.run`, a bundle (`prefect.role.runner`), `prefect.deployment.*` or `*`.
 * In `can` a wildcard closes over the catalogue and leaves out what must be asked for by name; in `cannot` and `must` it is open:
 * everything below it matches, also what a later catalogue adds.
 */
export function parseAction(text: string, verb: Verb, known: ActionNames): ParsedAction {
  const bundle = known.bundles.get(text);
  if (bundle !== undefined) return { ok: true, names: bundle };
  if (known.actions.has(text)) return { ok: true, names: [text] };
  if (!text.includes('*')) return unknownAction(text, known);
  if (text !== '*' && !/^[^*]+\.\*$/.test(text)) {
    return { ok: false, reason: `\`${text}\` is not an action pattern: \`*\` may stand only as the whole last segment` };
  }
  const prefix = text.slice(0, -1);
  const below = [...known.actions].filter((name) => name.startsWith(prefix));
  if (below.length === 0) return unknownAction(text, known);
  if (verb !== 'can') return { ok: true, names: [], prefix };
  const names = below.filter((name) => !needsItsName(name, prefix));
  if (names.length > 0) return { ok: true, names };
  return {
    ok: false,
    reason: `\`${text}\` covers no action in \`can\``,
    help: `write ${below
      .slice(0, 3)
      .map((name) => `\`${name}\``)
      .join(', ')} out`,
  };
}

/** What `*` in a `can` never includes: raw routes, secrets, Vertex methods without a permission, and Fairlead itself. */
export function needsItsName(action: Action, prefix: string): boolean {
  const segments = action.split('.');
  const last = segments.at(-1);
  if (last === 'raw' || last === 'read_secret') return true;
  if (segments.length > 2 && segments[1] === 'method') return true;
  return action.startsWith('fairlead.') && !prefix.startsWith('fairlead.');
}

export function hasAction(set: ActionSet, action: Action): boolean {
  return set.names.has(action) || set.prefixes.some((prefix) => action.startsWith(prefix));
}

function unknownAction(text: string, known: ActionNames): ParsedAction {
  const near = nearestName(text, [...known.actions, ...known.bundles.keys()]);
  const reason = text.includes('*') ? `\`${text}\` matches no action` : `\`${text}\` is not an action`;
  return near === undefined ? { ok: false, reason } : { ok: false, reason, help: `did you mean \`${near}\`?` };
}

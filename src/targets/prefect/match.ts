import type { RequestHead } from '../../wire/call.ts';
import { queryValues } from '../../wire/query.ts';
import type { Operation } from '../target.ts';
import { mayBeTrue } from './bodies.ts';
import { API_ROUTES, RAW_ROUTE, type Route, routeById } from './routes.ts';
import { canonicalUuid } from './uuid.ts';

/**
 * Which operation is this? Segments are compared decoded, as the server does; a slash too many or too few at the end is the same
 * operation, to which the server redirects. Everything that is not exactly known is `raw`. Never throws.
 */
export function match(head: RequestHead): Operation {
  const { segments } = head.path;
  if (segments[0] !== 'api' || (segments.length === 1 && !head.path.trailingSlash)) return matchSite(head);
  const method = head.upgrade ? 'WS' : head.method;
  // A WebSocket is opened by GET alone; anything else that asks to be upgraded is not known.
  if (head.upgrade && head.method !== 'GET') return operationOf(RAW_ROUTE, {}, head);
  const rest = segments.slice(1);
  for (const route of candidates(method, rest)) {
    const params = paramsOf(route, rest);
    if (params !== undefined) return operationOf(route, params, head);
  }
  if (method === 'GET' && isDocs(rest)) return operationOf(routeById('GET docs'), {}, head);
  return operationOf(RAW_ROUTE, {}, head);
}

/** The web app answers every path outside `/api`, `/api` itself included. */
function matchSite(head: RequestHead): Operation {
  const { segments } = head.path;
  if (head.method !== 'GET' || head.upgrade) return operationOf(RAW_ROUTE, {}, head);
  if (segments.length === 1 && segments[0] === 'ui-settings') return operationOf(routeById('GET ui-settings'), {}, head);
  return operationOf(routeById(isDocs(segments) ? 'GET docs' : 'GET site'), {}, head);
}

function isDocs(segments: readonly string[]): boolean {
  const [first, second] = segments;
  if (segments.length === 1) return first === 'docs' || first === 'redoc' || first === 'openapi.json';
  if (segments.length === 2 && first === 'docs') return second === 'oauth2-redirect';
  return segments.length >= 2 && first === 'static';
}

/** Routes by method, number of segments and first segment; within a group fixed segments come before parameters. */
const INDEX: ReadonlyMap<string, readonly Route[]> = indexOf(API_ROUTES);

function indexOf(routes: readonly Route[]): Map<string, Route[]> {
  const index = new Map<string, Route[]>();
  for (const route of routes) {
    const key = keyOf(route.method, route.segments);
    index.set(key, [...(index.get(key) ?? []), route]);
  }
  const parameters = (route: Route): number => route.segments.filter(isParameter).length;
  for (const group of index.values()) group.sort((a, b) => parameters(a) - parameters(b));
  return index;
}

function keyOf(method: string, segments: readonly string[]): string {
  return `${method} ${segments.length} ${segments[0] ?? ''}`;
}

function candidates(method: string, segments: readonly string[]): readonly Route[] {
  return INDEX.get(keyOf(method, segments)) ?? [];
}

function isParameter(segment: string): boolean {
  return segment.startsWith('{');
}

/** The server takes only UUIDs for these; other text falls through to no route at all. */
const UUID_PARAMETERS: ReadonlySet<string> = new Set(['{id}', '{schedule_id}', '{lease_id}']);

function paramsOf(route: Route, segments: readonly string[]): Record<string, string> | undefined {
  const params: Record<string, string> = {};
  for (const [index, template] of route.segments.entries()) {
    const segment = segments[index] ?? '';
    if (!isParameter(template)) {
      if (template !== segment) return undefined;
      continue;
    }
    const value = UUID_PARAMETERS.has(template) ? canonicalUuid(segment) : segment;
    if (value === undefined) return undefined;
    params[template.slice(1, -1)] = value;
  }
  return params;
}

function operationOf(route: Route, params: Readonly<Record<string, string>>, head: RequestHead): Operation {
  return {
    id: route.id,
    class: route.class === 'secret' && !mayGiveSecrets(route, head) ? 'read' : route.class,
    body: route.body,
    params,
    upgrade: head.upgrade,
    identity: route.identity,
    ...(HOLDS.has(route.id) ? { holdsUpgrade: true } : {}),
  };
}

/** Its client tries once, and loses the history of its task runs when that is refused. */
const HOLDS: ReadonlySet<string> = new Set(['WS /events/in']);

/** A block that is read without its secrets is read like anything else. A body's word on it is not known yet. */
function mayGiveSecrets(route: Route, head: RequestHead): boolean {
  return route.body !== 'none' || queryValues(head.query, 'include_secrets').some((value) => mayBeTrue(value));
}

import type { Call, Classification, TargetContext } from '../target.ts';
import { HTTP_CATALOGUE } from './catalogue.ts';

/** One request: the method's action on `TARGET/SEGMENT…`. Nothing of the body is read. */
export function classifyHttp(call: Call, context: TargetContext): Classification {
  const { head, operation } = call;
  return {
    requests: [
      {
        action: ACTIONS.get(operation.id) ?? 'http.raw',
        resource: { path: [context.name, ...head.path.segments], attributes: {} },
        attributes: {
          method: operation.id,
          verb: head.method,
          host: head.host,
          path: head.path.text,
          query: queryMap(head.query),
        },
      },
    ],
  };
}

const ACTIONS: ReadonlyMap<string, string> = new Map(
  HTTP_CATALOGUE.methods.map((method) => [method.id, method.actions[0] ?? 'http.raw']),
);

/** Without a prototype, so that `__proto__` is a name like any other. */
function queryMap(query: readonly (readonly [string, string])[]): Readonly<Record<string, readonly string[]>> {
  const map: Record<string, string[]> = Object.create(null);
  for (const [name, value] of query) {
    const values = map[name];
    if (values === undefined) map[name] = [value];
    else values.push(value);
  }
  return map;
}

import type { Call, Classification, TargetContext } from '../target.ts';
import { HTTP_CATALOGUE } from './catalogue.ts';

/** One request: the method's action on `TARGET/SEGMENT…`. Nothing of the body is read. */
export function classifyHttp(call: Call, context: TargetContext): Classification {
  const { head, operation } = call;
  const entry = HTTP_CATALOGUE.methods.find((method) => method.id === operation.id);
  return {
    requests: [
      {
        action: entry?.actions[0] ?? 'http.raw',
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

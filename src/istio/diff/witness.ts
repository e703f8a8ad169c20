import type { JsonValue } from '../../wire/call.ts';
import type { RequestFacts, TokenFact } from '../facts.ts';
import type { Space } from './space.ts';
import { type TokenKind, WITNESS_TIME } from './token.ts';
import { jsonOf, namesOf, type Shape, type Value } from './value.ts';

/** A request whose attributes have the found values, and usual ones where nothing was found. */
export function factsOf(
  values: ReadonlyMap<string, Value>,
  { space, kind, transport }: { readonly space: Space; readonly kind: TokenKind; readonly transport: 'http' | 'tcp' },
): RequestFacts {
  const shape = (variable: string): Shape => (values.get(variable) ?? space.usual(variable)).shape;
  const isHttp = transport === 'http';
  const method = isHttp ? textIn(shape('header :method')) : '';
  const path = isHttp ? textIn(shape('path')) : '';
  const identity = shape('identity');
  const port = shape('port');
  const directIp = addressIn(shape('directIp'));
  const sni = shape('sni');
  return {
    transport,
    protocol: HTTP1_METHODS.test(method) && /^[\x21-\x7e]*$/.test(path) ? 'http/1.1' : 'h2',
    method,
    authority: isHttp ? textIn(shape('header :authority')) : '',
    path,
    headers: [...values].flatMap(([variable, value]) => headersIn(variable, value.shape)),
    tokens: tokensOf(values, kind),
    peer: identity.type === 'peer' ? identity.peer : undefined,
    sni: sni.type === 'text' ? sni.text : undefined,
    directIp,
    remoteIp: values.has('remoteIp') ? addressIn(shape('remoteIp')) : directIp,
    localIp: addressIn(shape('localIp')),
    localPort: port.type === 'port' ? port.port : 0,
    metadata: metadataOf(values),
    now: WITNESS_TIME,
  };
}

const HTTP1_METHODS = /^(?:GET|POST|PUT|DELETE|PATCH|HEAD|OPTIONS|TRACE)?$/;

function textIn(shape: Shape): string {
  return shape.type === 'text' ? shape.text : '';
}

function addressIn(shape: Shape): string {
  return shape.type === 'address' ? shape.text : '';
}

function headersIn(variable: string, shape: Shape): readonly (readonly [string, string])[] {
  if (!variable.startsWith('header ') || variable.startsWith('header :')) return [];
  const name = variable.slice(7);
  const texts = shape.type === 'text' ? [shape.text] : shape.type === 'list' ? shape.texts : [];
  return texts.map((text) => [name, text] as const);
}

function tokensOf(values: ReadonlyMap<string, Value>, { place, signed, claims }: TokenKind): readonly TokenFact[] {
  if (place === undefined || claims === undefined) return [];
  const own = new Map(claims);
  for (const [variable, value] of values) if (variable.startsWith('claim ')) own.set(variable, value.shape);
  let object: JsonValue = {};
  for (const [variable, shape] of own) if (shape.type !== 'absent') object = withClaim(object, namesOf(variable), jsonOf(shape));
  return [{ claims: object, signed, in: place }];
}

function withClaim(object: JsonValue, [name, ...rest]: readonly string[], value: JsonValue): JsonValue {
  if (name === undefined) return value;
  const fields =
    typeof object === 'object' && object !== null && !Array.isArray(object)
      ? (object as { readonly [name: string]: JsonValue })
      : {};
  return { ...fields, [name]: withClaim(fields[name] ?? {}, rest, value) };
}

function metadataOf(values: ReadonlyMap<string, Value>): RequestFacts['metadata'] {
  const metadata: Record<string, Record<string, JsonValue>> = {};
  for (const [variable, { shape }] of values) {
    if (!variable.startsWith('metadata ') || shape.type === 'absent') continue;
    const [filter = '', key = ''] = namesOf(variable);
    metadata[filter] = { ...metadata[filter], [key]: jsonOf(shape) };
  }
  return metadata;
}

import type { JsonObject, JsonValue } from '../../wire/call.ts';
import type { FieldPath } from '../objects.ts';
import { isObject, textAt, valueAt } from '../read/field.ts';
import { valueEnd } from '../read/list-items.ts';
import type { ValidationFault } from './validate.ts';

/** An inline key set: JSON with keys, or one key. Private keys are a warning: they lie readable in the cluster for nothing. */
export function jwksFaults(jwks: string, path: FieldPath): readonly ValidationFault[] {
  if (jwks === '') return [];
  const keys = keysOf(jwks);
  if (keys?.every(isKey) !== true) {
    const message = 'this is no JSON Web Key Set';
    return [{ severity: 'error', code: 'JWKS_INVALID', path, message, help: 'every token would be refused with 401' }];
  }
  const isPrivate = keys.some((key) => textAt(key, 'kty') === 'oct' || valueAt(key, 'd') !== undefined);
  if (!isPrivate) return [];
  const message = 'a key here is private; only public keys are needed to verify tokens';
  return [{ severity: 'warning', code: 'JWKS_PRIVATE', path, message, help: 'publish the public part, and replace the key' }];
}

/** As Go's `url.Parse` takes it, with the scheme that Istio asks for; a host is not asked for. */
export function isJwksUri(text: string): boolean {
  const match = /^https?:(?:\/\/([^/?#]*))?([^?]*)/is.exec(text);
  if (match === null || hasControl(text) || BAD_ESCAPE.test(match[2] ?? '') || BAD_ESCAPE.test(text.split('#')[1] ?? ''))
    return false;
  const [, user, host = ''] = /^(?:(.*)@)?(.*)$/s.exec(match[1] ?? '') ?? [];
  return (user === undefined || USER.test(user)) && HOST.test(host) && hasGoodPort(host);
}

const BAD_ESCAPE = /%(?![0-9A-Fa-f]{2})/;
const USER = /^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/;
/** Escapes can only stand for bytes beyond ASCII in a host. */
const HOST = /^(?:[A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"\u0080-\uffff]|%[89A-Fa-f][0-9A-Fa-f])*$/;

function hasGoodPort(host: string): boolean {
  const close = host.startsWith('[') ? host.lastIndexOf(']') : host.lastIndexOf(':') - 1;
  if (host.startsWith('[') && close < 0) return false;
  const rest = host.startsWith('[') || host.includes(':') ? host.slice(close + 1) : '';
  return /^(?::[0-9]*)?$/.test(rest);
}

function hasControl(text: string): boolean {
  return [...text].some((character) => character < ' ' || character === '\u007f');
}

function keysOf(text: string): readonly JsonObject[] | undefined {
  const value = firstJson(text);
  if (!isObject(value)) return undefined;
  if (valueAt(value, 'keys') === undefined) return [value];
  const keys = valueAt(value, 'keys') ?? [];
  return Array.isArray(keys) && keys.every(isObject) ? keys : undefined;
}

/** The first JSON value of a text: Istio's reader does not look at what stands behind it. */
function firstJson(text: string): JsonValue | undefined {
  const start = text.search(/[^ \t\r\n]/);
  for (const end of [text.length, start < 0 ? 0 : valueEnd(text, start, text.length)]) {
    try {
      return JSON.parse(text.slice(0, end)) as JsonValue;
    } catch {
      // Not one value as a whole: only its first then.
    }
  }
  return undefined;
}

/** Members that each kind of key must have; those of `BINARY` are base64 in either alphabet. */
const NEEDED: Readonly<Record<string, readonly string[]>> = {
  RSA: ['n', 'e'],
  EC: ['crv', 'x', 'y'],
  OKP: ['crv', 'x'],
  oct: ['k'],
};
const BINARY = ['n', 'e', 'x', 'y', 'k', 'd'];
const TEXTS = ['kty', 'crv', 'kid', 'alg', 'use', 'x5u', 'x5t'];

function isKey(key: JsonObject): boolean {
  const kind = textAt(key, 'kty');
  const needed = Object.hasOwn(NEEDED, kind) ? NEEDED[kind] : undefined;
  const isText = (name: string): boolean => typeof (valueAt(key, name) ?? '') === 'string';
  return (
    needed?.every((name) => valueAt(key, name) !== undefined) === true &&
    TEXTS.every(isText) &&
    BINARY.every((name) => isText(name) && /^[A-Za-z0-9+/_-]*={0,2}$/.test(textAt(key, name)))
  );
}

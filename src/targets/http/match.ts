import type { RequestHead } from '../../wire/call.ts';
import type { Operation } from '../target.ts';
import { HTTP_CATALOGUE, RAW_METHOD, SOCKET_METHOD } from './catalogue.ts';

/** The catalogue method of a call. A method that the catalogue does not list is `raw`. */
export function matchHttp(head: RequestHead): Operation {
  const id = head.upgrade ? SOCKET_METHOD : KNOWN.has(head.method) ? head.method : RAW_METHOD;
  const entry = HTTP_CATALOGUE.methods.find((method) => method.id === id);
  return {
    id,
    class: entry?.class ?? 'act',
    body: entry?.body ?? 'opaque',
    params: {},
    upgrade: head.upgrade,
    identity: 'caller',
  };
}

/** `SOCKET` and `raw` are names of ours: a client that sends them as methods gets `raw`. */
const KNOWN: ReadonlySet<string> = new Set(
  HTTP_CATALOGUE.methods.map((method) => method.id).filter((id) => id !== SOCKET_METHOD && id !== RAW_METHOD),
);

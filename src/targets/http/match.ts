import type { RequestHead } from '../../wire/call.ts';
import type { Operation } from '../target.ts';
import { HTTP_CATALOGUE, RAW_METHOD, SOCKET_METHOD } from './catalogue.ts';

/** The catalogue method of a call. A method that the catalogue does not list is `raw`. */
export function matchHttp(head: RequestHead): Operation {
  if (head.upgrade) return SOCKET;
  return KNOWN.get(head.method) ?? RAW;
}

const OPERATIONS: readonly Operation[] = HTTP_CATALOGUE.methods.map((entry) => ({
  id: entry.id,
  class: entry.class,
  body: entry.body,
  params: {},
  upgrade: entry.id === SOCKET_METHOD,
  identity: 'caller',
}));

const SOCKET = operation(SOCKET_METHOD);
const RAW = operation(RAW_METHOD);

/** `SOCKET` and `raw` are names of ours: a client that sends them as methods gets `raw`. */
const KNOWN: ReadonlyMap<string, Operation> = new Map(
  OPERATIONS.filter((one) => one !== SOCKET && one !== RAW).map((one) => [one.id, one]),
);

function operation(id: string): Operation {
  const found = OPERATIONS.find((one) => one.id === id);
  if (found === undefined) throw new Error(`the catalogue has no ${id}`);
  return found;
}

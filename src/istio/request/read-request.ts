import type { JsonObject } from '../../wire/call.ts';
import type { PeerIdentity } from '../facts.ts';
import { readAccessLogJson, readAccessLogText } from './access-log.ts';
import { readCaseRequest } from './case-request.ts';
import type { RequestDraft } from './draft.ts';
import { readHttpHead } from './http-head.ts';
import { isObject, readJson, unreadableRequest } from './token.ts';

/** What a text was read as. */
export type RequestForm = 'http-head' | 'case' | 'access-log-json' | 'access-log-text';

export interface ReadRequest {
  readonly form: RequestForm;
  readonly draft: RequestDraft;
  /** What the proxy answered, where the text is its log. */
  readonly logged?: LoggedAnswer;
}

export interface LoggedAnswer {
  /** 0 when the log has none. */
  readonly status: number;
  /** `rbac_access_denied_matched_policy[none]`; empty when the log has none. */
  readonly details: string;
}

/** Certificates by the names that requests of cases use for their peers. */
export type Peers = ReadonlyMap<string, PeerIdentity>;

/** Text of a request in any form that is known, told apart by its content. Problem: REQUEST_UNREADABLE. */
export function readRequest(text: string, peers: Peers = new Map()): ReadRequest {
  const trimmed = withoutPrefix(text.trim());
  if (trimmed === '') throw unreadableRequest('the request is empty');
  if (trimmed.startsWith('{')) return readObject(trimmed, peers);
  if (trimmed.startsWith('[')) return readAccessLogText(trimmed);
  return { form: 'http-head', draft: readHttpHead(text) };
}

/** Programs that gather logs write the names of pod and container before a line. */
function withoutPrefix(text: string): string {
  // A line of a log; the search below is not made for more.
  if (text.length > 16_384 || text.includes('\n')) return text;
  const at = text.search(/(?<=\s)(?:\[\d{4}-\d\d-\d\dT[^\]]*\] "|\{"[^{}]*"response_code")/);
  return at > 0 && !/^[{[]/.test(text) ? text.slice(at) : text;
}

function readObject(text: string, peers: Peers): ReadRequest {
  const value = readJson(text, 'the request');
  if (!isObject(value)) throw unreadableRequest('the request is not a JSON object');
  if ('requests' in value || 'objects' in value)
    throw unreadableRequest('this is a whole case with objects: `istio eval` reads it');
  return isAccessLog(value) ? readAccessLogJson(value) : { form: 'case', draft: readCaseRequest(value, peers) };
}

function isAccessLog(value: JsonObject): boolean {
  return ['response_code', 'start_time', 'downstream_remote_address', 'response_flags'].some((name) => name in value);
}

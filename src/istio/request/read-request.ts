import type { JsonObject } from '../../wire/call.ts';
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

/** Text of a request in any form that is known, told apart by its content. Problem: REQUEST_UNREADABLE. */
export function readRequest(text: string): ReadRequest {
  const trimmed = text.trim();
  if (trimmed === '') throw unreadableRequest('the request is empty');
  if (trimmed.startsWith('{')) return readObject(trimmed);
  if (trimmed.startsWith('[')) return readAccessLogText(trimmed);
  return { form: 'http-head', draft: readHttpHead(text) };
}

function readObject(text: string): ReadRequest {
  const value = readJson(text, 'the request');
  if (!isObject(value)) throw unreadableRequest('the request is not a JSON object');
  if ('requests' in value || 'objects' in value)
    throw unreadableRequest('this is a whole case with objects: `istio eval` reads it');
  return isAccessLog(value) ? readAccessLogJson(value) : { form: 'case', draft: readCaseRequest(value) };
}

function isAccessLog(value: JsonObject): boolean {
  return ['response_code', 'start_time', 'downstream_remote_address', 'response_flags'].some((name) => name in value);
}

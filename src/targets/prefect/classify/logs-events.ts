import type { AccessRequest } from '../../../core/access.ts';
import { Problem } from '../../../core/problem.ts';
import type { JsonObject, JsonValue } from '../../../wire/call.ts';
import { parseJson } from '../../../wire/json.ts';
import { queryValue } from '../../../wire/query.ts';
import { ANY_RUN, type Asked, ask, type Classifier, type Classifiers, continuing } from '../ask.ts';
import { invalid, isObject, listBody, objectBody, uuidField } from '../bodies.ts';
import type { Place } from '../places.ts';
import { type PrefectEvent, readEvent } from '../socket/event.ts';
import { eventRequests, isReserved } from '../socket/event-rights.ts';
import { eventScope } from '../socket/event-scope.ts';
import { requestsFor } from '../socket/events-out.ts';
import type { SocketContext } from '../socket/objects.ts';
import { listLogs } from './lists.ts';

const MAX_RUNS = 100;

/** Each run that lines are written to is asked for; lines of no run are the server's own. */
async function writeLogs(asked: Asked): Promise<readonly AccessRequest[]> {
  const runs = new Set<string>();
  const tasks = new Set<string>();
  let isElsewhere = false;
  for (const line of listBody(asked.body)) {
    const run = uuidField(line, 'flow_run_id');
    const task = uuidField(line, 'task_run_id');
    if (run !== undefined) runs.add(run);
    if (task !== undefined) tasks.add(task);
    if (run === undefined && task === undefined) isElsewhere = true;
  }
  if (runs.size + tasks.size > MAX_RUNS) throw tooMany();
  const places = new Map<string, Place>();
  const note = (place: Place): void => void places.set(JSON.stringify(place.resource.path), place);
  const found = await asked.places.runs([...runs], 'recent');
  for (const run of found) note(run);
  if (found.length < runs.size) isElsewhere = true;
  for (const id of tasks) {
    const task = await asked.places.taskRun(id, 'recent');
    // The server hears of a task run by an event that may come later; its line then counts for the run that it names.
    if (task !== undefined) note(task);
    else if (runs.size === 0) isElsewhere = true;
  }
  const requests = [...places.values()].map((place) => continuing(asked, 'log.write', place));
  if (isElsewhere || requests.length === 0) requests.push(ask(asked, 'log.write', asked.places.at(['logs'])));
  return requests;
}

function tooMany(): Problem {
  return new Problem({ code: 'BODY_TOO_COMPLEX', kind: 'too_large', message: `a batch may speak of at most ${MAX_RUNS} runs` });
}

/** A batch is as many questions as its events; the same one twice is one. */
function writeEvents(context: SocketContext): Classifier {
  return async (asked) => {
    const events = listBody(asked.body).map(readEvent);
    if (events.some(isReserved)) {
      throw new Problem({
        code: 'EVENT_RESERVED',
        kind: 'invalid',
        message: 'events named `fairlead` are written by Fairlead alone',
      });
    }
    const requests = new Map<string, AccessRequest>();
    for (const event of distinct(events)) {
      for (const request of await eventRequests(event, asked.method, context)) {
        requests.set(JSON.stringify([request.action, request.resource.path, event.name]), request);
      }
      if (requests.size > MAX_REQUESTS) throw tooMany();
    }
    if (requests.size === 0) return [ask(asked, 'event.emit', asked.places.at(['events']), { attributes: { event: '' } })];
    return [...requests.values()];
  };
}

const MAX_REQUESTS = 400;

function distinct(events: readonly PrefectEvent[]): readonly PrefectEvent[] {
  const keyOf = ({ name, about, related, recorded }: PrefectEvent): string => JSON.stringify([name, about, related, recorded]);
  return [...new Map(events.map((event) => [keyOf(event), event])).values()];
}

/** The same rights as the stream of events: both give what one filter lets through. */
function listEvents(context: SocketContext): Classifier {
  return async (asked) => {
    const filter = objectBody(asked.body)['filter'];
    return await requestsFor(eventScope(isObject(filter) ? filter : EVERYTHING), asked.method, context);
  };
}

const EVERYTHING: JsonObject = {};

/** The page token carries the whole filter, unsigned: it is decided on anew. */
function listNextEvents(context: SocketContext): Classifier {
  return async (asked) => {
    const filter = filterOfToken(queryValue(asked.query, 'page-token'));
    return await requestsFor(eventScope(filter), asked.method, context);
  };
}

/** base64 over base64 of JSON, as the server writes it; a token that is not certainly that is refused. */
export function filterOfToken(token: string | undefined): JsonObject {
  const inner = token === undefined ? undefined : fromBase64(token)?.toString('latin1');
  const bytes = inner === undefined ? undefined : fromBase64(inner);
  if (bytes === undefined) throw invalid('query parameter `page-token`', 'a token that this server gave');
  const page: JsonValue = parseJson(bytes);
  if (!isObject(page) || !isObject(page['filter']))
    throw invalid('query parameter `page-token`', 'a token that this server gave');
  return page['filter'];
}

/** Strict: what decodes must encode to the same text, so that no two readers see two tokens. */
function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

/** Opening a stream; what travels in it is decided message by message. Runs open theirs until they end. */
const openStream: Classifier = (asked) => {
  const attributes = asked.method === 'WS /events/in' ? { event: '' } : {};
  return [ask(asked, 'event.connect', asked.places.at(['events']), { attributes, continues: ANY_RUN })];
};

export function logsAndEvents(context: SocketContext): Classifiers {
  return {
    'POST /logs/': writeLogs,
    'POST /logs/filter': listLogs,
    'POST /events': writeEvents(context),
    'POST /events/filter': listEvents(context),
    'GET /events/filter/next': listNextEvents(context),
    'POST /events/count-by/{countable}': listEvents(context),
    'WS /events/in': openStream,
    'WS /events/out': openStream,
    'WS /logs/out': openStream,
    'WS /task_runs/subscriptions/scheduled': openStream,
  };
}

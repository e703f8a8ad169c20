import type { ServerResponse } from 'node:http';
import { callerText } from '../../core/caller.ts';
import type { Outcome } from '../../core/decision.ts';
import { Problem } from '../../core/problem.ts';
import type { ResponsePlan, UpstreamAnswer } from '../../targets/target.ts';
import { decodeBody } from '../../wire/content-coding.ts';
import type { HeaderList } from '../../wire/headers.ts';
import type { Decided, Passage } from '../passage.ts';
import { applyChanges } from './upstream-headers.ts';

export interface AnswerSink {
  /** False when the client reads too slowly; `resume` is called when it has caught up. */
  write(chunk: Buffer): boolean;
  /** Sends what is left and yields how the call ended. */
  end(trailers: HeaderList): Promise<Outcome>;
}

export interface AnswerSinkInput {
  readonly response: ServerResponse;
  readonly status: number;
  readonly headers: HeaderList;
  readonly passage: Extract<Passage, { kind: 'forward' }>;
  resume(): void;
}

/** Carries an answer to the client as the adapter's plan says: as it came, read on the side, or replaced. */
export function answerSink(input: AnswerSinkInput): AnswerSink {
  const plan = input.passage.plan;
  return plan?.kind === 'replace' ? replacingSink(input, plan) : passingSink(input, plan);
}

function passingSink(input: AnswerSinkInput, plan: Exclude<ResponsePlan, { kind: 'replace' | 'local' }> | undefined): AnswerSink {
  const { response, status, passage } = input;
  const { decided } = passage;
  let headers = input.headers;
  if (plan?.kind === 'headers') headers = applyChanges(headers, plan.headers({ status, headers: headerRecord(headers) }));
  writeHead(response, status, headers, decided);
  const kept: Buffer[] = [];
  let keptSize = 0;
  const maxBytes = plan?.kind === 'read' ? plan.maxBytes : 0;
  return {
    write(chunk) {
      if (keptSize <= maxBytes && maxBytes > 0) {
        keptSize += chunk.length;
        kept.push(chunk);
      }
      const isTaken = response.write(chunk);
      if (!isTaken) response.once('drain', input.resume);
      return isTaken;
    },
    async end(trailers) {
      let outcome: Outcome = { kind: 'answered', status };
      if (plan?.kind === 'read' && keptSize <= maxBytes) {
        // Before the last byte leaves: the caller's next call may rest on what this answer handed out.
        outcome =
          (await readAnswer(decided, plan, { status, headers: headerRecord(headers), body: Buffer.concat(kept) })) ?? outcome;
      }
      endResponse(response, trailers);
      return outcome;
    },
  };
}

async function readAnswer(
  decided: Decided,
  plan: Extract<ResponsePlan, { kind: 'read' }>,
  raw: UpstreamAnswer,
): Promise<Outcome | undefined> {
  const { target, call, corridor, caller } = decided;
  try {
    const body = await decodeBody(raw.body, String(raw.headers['content-encoding'] ?? 'identity'), plan.maxBytes * 8);
    const answer = { ...raw, body };
    const admissions = target.adapter.admissions?.(call, answer);
    if (admissions !== undefined) {
      corridor.admissions.admit(target.name, callerText(caller), admissions.admit);
      corridor.admissions.end(target.name, admissions.end);
    }
    return plan.read(answer);
  } catch (thrown) {
    // What came back is the client's all the same; only our side knowledge is missing.
    corridor.log.warn('answer_not_read', { target: target.name, operation: call.operation.id, error: String(thrown) });
    return undefined;
  }
}

function replacingSink(input: AnswerSinkInput, plan: Extract<ResponsePlan, { kind: 'replace' }>): AnswerSink {
  const { response, status, headers, passage } = input;
  const chunks: Buffer[] = [];
  let size = 0;
  return {
    write(chunk) {
      size += chunk.length;
      if (size <= plan.maxBytes) chunks.push(chunk);
      return true;
    },
    async end(trailers) {
      if (size > plan.maxBytes) throw tooLarge();
      const record = headerRecord(headers);
      const coding = String(record['content-encoding'] ?? 'identity');
      const body = await decodeBody(Buffer.concat(chunks), coding, plan.maxBytes * 8);
      const replaced = plan.replace({ status, headers: record, body });
      const bytes = typeof replaced.body === 'string' ? Buffer.from(replaced.body, 'utf8') : replaced.body;
      const plain = headers.without(['content-encoding', 'etag', 'content-length', 'transfer-encoding']);
      const changed = applyChanges(plain, replaced.headers).with('content-length', String(bytes.length));
      writeHead(response, replaced.status, changed, passage.decided);
      if (passage.decided.incoming.head.method !== 'HEAD') response.write(bytes);
      endResponse(response, trailers);
      return replaced.outcome ?? { kind: 'answered', status: replaced.status };
    },
  };
}

function writeHead(response: ServerResponse, status: number, headers: HeaderList, decided: Decided): void {
  response.writeHead(status, headers.with('x-fairlead-decision', decided.decisionId).toRaw());
}

function endResponse(response: ServerResponse, trailers: HeaderList): void {
  const pairs = [...trailers.entries()].map(([name, value]) => [name, value] as [string, string]);
  if (pairs.length > 0) response.addTrailers(pairs);
  response.end();
}

function headerRecord(headers: HeaderList): Record<string, string | readonly string[]> {
  const record: Record<string, string | readonly string[]> = {};
  for (const [name, value] of headers.entries()) {
    const before = record[name];
    if (name === 'set-cookie') record[name] = [...(Array.isArray(before) ? before : []), value];
    else record[name] = before === undefined ? value : `${String(before)}, ${value}`;
  }
  return record;
}

function tooLarge(): Problem {
  return new Problem({
    code: 'UPSTREAM_ANSWER_TOO_LARGE',
    kind: 'upstream',
    message: 'the service behind this gateway sent an answer that is too large to be rewritten',
  });
}

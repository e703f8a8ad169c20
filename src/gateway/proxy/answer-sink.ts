import type { ServerResponse } from 'node:http';
import { callerText } from '../../core/caller.ts';
import type { Outcome } from '../../core/decision.ts';
import { Problem } from '../../core/problem.ts';
import type { ResponsePlan, UpstreamAnswer } from '../../targets/target.ts';
import { decodeBody } from '../../wire/content-coding.ts';
import { HeaderList } from '../../wire/headers.ts';
import type { Decided, Forward } from '../passage.ts';
import { applyChanges } from './upstream-headers.ts';

export interface AnswerSink {
  /** False when the client reads too slowly; `resume` is called when it has caught up. */
  write(chunk: Buffer): boolean;
  /** Sends what is left and yields how the call ended. */
  end(trailers: HeaderList): Outcome | Promise<Outcome>;
}

export interface AnswerSinkInput {
  readonly response: ServerResponse;
  readonly status: number;
  readonly headers: HeaderList;
  readonly passage: Forward;
  resume(): void;
}

/** Carries an answer to the client as the adapter's plan says: as it came, read on the side, or replaced. */
export function answerSink(input: AnswerSinkInput): AnswerSink {
  const plan = input.passage.plan;
  return plan?.kind === 'replace' ? replacingSink(input, plan) : new PassingSink(input, plan);
}

type PassingPlan = Exclude<ResponsePlan, { kind: 'replace' | 'local' }> | undefined;

/** An answer of this length at most leaves in one piece with its head. */
const MAX_TOGETHER = 16 * 1024;

class PassingSink implements AnswerSink {
  readonly #input: AnswerSinkInput;
  readonly #plan: PassingPlan;
  readonly #headers: HeaderList;
  readonly #kept: Buffer[] = [];
  #keptSize = 0;
  #hasBegun = false;
  /** All of a short answer: it leaves with head and end in one piece, which costs far less than each on its own. */
  #whole: Buffer | undefined;

  constructor(input: AnswerSinkInput, plan: PassingPlan) {
    const { response, status, passage } = input;
    this.#input = input;
    this.#plan = plan;
    this.#headers =
      plan?.kind === 'headers'
        ? applyChanges(input.headers, plan.headers({ status, headers: headerRecord(input.headers) }))
        : input.headers;
    writeHead(response, status, this.#headers, passage.decided);
  }

  write(chunk: Buffer): boolean {
    const { response, resume } = this.#input;
    this.#keep(chunk);
    if (!this.#hasBegun && this.#isWhole(chunk)) {
      this.#hasBegun = true;
      this.#whole = chunk;
      return true;
    }
    this.#hasBegun = true;
    const isTaken = response.write(chunk);
    if (!isTaken) response.once('drain', resume);
    return isTaken;
  }

  end(trailers: HeaderList): Outcome | Promise<Outcome> {
    if (this.#plan?.kind === 'read' && this.#keptSize <= this.#plan.maxBytes) return this.#endRead(this.#plan, trailers);
    this.#endResponse(trailers);
    return { kind: 'answered', status: this.#input.status };
  }

  /** It is read before the last byte leaves: the caller's next call may rest on what this answer handed out. */
  async #endRead(plan: Extract<PassingPlan, { kind: 'read' }>, trailers: HeaderList): Promise<Outcome> {
    const { status, passage } = this.#input;
    const answer = { status, headers: headerRecord(this.#headers), body: Buffer.concat(this.#kept) };
    const outcome = await readAnswer(passage.decided, plan, answer);
    this.#endResponse(trailers);
    return outcome ?? { kind: 'answered', status };
  }

  #endResponse(trailers: HeaderList): void {
    endResponse(this.#input.response, trailers, this.#whole);
  }

  #keep(chunk: Buffer): void {
    if (this.#plan?.kind !== 'read' || this.#keptSize > this.#plan.maxBytes) return;
    this.#keptSize += chunk.length;
    this.#kept.push(chunk);
  }

  #isWhole(chunk: Buffer): boolean {
    if (chunk.length > MAX_TOGETHER) return false;
    const lengths = this.#headers.getAll('content-length');
    return lengths.length === 1 && lengths[0] === String(chunk.length);
  }
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

function endResponse(response: ServerResponse, trailers: HeaderList, last?: Buffer): void {
  if (trailers !== HeaderList.empty) {
    const pairs = [...trailers.entries()].map(([name, value]) => [name, value] as [string, string]);
    if (pairs.length > 0) response.addTrailers(pairs);
  }
  response.end(last);
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

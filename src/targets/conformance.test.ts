import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../test/support/runs.ts';
import { ANONYMOUS } from '../core/caller.ts';
import type { Catalogue, MethodEntry } from '../core/catalogue.ts';
import { Problem, type ProblemKind } from '../core/problem.ts';
import type { JsonValue, RequestHead } from '../wire/call.ts';
import { FAIRLEAD_CATALOGUE } from './fairlead/catalogue.ts';
import { createHttpAdapter } from './http/adapter.ts';
import { prefectAdapter } from './prefect/adapter.ts';
import type { LocalAnswer, Operation, RefusalReason, TargetAdapter, TargetContext } from './target.ts';
import { ADA, callerOf, contextOf, DECISION_ID, decisionOf, headOf, refusalOf } from './testing.ts';

/** Every adapter is built here, so that a new system runs the same suite before it has a test of its own. */
const ADAPTERS: Readonly<Record<string, (context: TargetContext) => TargetAdapter>> = {
  http: (context) => createHttpAdapter(context, { sign: async () => 'signed' }),
  prefect: (context) => prefectAdapter({ ...context, origin: 'http://prefect.test:8080' }),
};
const built = Object.entries(ADAPTERS).map(([kind, build]) => [kind, build(contextOf({ name: 'system' }))] as const);
const CATALOGUES: readonly (readonly [string, Catalogue])[] = [
  ...built.map(([kind, adapter]) => [kind, adapter.catalogue] as const),
  ['fairlead', FAIRLEAD_CATALOGUE],
];

it('every folder with an adapter runs this suite', () => {
  const folders = readdirSync(import.meta.dirname).filter((name) => existsSync(join(import.meta.dirname, name, 'adapter.ts')));
  expect(Object.keys(ADAPTERS).sort()).toEqual(folders.sort());
});

describe.each(CATALOGUES)('the catalogue of %s', (kind, catalogue) => {
  const actions = new Set(catalogue.actions.map((entry) => entry.name));

  it('is of its kind, and names everything once', () => {
    expect(catalogue.kind).toBe(kind);
    for (const names of [
      catalogue.actions.map((entry) => entry.name),
      catalogue.methods.map((entry) => entry.id),
      catalogue.bundles.map((entry) => entry.name),
    ]) {
      expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    }
    expect(catalogue.bundles.filter((bundle) => actions.has(bundle.name))).toEqual([]);
  });

  it('writes its names in its own name space, and has a title for each', () => {
    const names = [...actions, ...catalogue.bundles.map((bundle) => bundle.name)];
    expect(names.filter((name) => !name.startsWith(`${kind}.`) || !/^[a-z0-9_]+(\.[a-z0-9_]+)+$/.test(name))).toEqual([]);
    const titled = [...catalogue.actions, ...catalogue.methods, ...catalogue.bundles];
    expect(titled.filter((entry) => entry.title.trim() === '')).toEqual([]);
  });

  it('refers to known actions alone', () => {
    const used = [
      ...catalogue.methods.flatMap((method) => method.actions),
      ...catalogue.bundles.flatMap((bundle) => bundle.actions),
      ...catalogue.implied.flatMap((entry) => [entry.by, entry.action]),
    ];
    expect(used.filter((action) => !actions.has(action))).toEqual([]);
    expect(catalogue.methods.filter((method) => method.actions.length === 0).map((method) => method.id)).toEqual([]);
  });

  it('has a way to ask for every action', () => {
    const asked = new Set(catalogue.methods.flatMap((method) => method.actions));
    expect([...actions].filter((action) => !asked.has(action))).toEqual([]);
  });

  it('keeps what no wildcard grants out of its bundles', () => {
    expect(catalogue.bundles.flatMap((bundle) => bundle.actions).filter((action) => action.endsWith('.raw'))).toEqual([]);
  });
});

const segment = fc.oneof(
  fc.constantFrom('api', 'flows', 'flow_runs', 'deployments', 'work_pools', 'filter', 'events', 'in', 'v2', 'name', '.fairlead'),
  fc.stringMatching(/^[a-z0-9%_-]{1,12}$/).filter((text) => !text.includes('%')),
  fc.constant('0198c0de-0000-7000-8000-000000000001'),
  fc.constant('%66ilter'),
);
const heads: fc.Arbitrary<RequestHead> = fc
  .record({
    method: fc.oneof(
      fc.constantFrom('GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD', 'OPTIONS'),
      fc.stringMatching(/^[A-Z]{1,9}$/),
    ),
    segments: fc.array(segment, { maxLength: 6 }),
    slash: fc.boolean(),
    query: fc.stringMatching(/^([a-z]{1,4}=[a-z0-9-]{0,5}&){0,3}$/),
    upgrade: fc.boolean(),
  })
  .filter(({ method }) => method !== 'CONNECT' && method !== 'TRACE')
  .map(({ method, segments, slash, query, upgrade }) => {
    const path = `/${segments.join('/')}${slash && segments.length > 0 ? '/' : ''}`;
    return headOf(upgrade ? 'GET' : method, query === '' ? path : `${path}?${query}`, { upgrade });
  });

describe.each(built)('calls of %s', (_, adapter) => {
  const methods = new Map(adapter.catalogue.methods.map((method) => [method.id, method]));

  it('are all of some method of the catalogue, which says how to read them', () => {
    fc.assert(
      fc.property(heads, (head) => {
        const operation = adapter.match(head);
        const entry = methods.get(operation.id);
        expect(entry, operation.id).toBeDefined();
        expect(operation.body).toBe(entry?.body);
        expect(adapter.match(head)).toEqual(operation);
      }),
      { numRuns: runs(500) },
    );
  });

  it('ask for actions that their method lists, on objects of this target, or end in a known problem', async () => {
    const bodies = fc.oneof(
      fc.constant(undefined),
      fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonValue>,
      fc.dictionary(
        fc.constantFrom(
          'deployment_id',
          'flow_id',
          'name',
          'state',
          'job_variables',
          'parameters',
          'actions',
          'flow_runs',
          'operator',
        ),
        fc.jsonValue({ maxDepth: 3 }) as fc.Arbitrary<JsonValue>,
      ),
    );
    await fc.assert(
      fc.asyncProperty(heads, bodies, async (head, body) => {
        const operation = adapter.match(head);
        // Answered for anybody: nothing is asked.
        if (operation.identity === 'none') return;
        const call = {
          operation,
          head,
          caller: ADA,
          body: operation.body === 'json' ? body : undefined,
          decisionId: DECISION_ID,
        };
        let requests: Awaited<ReturnType<TargetAdapter['classify']>>['requests'];
        try {
          requests = (await adapter.classify(call)).requests;
        } catch (thrown) {
          if (!(thrown instanceof Problem)) throw thrown;
          return;
        }
        expect(requests.length).toBeGreaterThan(0);
        for (const request of requests) {
          expect(methods.get(operation.id)?.actions).toContain(request.action);
          expect(request.resource.path[0]).toBe('system');
          expect(request.resource.path.every((part) => part !== '')).toBe(true);
          expect(request.attributes['method']).toBe(operation.id);
        }
      }),
      { numRuns: runs(500) },
    );
  });

  it('never carry what only the gateway may say, whoever calls', async () => {
    for (const caller of [ADA, callerOf(ANONYMOUS)]) {
      const head = headOf('GET', '/api/flows/0198c0de-0000-7000-8000-000000000001');
      const call = { operation: adapter.match(head), head, caller, body: undefined, decisionId: DECISION_ID };
      const changes = await adapter.forward(call, decisionOf('allow'));
      for (const value of Object.values(changes.set)) expect(value).toMatch(/^[\x20-\x7e]*$/);
      for (const name of [...Object.keys(changes.set), ...changes.remove]) expect(name).toBe(name.toLowerCase());
    }
  });
});

const SECRETS = ['s3cr3t-bearer', 's3cr3t-cookie'] as const;
const KINDS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'a program': { authorization: `Bearer ${SECRETS[0]}` },
  'a browser that opens a page': {
    cookie: `fl_0123456789abcdef=${SECRETS[1]}`,
    'sec-fetch-mode': 'navigate',
    'sec-fetch-dest': 'document',
    accept: 'text/html',
  },
  'the script of a page': {
    cookie: `fl_0123456789abcdef=${SECRETS[1]}`,
    'sec-fetch-site': 'same-origin',
    'sec-fetch-mode': 'cors',
  },
};
const PROBLEMS: readonly (readonly [ProblemKind, number | undefined])[] = [
  ['invalid', undefined],
  ['invalid', 405],
  ['unauthenticated', undefined],
  ['denied', undefined],
  ['not_found', undefined],
  ['misdirected', undefined],
  ['too_large', undefined],
  ['too_large', 429],
  ['too_large', 431],
  ['fault', undefined],
  ['upstream', undefined],
];
const REASONS: readonly RefusalReason[] = [
  { kind: 'denied', decision: decisionOf('deny') },
  { kind: 'denied', decision: decisionOf('hold') },
  ...PROBLEMS.map(([kind, status]): RefusalReason => {
    const init = { code: 'SOME_CODE', kind, message: 'because', ...(status === undefined ? {} : { status }) };
    return { kind: 'problem', problem: new Problem(init) };
  }),
];

function operationOf(method: MethodEntry): Operation {
  const upgrade = method.id.startsWith('WS ') || method.id === 'SOCKET';
  return { id: method.id, class: method.class, body: method.body, params: {}, upgrade, identity: 'caller' };
}

describe.each(built)('refusals of %s', (_, adapter) => {
  const answers = adapter.catalogue.methods.flatMap((method) =>
    Object.entries(KINDS).flatMap(([who, headers]) =>
      REASONS.map((reason) => {
        const operation = operationOf(method);
        const head = headOf('GET', '/runs', { headers, upgrade: operation.upgrade });
        const answer = adapter.refuse(refusalOf(head, operation, reason));
        const why = reason.kind === 'denied' ? reason.decision.verdict : reason.problem.kind;
        return { label: `${method.id}, ${who}, ${why}`, method, operation, why, answer };
      }),
    ),
  );
  const wrong = (isWrong: (one: (typeof answers)[number]) => boolean) => answers.filter(isWrong).map((one) => one.label);

  it('are well-formed answers that carry the decision id, whatever is refused and to whom', () => {
    expect(wrong(({ answer }) => !isWellFormed(answer))).toEqual([]);
    expect(wrong(({ answer }) => answer.headers['x-fairlead-decision'] !== DECISION_ID)).toEqual([]);
  });

  it('give nothing back of what the caller showed', () => {
    expect(wrong(({ answer }) => SECRETS.some((secret) => JSON.stringify(answer).includes(secret)))).toEqual([]);
  });

  it('never end a poller because of policy or of a fault; a credential that is refused does', () => {
    const ends = new Set([401, 403, 409, 429]);
    const isMeant = (why: string, answer: LocalAnswer) => why === 'unauthenticated' && answer.status === 401;
    expect(
      wrong(({ operation, why, answer }) => operation.class === 'poll' && ends.has(answer.status) && !isMeant(why, answer)),
    ).toEqual([]);
  });

  it('never show a fault of ours as a denial, or a denial as a fault', () => {
    const isFault = (why: string) => why === 'fault' || why === 'upstream';
    expect(wrong(({ why, answer }) => isFault(why) && ![502, 503].includes(answer.status))).toEqual([]);
    expect(wrong(({ why, answer }) => (why === 'deny' || why === 'denied') && answer.status >= 500)).toEqual([]);
  });

  it('never tell a client to come back at once', () => {
    expect(wrong(({ answer }) => answer.headers['retry-after'] === '0')).toEqual([]);
  });

  it('say how an open socket ends', () => {
    expect(wrong(({ operation, answer }) => operation.upgrade && !(Number(answer.closeCode) >= 1000))).toEqual([]);
  });
});

function isWellFormed(answer: LocalAnswer): boolean {
  const { status, headers, body } = answer;
  if (!Number.isInteger(status) || status < 200 || status > 599) return false;
  if (Object.entries(headers).some(([name, value]) => !/^[a-z0-9-]+$/.test(name) || !/^[\x20-\x7e]*$/.test(value))) return false;
  const type = headers['content-type'] ?? '';
  if (status === 204 || status === 302) return body === '';
  if (/json$/.test(type)) return isJson(String(body));
  return type.startsWith('text/html') && String(body).startsWith('<!doctype html>');
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

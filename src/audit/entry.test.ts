import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decision, decisionRecord, refusalRecord, requestDecision } from '../../test/support/records.ts';
import { runs } from '../../test/support/runs.ts';
import type { Outcome } from '../core/decision.ts';
import { canonicalText } from './canonical.ts';
import { entryText, MAX_ENTRY_BYTES } from './draft.ts';
import { draftEntry } from './entry.ts';
import { type AuditItem, itemText, readItem } from './item.ts';

const parsed = (item: AuditItem): Record<string, unknown> => JSON.parse(entryText(draftEntry(item)));

const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.string({ unit: 'binary', minLength: 2_000, maxLength: 4_000 }),
);
const rule = fc.record({ file: text, line: fc.integer(), name: text });
const clause = fc.record({
  rule: text,
  part: fc.constantFrom('who', 'action', 'on', 'when', 'unless'),
  pattern: text,
  observed: text,
  result: fc.constantFrom('true', 'false', 'error'),
  line: fc.integer(),
});
const request = fc.record({
  action: text,
  resource: text,
  verdict: fc.constantFrom('allow', 'hold', 'deny'),
  tier: fc.constantFrom('gate', 'can', 'must'),
  code: text,
  rules: fc.array(rule, { maxLength: 40 }),
  mesh: fc.array(text, { maxLength: 4 }),
  clauses: fc.array(clause, { maxLength: 10 }),
  wouldDeny: fc.array(rule, { maxLength: 4 }),
});
const outcome: fc.Arbitrary<Outcome> = fc.oneof(
  fc.record({ kind: fc.constant('answered'), status: fc.integer(), detail: text }),
  fc.record({ kind: fc.constant('broken'), reason: fc.constantFrom('upstream', 'client'), status: fc.integer() }),
  fc.record({ kind: fc.constantFrom('delegated', 'unknown') }),
);
const head = { id: text, timeMs: fc.double() };
const item: fc.Arbitrary<AuditItem> = fc.oneof(
  fc.record({
    kind: fc.constant('decision'),
    isOpen: fc.boolean(),
    record: fc.record({
      ...head,
      target: text,
      door: text,
      class: fc.constantFrom('read', 'act'),
      caller: text,
      source: text,
      peer: text,
      method: text,
      path: text,
      operation: text,
      decision: fc.record({
        verdict: fc.constantFrom('allow', 'hold', 'deny'),
        mode: fc.constantFrom('enforce', 'observe'),
        code: text,
        policyRevision: text,
        meshRevision: text,
        obligations: fc.array(
          fc.record({ kind: fc.constantFrom('mask', 'log'), rule, spec: fc.dictionary(text, fc.anything()) }),
          {
            maxLength: 4,
          },
        ),
        requests: fc.array(request, { minLength: 1, maxLength: 12 }),
      }),
      attributes: fc.dictionary(text, fc.anything({ withBigInt: true })),
      traceparent: text,
    }),
  }),
  fc.record({ kind: fc.constant('outcome'), record: fc.record({ ...head, durationMs: fc.double(), outcome }) }),
  fc.record({
    kind: fc.constant('refusal'),
    record: fc.record({ ...head, target: text, door: text, peer: text, code: text, status: fc.integer(), path: text }),
    fold: fc.record({
      count: fc.nat(),
      lastTimeMs: fc.nat(),
      ids: fc.array(text, { maxLength: 80 }),
      outcomes: fc.dictionary(text, fc.nat()),
      isMixed: fc.boolean(),
    }),
  }),
  fc.record({
    kind: fc.constant('event'),
    record: fc.record({
      ...head,
      type: text,
      caller: text,
      detail: fc.dictionary(text, fc.oneof(text, fc.double(), fc.boolean())),
    }),
  }),
  fc.record({ kind: fc.constant('gap'), record: fc.record({ ...head, untilMs: fc.nat(), lost: fc.dictionary(text, fc.nat()) }) }),
);

describe('an entry', () => {
  it('is one canonical object of a known type and version', () => {
    const record = decisionRecord({ timeMs: 1_700_000_000_000 });
    expect(parsed({ kind: 'decision', record, isOpen: true })).toMatchObject({
      v: 1,
      type: 'decision.v1',
      id: record.id,
      time: '2023-11-14T22:13:20.000Z',
      caller: 'user:ada@acme.com',
      decision: { verdict: 'allow', requests: [{ action: 'prefect.deployment.run', tier: 'can' }] },
    });
  });

  it('has keys in the order of RFC 8785', () => {
    const entry = entryText(draftEntry({ kind: 'refusal', record: refusalRecord() }));
    expect(Object.keys(JSON.parse(entry))).toEqual(Object.keys(JSON.parse(entry)).sort());
    expect(entry).toMatch(/^{"code":"TOKEN_INVALID","door":"proxy","id":/);
  });

  it('holds neither what the decision read nor what its clauses saw', () => {
    const record = decisionRecord({
      attributes: { 'request.parameters.password': 'canary-1' },
      decision: decision({
        requests: [
          requestDecision({
            clauses: [{ rule: 'p/r', part: 'when', pattern: 'request.x == 1', observed: 'canary-2', result: 'false', line: 3 }],
          }),
        ],
      }),
    });
    const draft = draftEntry({ kind: 'decision', record, isOpen: true });
    expect(entryText(draft)).not.toContain('canary');
    expect(draft.secret).toBe('{"attributes":{"request.parameters.password":"canary-1"},"observed":[["canary-2"]]}');
  });

  it('cannot be made to show another line, colour or direction', () => {
    const entry = entryText(draftEntry({ kind: 'refusal', record: refusalRecord({ path: '/a\n{"v":1}\u001b[2J\u202e' }) }));
    expect(JSON.parse(entry).path).toBe('/a\\u000a{"v":1}\\u001b[2J\\u202e');
  });

  it('keeps what decided when a call asks for more than an entry holds, and says what it cut', () => {
    const allowed = Array.from({ length: 2_000 }, (_, index) => requestDecision({ resource: `prefect/blocks/${index}` }));
    const requests = [...allowed, requestDecision({ verdict: 'deny', code: 'NO_RULE', resource: 'prefect/blocks/secret' })];
    const record = decisionRecord({ decision: decision({ verdict: 'deny', code: 'NO_RULE', requests }) });
    const entry = parsed({ kind: 'decision', record, isOpen: false });
    expect(entry['truncated']).toContain('decision.requests');
    expect(entry['decision']).toMatchObject({ requests: expect.arrayContaining([expect.objectContaining({ code: 'NO_RULE' })]) });
  });

  it('stays within its bound, well formed and without control characters, whatever the call was', () => {
    fc.assert(
      fc.property(item, (any) => {
        // As the writer gets it: through the text that is handed over.
        const row = readItem(itemText(any));
        const entry = entryText(row, row.tail === '' ? undefined : `sha256:${'0'.repeat(64)}`);
        expect(Buffer.byteLength(entry)).toBeLessThanOrEqual(MAX_ENTRY_BYTES);
        expect(entry.isWellFormed()).toBe(true);
        expect(entry).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
        const draft = draftEntry(any);
        expect(JSON.parse(entry)).toMatchObject({ v: 1, type: draft.type });
        expect(row).toMatchObject({ head: draft.head, tail: draft.tail, secret: draft.secret });
        for (const text of [entry, row.secret ?? '{}']) expect(canonicalText(JSON.parse(text))).toBe(text);
        expect((row.secret ?? '').length).toBeLessThan(2 * MAX_ENTRY_BYTES);
      }),
      { numRuns: runs(50) },
    );
  });
});

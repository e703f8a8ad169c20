import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Randomness } from '../core/ports.ts';
import { HeaderList } from './headers.ts';
import { isTraceHeader, parseTraceparent, traceHeaders, traceOf } from './trace.ts';

const TRACE_ID = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = `00-${TRACE_ID}-00f067aa0ba902b7-01`;
const randomness: Randomness = { bytes: (count) => new Uint8Array(count).fill(0xab) };
const untrusted = { randomness, trusted: false, sample: () => false };
const headersOf = (...raw: string[]) => HeaderList.fromRaw(raw);

describe('parseTraceparent', () => {
  it('reads version 00 and the first fields of later versions', () => {
    expect(parseTraceparent(PARENT)).toEqual({ traceId: TRACE_ID, parentId: '00f067aa0ba902b7', sampled: true });
    expect(parseTraceparent(PARENT.replace(/01$/, '02'))?.sampled).toBe(false);
    expect(parseTraceparent(`01${PARENT.slice(2)}-more`)?.traceId).toBe(TRACE_ID);
  });

  it.each([
    [''],
    [`ff${PARENT.slice(2)}`],
    [`${PARENT}-more`],
    [`${PARENT}0`],
    [PARENT.toUpperCase()],
    [`00-${'0'.repeat(32)}-00f067aa0ba902b7-01`],
    [`00-${TRACE_ID}-${'0'.repeat(16)}-01`],
    [`00-${TRACE_ID}-00f067aa0ba902b7`],
    [` ${PARENT}`],
    [`01${PARENT.slice(2)}-${'a'.repeat(300)}`],
  ])('does not take %j for one', (value) => {
    expect(parseTraceparent(value)).toBeUndefined();
  });
});

describe('traceOf', () => {
  it('goes on with the trace of the caller under a span of its own', () => {
    const trace = traceOf(headersOf('traceparent', PARENT, 'tracestate', 'a=1, b@v=2', 'baggage', 'k=v;p=1'), untrusted);
    expect(trace).toEqual({
      traceId: TRACE_ID,
      parentId: '00f067aa0ba902b7',
      spanId: 'ab'.repeat(8),
      sampled: false,
      tracestate: 'a=1,b@v=2',
      baggage: 'k=v;p=1',
    });
    expect(traceHeaders(trace)).toEqual({
      traceparent: `00-${TRACE_ID}-${'ab'.repeat(8)}-00`,
      tracestate: 'a=1,b@v=2',
      baggage: 'k=v;p=1',
    });
  });

  it('HDR-13: lets nobody but a trusted hop decide what is sampled', () => {
    const headers = headersOf('traceparent', PARENT);
    expect(traceOf(headers, untrusted).sampled).toBe(false);
    expect(traceOf(headers, { ...untrusted, trusted: true }).sampled).toBe(true);
    const unsampled = headersOf('traceparent', PARENT.replace(/01$/, '00'));
    expect(traceOf(unsampled, { ...untrusted, sample: () => true }).sampled).toBe(true);
  });

  it.each([
    ['no traceparent', []],
    ['a malformed one', ['traceparent', 'x']],
    ['two of them', ['traceparent', PARENT, 'traceparent', PARENT]],
  ])('starts a trace for %s and drops the tracestate', (_what, raw) => {
    const trace = traceOf(headersOf(...raw, 'tracestate', 'a=1'), untrusted);
    expect(trace).toMatchObject({ traceId: 'ab'.repeat(16), parentId: undefined, tracestate: '' });
  });

  it.each([
    ['33 members', Array.from({ length: 33 }, (_, i) => `k${i}=1`).join(',')],
    ['more than 512 characters', ['a', 'b', 'c'].map((name) => `${name}=${'x'.repeat(200)}`).join(',')],
    ['a name twice', 'a=1,a=2'],
    ['a malformed member', 'a=1,B=2'],
  ])('HDR-13: drops a tracestate with %s', (_what, tracestate) => {
    expect(traceOf(headersOf('traceparent', PARENT, 'tracestate', tracestate), untrusted).tracestate).toBe('');
  });

  it.each([
    ['65 members', Array.from({ length: 65 }, (_, i) => `k${i}=1`).join(',')],
    ['more than 8192 characters', `a=${'x'.repeat(8191)}`],
    ['a malformed member', 'a=1,=2'],
  ])('HDR-13: drops a baggage with %s', (_what, baggage) => {
    expect(traceOf(headersOf('baggage', baggage), untrusted).baggage).toBe('');
  });

  it('draws again when chance yields the id that means none', () => {
    let draws = 0;
    const trace = traceOf(HeaderList.empty, {
      ...untrusted,
      randomness: { bytes: (count) => new Uint8Array(count).fill(draws++ === 0 ? 0 : 1) },
    });
    expect(trace.spanId).toBe('01'.repeat(8));
  });

  it('yields fields that can be written for any input', () => {
    const value = fc.string({ unit: fc.constantFrom('a', '=', ',', ';', '-', '0', '1', ' ', '"', '\\', '@', '%', '\xe9') });
    fc.assert(
      fc.property(fc.constantFrom(PARENT, 'x'), value, value, (parent, tracestate, baggage) => {
        const fields = traceHeaders(
          traceOf(headersOf('traceparent', parent, 'tracestate', tracestate, 'baggage', baggage), untrusted),
        );
        expect(HeaderList.fromRaw(Object.entries(fields).flat()).toRaw().join('')).toMatch(/^[\x20-\x7e]+$/);
        for (const name of Object.keys(fields)) expect(isTraceHeader(name)).toBe(true);
      }),
    );
  });
});

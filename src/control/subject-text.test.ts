import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { callerText, subjectText } from '../core/caller.ts';
import { parseCallerText, parseSubject } from './subject-text.ts';

describe('the text of a caller', () => {
  it.each([
    'user:ada@acme.example',
    'agent:copilot',
    'workload:fraud/scorer',
    'workload:staging:fraud/scorer',
    'agent:copilot for user:ada@acme.example',
    'workload:shop/front for workload:staging:fraud/scorer',
  ])('is read back as it was written: %s', (text) => {
    const read = parseCallerText(text);
    expect(read && callerText(read)).toBe(text);
  });

  it('is a subject that says the same, or nothing, for any text', () => {
    const unit = fc.constantFrom('user:', 'agent:', 'workload:', ' for ', 'a', '/', ':', '*', ' ', '@');
    fc.assert(
      fc.property(fc.array(unit), (pieces) => {
        const text = pieces.join('');
        const subject = parseSubject(text);
        const caller = parseCallerText(text);
        if (subject !== undefined) expect(subjectText(subject)).toBe(text);
        if (caller !== undefined) expect(callerText(caller)).toBe(text);
      }),
    );
  });
});

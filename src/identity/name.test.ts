import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { agentName, isUserName, serviceAccountOf, userName } from './name.ts';

describe('user names', () => {
  it.each([
    ['two at signs', 'a@evil.com@corp.example'],
    ['a quoted local part', '"a@evil.com"@corp.example'],
    ['a quoted local part without at sign', '"a b"@corp.example'],
    ['a full-width dot in the domain', 'a@corp\uFF0Eexample'],
    ['an ideographic full stop', 'a@corp\u3002example'],
    ['a full-width at sign', 'a\uFF20corp.example'],
    ['a small at sign', 'a@evil.com\uFE6Bcorp.example'],
    ['a Cyrillic letter', 'a@c\u043Erp.example'],
    ['an empty local part', '@corp.example'],
    ['an empty domain', 'a@'],
    ['a domain with an empty label', 'a@corp..example'],
    ['a trailing dot', 'a@corp.example.'],
    ['a leading dot', '.a@corp.example'],
    ['a line break', 'a@evil.com\n@corp.example'],
    ['a blank', 'a @corp.example'],
    ['a zero-width blank', 'a\u200B@corp.example'],
    ['a NUL', 'a\u0000@corp.example'],
    ['a comment', 'a(c)@corp.example'],
    ['an address literal', 'a@[127.0.0.1]'],
    ['a pattern', '*@corp.example'],
    ['a soft hyphen', 'ad\u00ADa'],
    ['a name that is not composed', 'e\u0301ve'],
    ['nothing', ''],
  ])('JWT-6: refuses %s', (_what, text) => {
    expect(() => userName(text)).toThrow(expect.objectContaining({ code: 'TOKEN_USER_INVALID', status: 401 }));
  });

  it('JWT-6: folds the case of an address, so that no spelling is a second person', () => {
    expect(userName('Ada@CORP.example')).toBe('ada@corp.example');
    expect(userName('Ada')).toBe('Ada');
  });

  it.each([undefined, null, 3, {}, ['a@corp.example']])('refuses %j, which is no text', (value) => {
    expect(() => userName(value)).toThrow(expect.objectContaining({ code: 'TOKEN_USER_INVALID' }));
  });

  it('never hold two at signs, blanks or stars, whatever comes in', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.emailAddress(), fc.stringMatching(/^[a@.*" ]{1,12}$/)), (text) => {
        if (!isUserName(text)) return;
        const name = userName(text);
        expect(name.split('@').length).toBeLessThanOrEqual(2);
        expect(name).not.toMatch(/[\s*"\\]/);
        expect(userName(name)).toBe(name);
      }),
    );
  });
});

describe('other names', () => {
  it('agents have short plain names', () => {
    expect(agentName('support-copilot')).toBe('support-copilot');
    for (const bad of ['', 'a b', 'x for user:root', '*', 'é', undefined]) {
      expect(() => agentName(bad)).toThrow(expect.objectContaining({ code: 'TOKEN_AGENT_INVALID' }));
    }
  });

  it('service accounts are read from the text that the API server writes, and from no other', () => {
    expect(serviceAccountOf('system:serviceaccount:fraud:scorer')).toEqual({ namespace: 'fraud', serviceAccount: 'scorer' });
    for (const bad of [
      'system:serviceaccount:fraud',
      'system:serviceaccount:a:b:c',
      'system:serviceaccount:A:b',
      'system:node:x',
    ]) {
      expect(serviceAccountOf(bad)).toBeUndefined();
    }
  });
});

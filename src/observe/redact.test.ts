import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Problem } from '../core/problem.ts';
import { Secret } from '../core/secret.ts';
import { redact, redactText } from './redact.ts';

const JWT = `eyJhbGciOiJSUzI1NiJ9.${'eyJzdWIiOiJhZGEifQ'.repeat(3)}.c2lnbmF0dXJl-canary`;

describe('SEC-1 what is written down', () => {
  it.each([
    ['a bearer header', `authorization: Bearer ${JWT}`],
    ['a basic header', 'Authorization: Basic dXNlcjpjYW5hcnk='],
    ['a token in a sentence', `unexpected token ${JWT} at line 1`],
    ['a token cut short', `token eyJhbGciOiJSUzI1NiJ9canary`],
    ['a program token', 'pnu_canaryCANARY0123456789abcdefghijklmnopqrstuvwxyz0123'],
    ['a session cookie', '__Host-fl_0123456789abcdef=canary-session; x=1'],
    ['a code in a URL', 'GET /.fairlead/session?code=canary&state=canary'],
    ['a password in a URL', 'postgres://fairlead:canary@db:5432/x'],
  ])('does not hold %s', (_, text) => {
    expect(redactText(text)).toContain('[redacted]');
    expect(redactText(text).toLowerCase()).not.toContain('canary');
    expect(redactText(text)).not.toContain('dXNlcj');
  });

  it('does not hold values under secret names, at any depth', () => {
    const value = {
      Authorization: 'canary',
      'set-cookie': ['canary'],
      config: {
        clientSecret: 'canary',
        access_token: 'canary',
        password: 'canary',
        apiKey: 'canary',
        list: [{ private_key: 'canary' }],
      },
      wrapped: new Secret('canary'),
      map: new Map([['refreshToken', 'canary']]),
    };
    expect(JSON.stringify(redact(value))).not.toContain('canary');
  });

  it('keeps what helps: codes, causes, counts', () => {
    const cause = Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:4200'), { code: 'ECONNREFUSED' });
    const problem = new Problem({ code: 'LOOKUP_UNAVAILABLE', kind: 'fault', message: 'no answer', cause });
    expect(redact({ problem, hasToken: true, ms: 5, at: new Date(0), n: 2n })).toMatchObject({
      problem: { name: 'Problem', code: 'LOOKUP_UNAVAILABLE', message: 'no answer', cause: { code: 'ECONNREFUSED' } },
      hasToken: true,
      ms: 5,
      at: '1970-01-01T00:00:00.000Z',
      n: '2',
    });
  });

  it('is bounded, whatever comes', () => {
    const loop: Record<string, unknown> = {};
    loop['self'] = loop;
    expect(JSON.stringify(redact(loop)).length).toBeLessThan(200);
    expect(redactText('x'.repeat(100_000)).length).toBeLessThan(5_000);
    const started = performance.now();
    redactText('-eyJaaaaaaaaa'.repeat(10_000));
    redactText('a://:'.repeat(10_000));
    expect(performance.now() - started).toBeLessThan(2_000);
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withMap: true, withSet: true, withDate: true, withTypedArray: true }),
        (value) => {
          expect(typeof JSON.stringify({ value: redact(value) })).toBe('string');
        },
      ),
    );
  });
});

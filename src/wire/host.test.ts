import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { runs } from '../../test/support/runs.ts';
import { Problem } from '../core/problem.ts';
import { canonicalHost } from './host.ts';
import { codeOf } from './testing.ts';

describe('canonicalHost', () => {
  it.each([
    ['Prefect.Access.ACME.com', 'prefect.access.acme.com', undefined],
    ['a.example.', 'a.example', undefined],
    ['a.example.:8443', 'a.example', 8443],
    ['a.example:', 'a.example', undefined],
    ['localhost:8080', 'localhost', 8080],
    ['127.0.0.1:1', '127.0.0.1', 1],
    ['[::1]:8080', '[::1]', 8080],
    ['[2001:0DB8:0:0::1]', '[2001:db8::1]', undefined],
    ['xn--bcher-kva.example', 'xn--bcher-kva.example', undefined],
    ['my_svc.ns.svc', 'my_svc.ns.svc', undefined],
  ])('PATH-4: reads %s', (value, host, port) => {
    expect(canonicalHost(value)).toEqual({ host, port });
  });

  it.each([
    [''],
    ['.'],
    ['a..b'],
    ['a.example..'],
    ['.a'],
    ['-a.example'],
    ['a-.example'],
    ['*.example'],
    ['user@a.example'],
    ['a.example@evil'],
    ['a.example/x'],
    ['a.example,b.example'],
    ['a example'],
    ['a.example:0'],
    ['a.example:65536'],
    ['a.example:80:80'],
    ['a.example:+80'],
    ['a.example:8a'],
    ['b\xfccher.example'],
    ['b%C3%BCcher.example'],
    ['::1'],
    ['[::1'],
    ['[::1]x'],
    ['[::1%25eth0]'],
    ['[fe80::1%eth0]'],
    ['[127.0.0.1]'],
    ['127.1'],
    ['0x7f000001'],
    ['2130706433'],
    ['1.2.3.256'],
    ['01.2.3.4'],
    ['a.0x10'],
    ['a\0.example'],
    [`${'a'.repeat(64)}.example`],
    [`${'a.'.repeat(127)}aa`],
  ])('PATH-4: refuses %j', (value) => {
    expect(codeOf(() => canonicalHost(value))).toBe('HOST_INVALID');
  });

  it('ends in a canonical host or HOST_INVALID for any input, and agrees with WHATWG URL on what it accepts', () => {
    const piece = fc.oneof(
      fc.constantFrom('.', ':', '[', ']', '-', '0x', '80', 'A', 'xn--', '@', '%', '::1', '127', '_'),
      fc.string({ maxLength: 3 }),
    );
    fc.assert(
      fc.property(
        fc.array(piece, { maxLength: 8 }).map((parts) => parts.join('')),
        (value) => {
          let read: ReturnType<typeof canonicalHost>;
          try {
            read = canonicalHost(value);
          } catch (thrown) {
            if (!(thrown instanceof Problem)) throw thrown;
            expect(thrown.code).toBe('HOST_INVALID');
            return;
          }
          expect(canonicalHost(read.host)).toEqual({ host: read.host, port: undefined });
          // URL refuses some `xn--` labels that are no Punycode; what both read, they read alike.
          const url = URL.parse(`http://${read.host}/`);
          if (url !== null) expect(url.hostname).toBe(read.host);
        },
      ),
      { numRuns: runs(1000) },
    );
  });
});

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HeaderList } from './headers.ts';
import { connectionOptions, isReservedHeader, stripForClient, stripForUpstream, stripTrailers } from './hop.ts';

const RESERVED = [
  'X-Forwarded-For',
  'X-Forwarded-User',
  'x-forwarded-client-cert',
  'Forwarded',
  'X-Real-IP',
  'X-Original-URL',
  'X-Rewrite-Url',
  'X-Envoy-External-Address',
  'X-HTTP-Method-Override',
  'X-HTTP-Method',
  'X-Method-Override',
  'X-Fairlead-User',
  'X-Goog-Authenticated-User-Email',
  'X-Goog-IAP-JWT-Assertion',
  'X-Goog-IAM-Authorization-Token',
  'X-Goog-User-Project',
  'X-Serverless-Authorization',
  'Remote-User',
  'Prefect-Automation-Id',
  'Prefect-Automation-Name',
  'Impersonate-User',
];
const KEPT = [
  'Accept',
  'Authorization',
  'Content-Type',
  'Prefect-Csrf-Token',
  'X-Prefect-Api-Version',
  'X-Goog-Api-Client',
  'X-Custom',
];

/** Spellings under which some server would take the field for `name`. */
const spellings = (name: string): readonly string[] => [name, name.toLowerCase(), name.toUpperCase(), name.replaceAll('-', '_')];

describe('stripForUpstream', () => {
  it.each(RESERVED)('HDR-1, HDR-10, HDR-11: takes out %s in every spelling, once and twice', (name) => {
    for (const spelling of spellings(name)) {
      const headers = HeaderList.fromRaw([spelling, 'forged', 'Accept', '*/*', spelling, 'forged, again']);
      // `Forwarded` has no dash, so its spellings are all the same name.
      expect(stripForUpstream(headers).toRaw()).toEqual(['Accept', '*/*']);
    }
  });

  it('leaves the fields of the application as they came', () => {
    const raw = KEPT.flatMap((name) => [name, 'v']);
    expect(stripForUpstream(HeaderList.fromRaw(raw)).toRaw()).toEqual(raw);
  });

  it('HDR-6: takes out hop-by-hop fields and those that Connection names', () => {
    const headers = HeaderList.fromRaw(
      ['Connection: close, X-Hop', 'X-Hop: 1', 'connection: keep-alive', 'Keep-Alive: timeout=5', 'TE: trailers', 'Upgrade: h2c']
        .concat([
          'Proxy-Authorization: Basic x',
          'Transfer-Encoding: chunked',
          'Trailer: X-Sum',
          'HTTP2-Settings: x',
          'Accept: a',
        ])
        .flatMap((line) => line.split(': ')),
    );
    expect(stripForUpstream(headers).toRaw()).toEqual(['Accept', 'a']);
  });

  it('HDR-6: a Connection that names a field of the gateway does not reach the one set afterwards', () => {
    const headers = HeaderList.fromRaw([
      'Connection',
      'close, X-Fairlead-User, x-forwarded-client-cert',
      'X-Fairlead-User',
      'forged',
    ]);
    expect(stripForUpstream(headers).with('X-Fairlead-User', 'user:ada').toRaw()).toEqual(['X-Fairlead-User', 'user:ada']);
  });

  it('HDR-13: takes out tracing fields of every format', () => {
    const raw = ['traceparent', 'tracestate', 'baggage', 'b3', 'X-B3-Sampled', 'X-Cloud-Trace-Context', 'X-Request-Id'];
    expect(stripForUpstream(HeaderList.fromRaw(raw.flatMap((name) => [name, '1']))).toRaw()).toEqual([]);
  });

  it('HDR-3: whatever reserved fields a client adds, the same is forwarded', () => {
    const name = fc.constantFrom(...RESERVED.flatMap(spellings));
    const value = fc.string({ unit: fc.constantFrom('a', '1', '/', ',', ' ', '%', ';') });
    fc.assert(
      fc.property(fc.array(fc.tuple(name, value)), (added) => {
        const raw = KEPT.flatMap((kept) => [kept, 'v']);
        expect(stripForUpstream(HeaderList.fromRaw([...added.flat(), ...raw])).toRaw()).toEqual(raw);
      }),
    );
  });
});

describe('isReservedHeader', () => {
  it('reserves every name with an underscore', () => {
    expect(isReservedHeader('X_Custom')).toBe(true);
    expect(isReservedHeader('x-custom')).toBe(false);
  });
});

describe('stripForClient', () => {
  it('lets no upstream speak for the gateway or lead around it', () => {
    const headers = HeaderList.fromRaw(
      [
        'X-Fairlead-Decision: d',
        'x_fairlead_decision: d',
        'Alt-Svc: h3=":443"',
        'Connection: X-A',
        'X-A: 1',
        'Set-Cookie: a=1',
        'Set-Cookie: b=2',
      ].flatMap((line) => line.split(': ')),
    );
    expect(stripForClient(headers).toRaw()).toEqual(['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2']);
  });
});

describe('stripTrailers', () => {
  it('SMUG-5: filters trailers like headers and keeps framing and credentials out of them', () => {
    const names = [
      'X-Fairlead-User',
      'X_Forwarded_User',
      'Content-Length',
      'Transfer-Encoding',
      'Host',
      'Authorization',
      'Cookie',
    ];
    const trailers = HeaderList.fromRaw([...names.flatMap((name) => [name, '1']), 'X-Checksum', 'abc']);
    expect(stripTrailers(trailers).toRaw()).toEqual(['X-Checksum', 'abc']);
  });
});

describe('connectionOptions', () => {
  it('reads all fields and ignores empty members', () => {
    expect([...connectionOptions(HeaderList.fromRaw(['Connection', ', Close ,,', 'connection', '\tUpgrade']))]).toEqual([
      'close',
      'upgrade',
    ]);
  });
});

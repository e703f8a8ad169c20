import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { runs } from '../../test/support/runs.ts';
import { type Diagnostic, diagnosticText } from '../core/diagnostic.ts';
import { loadConfig } from './load.ts';

const BASE = 'origin: http://localhost:8444\nadministrators: [group:platform]\nlisten: {admin: "127.0.0.1:9090"}';
const EXAMPLE = join(import.meta.dirname, '../../examples/fairlead.yaml');
const CASES = z
  .array(z.strictObject({ name: z.string(), text: z.string(), expect: z.array(z.string()) }))
  .parse(parse(readFileSync(join(import.meta.dirname, 'cases/errors.case.yaml'), 'utf8')));

function oneLine(diagnostic: Diagnostic): string {
  return diagnosticText(diagnostic).replace('\n   ', '');
}

describe('mistakes in the configuration', () => {
  it.each(CASES)('$name', ({ text, expect: expected }) => {
    const { config, diagnostics } = loadConfig(text.replace('{base}', BASE), 'fairlead.yaml');
    expect(diagnostics.map(oneLine)).toEqual(expected);
    expect(config === undefined).toBe(diagnostics.some(({ severity }) => severity === 'error'));
    expect(JSON.stringify(diagnostics)).not.toContain('hunter2-canary');
  });

  it('are told at the variable when the environment made them', () => {
    const { diagnostics } = loadConfig(BASE, 'fairlead.yaml', {
      env: { FAIRLEAD_LISTEN_ADMIN: '0.0.0.0:9090', FAIRLEAD_STORE: 'postgres://u:hunter2-canary@db/x' },
    });
    expect(diagnostics.map(oneLine)).toEqual([
      'environment variable FAIRLEAD_STORE: error: a PostgreSQL store is not supported yet [CONFIG_NOT_SUPPORTED]',
      'environment variable FAIRLEAD_LISTEN_ADMIN: error: `listen.admin` is not on loopback and has no TLS [CONFIG_INSECURE] help: use 127.0.0.1, or say `tls: external` when something in front protects it',
    ]);
  });
});

describe('a sound configuration', () => {
  it('is the example', () => {
    const { config, diagnostics } = loadConfig(readFileSync(EXAMPLE, 'utf8'), EXAMPLE);
    expect(diagnostics).toEqual([]);
    expect(config).toMatchObject({
      file: EXAMPLE,
      origin: { text: 'https://access.acme.example', host: 'access.acme.example', port: 443, secure: true },
      administrators: ['group:okta/platform'],
      listen: { proxy: { host: '', port: 8443 }, control: { host: '', port: 8444 }, admin: { host: '127.0.0.1', port: 9090 } },
      tls: { cert: join(EXAMPLE, '../tls.pem'), key: { secret: 'file:///run/secrets/tls-key' } },
      limits: { headBytes: 65_536, bodyBytes: 16_777_216, connections: 10_000 },
      drainMs: 30_000,
      sessions: { idle: 28_800_000, absolute: 86_400_000 },
      store: { kind: 'sqlite', folder: join(EXAMPLE, '../data') },
      identity: [
        { name: 'okta', disclose: 'rule' },
        { name: 'prod', home: true },
      ],
      targets: [
        {
          name: 'prefect',
          hosts: ['prefect.access.acme.example'],
          mode: 'observe',
          access: ['policy'],
          system: { kind: 'prefect', url: 'http://prefect-server:4200', auth: 'file:///run/secrets/prefect-auth' },
        },
        { name: 'grafana', mode: 'enforce', system: { kind: 'http', url: 'http://grafana:3000' } },
      ],
      policies: [{ path: join(EXAMPLE, '../policies') }],
      audit: { retain: 34_560_000_000, maxBytes: 21_474_836_480 },
      observe: { decisions: { kind: 'stdout' }, logLevel: 'info' },
    });
  });

  it('may be plain HTTP on loopback, with a port for each target', () => {
    const text = `${BASE}\ntargets:\n  - {name: web, port: 8081, http: {url: "http://127.0.0.1:3000/app/"}}\nobserve: {decisions: ./d.jsonl}`;
    const { config, diagnostics } = loadConfig(text, '/etc/fairlead/fairlead.yaml');
    expect(diagnostics).toEqual([]);
    expect(config).toMatchObject({
      tls: undefined,
      listen: { proxy: undefined, control: { host: '127.0.0.1', port: 8444 } },
      targets: [{ hosts: [], port: 8081, system: { kind: 'http', url: 'http://127.0.0.1:3000/app' } }],
      observe: { decisions: { kind: 'file', path: '/etc/fairlead/d.jsonl' } },
    });
  });

  it('takes addresses, origin and store from the environment over the file', () => {
    const env = {
      FAIRLEAD_PUBLIC_ORIGIN: 'http://localhost:9444',
      FAIRLEAD_LISTEN_CONTROL: '127.0.0.1:9444',
      FAIRLEAD_STORE: 'sqlite:/var/lib/fairlead',
      FAIRLEAD_LISTEN_PROXY: '',
      FAIRLEAD_LOG_LEVEL: 'warn',
    };
    const { config } = loadConfig(BASE, 'fairlead.yaml', { env });
    expect(config).toMatchObject({
      origin: { text: 'http://localhost:9444' },
      listen: { proxy: undefined, control: { port: 9444 } },
      store: { folder: '/var/lib/fairlead' },
      observe: { logLevel: 'warn' },
    });
  });

  it('leaves alone the variable by which commands are told whom to ask', () => {
    const { config, diagnostics } = loadConfig(BASE, 'fairlead.yaml', { env: { FAIRLEAD_ORIGIN: 'nonsense' } });
    expect(diagnostics).toEqual([]);
    expect(config?.origin).toEqual(loadConfig(BASE, 'fairlead.yaml').config?.origin);
  });
});

describe('any text', () => {
  const example = readFileSync(EXAMPLE, 'utf8');
  const fragment = fc.constantFrom(
    ...example.split(/(?<=[\s{}[\],:])/),
    '{',
    '}',
    '[',
    '- ',
    '&a ',
    '*a',
    '!!map ',
    '? ',
    '<<: ',
    '__proto__: ',
    '\0',
    '"',
    "'",
    '|',
    '---\n',
    '%',
    '\t',
  );

  const endsWell = (text: string): void => {
    const { config, diagnostics } = loadConfig(text, 'fairlead.yaml');
    const errors = diagnostics.filter(({ severity }) => severity === 'error');
    expect(config === undefined).toBe(errors.length > 0);
    for (const { line, column, message } of diagnostics) {
      expect(line).toBeGreaterThan(0);
      expect(column).toBeGreaterThan(0);
      expect(message).not.toBe('');
    }
  };

  it('ends in a configuration or in diagnostics', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string({ unit: 'binary' }),
          fc.array(fragment, { maxLength: 60 }).map((all) => all.join('')),
        ),
        endsWell,
      ),
    );
  });

  it('does so when it is the example with a piece cut out or put in', () => {
    const piece = fc.record({ at: fc.nat(example.length), cut: fc.nat(40), put: fc.array(fragment, { maxLength: 4 }) });
    fc.assert(
      fc.property(piece, ({ at, cut, put }) => endsWell(example.slice(0, at) + put.join('') + example.slice(at + cut))),
      { numRuns: runs(150) },
    );
  });

  it('does so for any value of any section', () => {
    const section = fc.constantFrom(
      'origin',
      'listen',
      'tls',
      'limits',
      'store',
      'identity',
      'targets',
      'policies',
      'administrators',
      'observe',
    );
    fc.assert(
      fc.property(section, fc.jsonValue({ maxDepth: 4 }), (name, value) => {
        endsWell(JSON.stringify({ origin: 'http://localhost:8444', [name]: value }));
      }),
    );
  });

  it.each([
    ['nested a hundred thousand deep', '['.repeat(100_000)],
    [
      'aliases that multiply',
      `a: &a [x,x,x,x,x,x,x,x,x]\n${Array.from(
        { length: 9 },
        (_, i) =>
          `b${i}: &b${i} [${Array(9)
            .fill(`*${i === 0 ? 'a' : `b${i - 1}`}`)
            .join()}]`,
      ).join('\n')}`,
    ],
    ['an endless line', `origin: ${'x'.repeat(2_000_000)}`],
  ])('%s is refused in a sentence', (_, text) => {
    const { config, diagnostics } = loadConfig(text, 'fairlead.yaml');
    expect(config).toBeUndefined();
    expect(diagnostics.map(({ code }) => code)).toContain('CONFIG_YAML');
  });
});

import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { LogFields } from '../core/ports.ts';
import { Problem } from '../core/problem.ts';
import { parseSecretReference } from './secret-reference.ts';
import { createSecrets } from './secrets.ts';

let folder: string;
let now: number;
const lines: [string, LogFields | undefined][] = [];
const add = (event: string, fields?: LogFields): void => void lines.push([event, fields]);
const log = { info: add, warn: add, error: add };

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'fairlead-secrets-'));
  now = 0;
  lines.length = 0;
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function write(name: string, content: string | Uint8Array, mode = 0o600): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  chmodSync(path, mode);
  return `file://${path}`;
}

function secrets(env: Record<string, string> = {}) {
  return createSecrets({ log, clock: { now: () => now }, env });
}

async function refusal(reference: string, env: Record<string, string> = {}): Promise<Problem> {
  const error: unknown = await secrets(env)
    .read(reference)
    .catch((thrown: unknown) => thrown);
  if (!(error instanceof Problem)) throw new Error('this was read, or failed without a Problem');
  return error;
}

describe('secret references', () => {
  it.each([
    ['file:///run/secrets/x', { kind: 'file', path: '/run/secrets/x' }],
    ['file:///a%20b', { kind: 'file', path: '/a b' }],
    ['env://PREFECT_AUTH', { kind: 'env', name: 'PREFECT_AUTH' }],
    ['vault://kv/x', { kind: 'unsupported', scheme: 'vault' }],
    ['gcp-sm://p/s', { kind: 'unsupported', scheme: 'gcp-sm' }],
    ['aws-sm://s', { kind: 'unsupported', scheme: 'aws-sm' }],
    ['k8s://ns/n/k', { kind: 'unsupported', scheme: 'k8s' }],
  ])('%s is understood', (text, expected) => {
    expect(parseSecretReference(text)).toEqual(expected);
  });

  it.each([
    'hunter2-canary',
    '',
    'file://',
    'file://relative/canary',
    'file:///',
    'file:///a%2fcanary',
    'file:///canary%00',
    'file:///canary?x',
    'env://',
    'env://a-canary',
    'https://canary/x',
    'FILE:///canary',
    'constructor://canary',
  ])('%j is refused without being repeated', (text) => {
    const parsed = parseSecretReference(text);
    expect(parsed.kind).toBe('invalid');
    expect(JSON.stringify(parsed)).not.toContain('canary');
  });

  it('end in a reference or a sentence, for any text', () => {
    const text = fc.oneof(
      fc.string(),
      fc.tuple(fc.constantFrom('file:///', 'file://', 'env://', 'vault://', '%'), fc.string()).map((all) => all.join('')),
    );
    fc.assert(
      fc.property(text, (one) => {
        expect(['file', 'env', 'unsupported', 'invalid']).toContain(parseSecretReference(one).kind);
      }),
    );
  });
});

describe('secrets', () => {
  it('are read from files, without the one newline that ends them', async () => {
    for (const [content, value] of [
      ['s3cret', 's3cret'],
      ['s3cret\n', 's3cret'],
      ['s3cret\r\n', 's3cret'],
      ['s3cret\n\n', 's3cret\n'],
      [' s3cret ', ' s3cret '],
    ] as const) {
      expect((await secrets().read(write('x', content))).reveal()).toBe(value);
    }
  });

  it('are read from the environment', async () => {
    expect((await secrets({ AUTH: 'u:p' }).read('env://AUTH')).reveal()).toBe('u:p');
    expect((await refusal('env://AUTH')).message).toBe('the environment variable `AUTH` is not set');
    expect((await refusal('env://AUTH', { AUTH: '' })).code).toBe('SECRET_UNAVAILABLE');
  });

  it('are read again when the file was replaced, and not before', async () => {
    const reader = secrets();
    const reference = write('x', 'old');
    expect((await reader.read(reference)).reveal()).toBe('old');
    write('y', 'new');
    renameSync(join(folder, 'y'), join(folder, 'x'));
    expect((await reader.read(reference)).reveal()).toBe('old');
    now += 1_000;
    expect((await reader.read(reference)).reveal()).toBe('new');
    expect(lines.map(([event]) => event)).toEqual(['secret.reloaded']);
  });

  it('are read again when the file was written in place with the same length', async () => {
    const reader = secrets();
    const reference = write('x', 'aaa');
    await reader.read(reference);
    await new Promise((resolve) => setTimeout(resolve, 20));
    write('x', 'bbb');
    now += 1_000;
    expect((await reader.read(reference)).reveal()).toBe('bbb');
  });

  it('are read again at once after they were forgotten', async () => {
    const reader = secrets();
    const reference = write('x', 'old');
    await reader.read(reference);
    rmSync(join(folder, 'x'));
    write('x', 'newer');
    reader.forget();
    expect((await reader.read(reference)).reveal()).toBe('newer');
  });

  it('that disappeared are our own fault, not the old value', async () => {
    const reader = secrets();
    const reference = write('x', 'old');
    await reader.read(reference);
    rmSync(join(folder, 'x'));
    now += 1_000;
    await expect(reader.read(reference)).rejects.toMatchObject({ code: 'SECRET_UNAVAILABLE', kind: 'fault', status: 503 });
    write('x', 'back');
    expect((await reader.read(reference)).reveal()).toBe('back');
  });

  it('that anybody else may read are warned of, once', async () => {
    const reader = secrets();
    const reference = write('x', 'v', 0o640);
    await reader.read(reference);
    now += 5_000;
    write('x', 'v2', 0o640);
    await reader.read(reference);
    expect(lines.filter(([event]) => event === 'secret.file_mode')).toEqual([
      ['secret.file_mode', { file: join(folder, 'x'), mode: '0640', help: 'chmod 0600' }],
    ]);
  });

  it('SEC-1 never stand in an error, a log line or a print', async () => {
    const texts = [
      await refusal(write('big', 'canary'.repeat(20_000))),
      await refusal(write('binary', Uint8Array.of(0x63, 0xff, 0xfe))),
      await refusal('hunter2-canary'),
      await refusal('file:///nonexistent/x'),
      await refusal(write('empty', '\n')),
      await secrets().read(write('good', 'canary')),
    ].map(
      (one) => `${String(one)} ${JSON.stringify(one)} ${one instanceof Problem ? (one.stack ?? '') + String(one.cause) : ''}`,
    );
    expect(`${texts.join('\n')}${JSON.stringify(lines)}`).not.toContain('canary');
  });

  it('are never waited for in a pipe, and never read from a folder', async () => {
    const pipe = join(folder, 'pipe');
    execFileSync('mkfifo', [pipe]);
    expect((await refusal(`file://${pipe}`)).message).toContain('is not a regular file');
    expect((await refusal(`file://${folder}`)).code).toBe('SECRET_UNAVAILABLE');
  });

  it('from stores that nothing reads yet are refused by name', async () => {
    expect((await refusal('vault://kv/x')).message).toBe('secrets from `vault://` are not supported yet');
  });
});

import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { temporaryFolder } from '../support/records.ts';
import { without } from '../support/without.ts';

const APPENDER = join(import.meta.dirname, 'appender.ts');
const SCRIPT = join(import.meta.dirname, 'power-cut.sh');
const WRITER = [process.execPath, APPENDER, 'paced'];
/** fsync and fdatasync become lies: the control, without which the test could be one that cannot fail. */
const LYING = [
  'strace',
  '-f',
  '-qq',
  '-e',
  'trace=fsync,fdatasync',
  '-e',
  'inject=fsync,fdatasync:retval=0',
  '-o',
  '/dev/null',
  ...WRITER,
];

const environment = { ...process.env, NODE_OPTIONS: '' };
const canMount = ((): boolean => {
  // Loop devices and mounts of its own, made and gone with the namespace; only root may.
  const probe =
    'd=$(mktemp -d) && truncate -s 8M "$d/i" && mkfs.ext4 -q -F "$d/i" && mount -o loop "$d/i" "$d" && umount "$d"; r=$?; rm -rf "$d"; exit $r';
  if (spawnSync('unshare', ['-m', 'sh', '-c', probe], { stdio: 'ignore' }).status === 0) return true;
  without('the power cut', 'it needs root, loop devices and mkfs.ext4');
  return false;
})();

const canLie = ((): boolean => {
  if (spawnSync('strace', ['-V'], { stdio: 'ignore' }).status === 0) return true;
  without('the power cut with syncs that lie', 'it needs strace');
  return false;
})();

interface Cut {
  /** Ids of decisions that were durable, as the writer was told. */
  readonly acknowledged: readonly string[];
  /** Outcome by id of each decision on the disk. */
  readonly found: ReadonlyMap<string, string>;
  /** Whether the disk could be read as a gateway reads it. */
  readonly isReadable: boolean;
}

function cutAfter(count: number, writer: readonly string[]): Cut {
  const folder = temporaryFolder(onTestFinished);
  const check = `${process.execPath} ${APPENDER} read`;
  const run = spawnSync('unshare', ['-m', 'bash', SCRIPT, folder, String(count), check, ...writer], {
    encoding: 'utf8',
    env: environment,
    timeout: 120_000,
  });
  const lines = (file: string, word: string): string[] =>
    readFileSync(join(folder, file), 'utf8')
      .split('\n')
      .slice(0, -1)
      .flatMap((line) => (line.startsWith(`${word} `) ? [line.slice(word.length + 1)] : []));
  if (run.status !== 0) throw new Error(`no power cut took place: ${run.stderr}`);
  return {
    acknowledged: lines('said', 'ack'),
    found: new Map(lines('found', 'found').map((line) => line.split(' ') as [string, string])),
    isReadable: readFileSync(join(folder, 'checked'), 'utf8') === '0\n',
  };
}

describe.skipIf(!canMount)('the record after a power cut', () => {
  it.each([40, 75, 150, 310, 640])(
    'after %s words of its writer holds every decision that was acknowledged, unsealed, each with an outcome',
    (count) => {
      const { acknowledged, found, isReadable } = cutAfter(count, WRITER);
      expect(isReadable).toBe(true);
      expect(acknowledged.length).toBeGreaterThan(20);
      expect(acknowledged.filter((id) => !found.has(id))).toEqual([]);
      // At most the one that was under way is there beside them.
      expect(found.size - acknowledged.length).toBeLessThanOrEqual(1);
      // An outcome may reach the disk later than its decision: after a cut that comes early there is none.
      const outcomes = [...found.values()];
      expect(outcomes.filter((outcome) => outcome !== 'answered' && outcome !== 'unknown')).toEqual([]);
      if (count > 600) expect(outcomes).toContain('answered');
    },
  );

  it.skipIf(!canLie)('would be seen to lose some, were the syncs a lie', () => {
    const lost = (): number => {
      const { acknowledged, found } = cutAfter(300, LYING);
      expect(acknowledged.length).toBeGreaterThan(20);
      return acknowledged.filter((id) => !found.has(id)).length;
    };
    // Somebody else's `sync` on this machine may have saved them once.
    expect(lost() || lost() || lost()).toBeGreaterThan(0);
  });
});

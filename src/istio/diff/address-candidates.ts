import type { CidrBlock } from '../matcher.ts';
import type { Clause } from './clause.ts';

export interface AddressText {
  readonly text: string;
  readonly bytes: readonly number[];
}

/**
 * Addresses of which one passes if any does: the first of a block that must hold, and the first behind each block that must
 * not. With nothing that must hold, the usual ones come first and the first of either family last.
 */
export function* addressCandidates(clauses: readonly Clause[], usual: readonly AddressText[]): Generator<AddressText> {
  const blocks = (negative: boolean) =>
    clauses.filter((clause) => clause.negative === negative).flatMap(({ leaves }) => leaves.flatMap(blockOf));
  const wanted = blocks(false);
  const unwanted = blocks(true);
  if (wanted.length === 0) yield* usual;
  for (const block of wanted) {
    // A host in the block reads better than the block's own name.
    if (block.bits < block.bytes.length * 8 - 1) yield next(startOf(block)) as AddressText;
    yield address(startOf(block));
  }
  for (const block of [...unwanted, ...wanted]) {
    const behind = next(endOf(block));
    if (behind !== undefined) yield behind;
  }
  if (wanted.length > 0) return;
  yield address([0, 0, 0, 0]);
  yield address(new Array<number>(16).fill(0));
}

function blockOf(leaf: Clause['leaves'][number]): readonly CidrBlock[] {
  return 'block' in leaf ? [leaf.block] : [];
}

function startOf({ bytes, bits }: CidrBlock): readonly number[] {
  return bytes.map((byte, index) => byte & maskOf(bits, index));
}

function endOf({ bytes, bits }: CidrBlock): readonly number[] {
  return bytes.map((byte, index) => (byte & maskOf(bits, index)) | (~maskOf(bits, index) & 0xff));
}

function maskOf(bits: number, index: number): number {
  const own = Math.min(8, Math.max(0, bits - index * 8));
  return (0xff << (8 - own)) & 0xff;
}

function next(bytes: readonly number[]): AddressText | undefined {
  const sum = [...bytes];
  for (let index = sum.length - 1; index >= 0; index -= 1) {
    const byte = (sum[index] ?? 0) + 1;
    sum[index] = byte & 0xff;
    if (byte <= 0xff) return address(sum);
  }
  return undefined;
}

function address(bytes: readonly number[]): AddressText {
  if (bytes.length === 4) return { bytes, text: bytes.join('.') };
  const groups: string[] = [];
  for (let index = 0; index < 16; index += 2) groups.push((((bytes[index] ?? 0) << 8) | (bytes[index + 1] ?? 0)).toString(16));
  const text = groups.join(':').replace(/(?:^|:)0(?::0)+(?::|$)/, '::');
  return { bytes, text };
}

import { Buffer } from 'node:buffer';
import type { Verdict } from '../core/decision.ts';
import type { EntryType } from './draft.ts';

/** Numbers that stand for types and verdicts in rows. They are on disk: never change one. */
export const TYPE_NUMBER: Readonly<Record<EntryType, number>> = {
  'decision.v1': 1,
  'outcome.v1': 2,
  'refusal.v1': 3,
  'event.v1': 4,
  'gap.v1': 5,
};

export const VERDICT_NUMBER: Readonly<Record<Verdict, number>> = { allow: 1, hold: 2, deny: 3 };

/** Names that `audit_state` holds. */
export const CLOSED_BELOW = 'closed_below';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** An id as it stands in rows: 16 bytes for a UUID, else its text, filled up so that it is longer. */
export function idBytes(id: string): Uint8Array {
  return UUID.test(id) ? Buffer.from(id.replaceAll('-', ''), 'hex') : Buffer.from(id.slice(0, 64).padEnd(17, '\0'));
}

/** The other way of `idBytes`. */
export function idText(bytes: unknown): string {
  if (!(bytes instanceof Uint8Array)) return '';
  if (bytes.length !== 16) return Buffer.from(bytes).toString('utf8').replace(/\0+$/, '');
  const hex = Buffer.from(bytes).toString('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

/** Actions of a call as one name: sorted, without repeats, joined by a space. */
export function actionSet(actions: readonly string[]): string {
  if (actions.length === 1) return actions[0] ?? '';
  return [...new Set(actions)].sort().slice(0, MAX_ACTIONS).join(' ');
}

/** Resources of a call for prefix search: each on a line of its own, with a line end before and after. */
export function resourceLines(resources: readonly string[]): string {
  if (resources.length === 1) return `\n${resources[0]}\n`;
  return `\n${[...new Set(resources)].join('\n').slice(0, MAX_RESOURCES)}\n`;
}

const MAX_ACTIONS = 64;
const MAX_RESOURCES = 16_384;

import type { JsonObject } from '../../../wire/call.ts';
import { invalid } from '../bodies.ts';

/** What a proposed state means: one route serves engines, workers and people, and only the body tells them apart. */
export type Move = 'report' | 'cancel' | 'retry' | 'resume' | 'suspend';

const TERMINAL: ReadonlySet<string> = new Set(['COMPLETED', 'FAILED', 'CRASHED', 'CANCELLED']);
const STATES: ReadonlySet<string> = new Set([...TERMINAL, 'SCHEDULED', 'PENDING', 'RUNNING', 'PAUSED', 'CANCELLING']);

/** `current` is the state type that the run has now, empty when it has none. */
export function moveOf(state: JsonObject, current: string): Move {
  const type = typeOf(state);
  switch (type) {
    case 'CANCELLING':
    case 'CANCELLED':
      // Who carries out a cancellation that somebody else was allowed to ask for reports it.
      return current === 'CANCELLING' ? 'report' : 'cancel';
    case 'SCHEDULED':
    case 'PENDING':
    case 'RUNNING':
      // Leaving a pause by this route would go round its approval.
      if (current === 'PAUSED') return 'resume';
      if (TERMINAL.has(current)) return 'retry';
      // A run at work puts itself back in line when its machine is taken away.
      return type === 'SCHEDULED' && current !== 'RUNNING' && current !== 'PENDING' ? 'retry' : 'report';
    case 'PAUSED':
      // Engines pause their own run, which is at work; a run that waits is suspended from outside.
      return current === 'RUNNING' || current === 'PENDING' || current === 'PAUSED' ? 'report' : 'suspend';
    default:
      return 'report';
  }
}

/** For runs that are not known one by one: everything that the state could mean. */
export function bulkMoves(state: JsonObject): readonly Move[] {
  const moves = [...STATES].map((current) => moveOf(state, current));
  return [...new Set(moves)];
}

export function isTerminal(stateType: string): boolean {
  return TERMINAL.has(stateType);
}

function typeOf(state: JsonObject): string {
  const type = state['type'];
  if (typeof type !== 'string' || !STATES.has(type)) throw invalid('`state.type`', 'a type of state');
  return type;
}

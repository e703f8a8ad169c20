import type { Automata, Automaton, State } from './automaton.ts';
import type { Clause } from './clause.ts';

/** How far one search for a text goes before it gives up. */
const MAX_STATES = 4000;
/** Accepted texts that are offered to `isGood` before it gives up. */
const MAX_OFFERS = 40;

export interface TextSearch {
  /** Undefined when there is none or it was not found. */
  readonly text: string | undefined;
  /** Every text was covered, so that an absent one does not exist. */
  readonly isComplete: boolean;
  /** States that were looked at: what it cost. */
  readonly states: number;
}

export interface TextSearchOptions {
  readonly automata: Automata;
  readonly extra: string;
  readonly isGood: (text: string) => boolean;
}

/**
 * A text for which all clauses hold: the product of their automata, walked breadth first over every character that some clause
 * names, `extra`, and one that none does; the shortest texts come first. `isGood` says whether a text comes over the wire unchanged.
 */
export function searchText(clauses: readonly Clause[], { automata, extra, isGood }: TextSearchOptions): TextSearch {
  const machines: Machine[] = [];
  for (const clause of clauses) {
    const automaton = automata.of(clause);
    if (automaton === undefined) return { text: undefined, isComplete: false, states: 0 };
    machines.push({ automaton, negative: clause.negative });
  }
  return walk(machines, alphabetOf(machines, extra), isGood);
}

interface Machine {
  readonly automaton: Automaton;
  readonly negative: boolean;
}

interface Node {
  readonly states: readonly State[];
  readonly character: string;
  readonly from: Node | undefined;
}

function walk(machines: readonly Machine[], alphabet: readonly string[], isGood: (text: string) => boolean): TextSearch {
  const first = machines.map(({ automaton }) => automaton.start);
  const seen = new Set([keyOf(first)]);
  let queue: Node[] = first.some((state, index) => isHopeless(state, machines[index]))
    ? []
    : [{ states: first, character: '', from: undefined }];
  let offers = 0;
  const given = (text: string | undefined, isComplete: boolean): TextSearch => ({ text, isComplete, states: seen.size });
  while (queue.length > 0) {
    const next: Node[] = [];
    for (const node of queue) {
      if (node.states.every((state, index) => state.isAccepting !== machines[index]?.negative)) {
        const text = textOf(node);
        if (isGood(text)) return given(text, true);
        offers += 1;
        if (offers >= MAX_OFFERS) return given(undefined, false);
      }
      for (const character of alphabet) {
        const states = stepped(machines, node.states, character);
        if (states === undefined) continue;
        const key = keyOf(states);
        if (seen.has(key)) continue;
        seen.add(key);
        if (seen.size > MAX_STATES) return given(undefined, false);
        next.push({ states, character, from: node });
      }
    }
    queue = next;
  }
  // A text that was refused may stand for others that reach the same states.
  return given(undefined, offers === 0);
}

function stepped(machines: readonly Machine[], states: readonly State[], character: string): readonly State[] | undefined {
  const next: State[] = [];
  for (let index = 0; index < machines.length; index += 1) {
    const machine = machines[index] as Machine; // the index is below the length
    const state = machine.automaton.next(states[index] as State, character); // one state for each machine
    if (isHopeless(state, machine)) return undefined;
    next.push(state);
  }
  return next;
}

/** What must hold no longer can, or what must not always will. */
function isHopeless(state: State, machine: Machine | undefined): boolean {
  return machine?.negative === true ? state.isUniversal : state.positions.length === 0;
}

/** Characters that some pattern names, and one that none does. */
function alphabetOf(machines: readonly Machine[], extra: string): readonly string[] {
  const named = new Set<string>();
  for (const { automaton } of machines) {
    for (const pattern of automaton.patterns) {
      for (const step of pattern) {
        if (step.type !== 'one') continue;
        named.add(step.character);
        if (step.ignoreCase) named.add(step.character.toLowerCase()).add(step.character.toUpperCase());
      }
    }
  }
  const fresh = [...'xqzjkwvybudhgmfcpltnoeraiXQZJ0987'].find((character) => !named.has(character));
  return [...(fresh === undefined ? [] : [fresh]), ...new Set([...extra, ...named])];
}

function keyOf(states: readonly State[]): string {
  let key = '';
  for (const state of states) key += `${state.id},`;
  return key;
}

function textOf(node: Node): string {
  let text = '';
  for (let at: Node | undefined = node; at !== undefined; at = at.from) text = at.character + text;
  return text;
}

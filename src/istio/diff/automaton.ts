import type { Clause } from './clause.ts';
import { isInClass, patternsOf, type Step } from './pattern.ts';

/** Where the reading of a text stands in the patterns of one clause. */
export interface State {
  readonly id: number;
  /** Steps that are reached, as `pattern * WIDTH + step`, sorted. */
  readonly positions: readonly number[];
  /** A text that ends here is one of the clause's leaves'. */
  readonly isAccepting: boolean;
  /** However the text goes on, it is. */
  readonly isUniversal: boolean;
  readonly next: Map<string, State>;
}

/** Patterns are shorter, or the clause is no automaton. */
const WIDTH = 4096;

/** The texts that the leaves of one clause hold for, made deterministic as far as it is walked. */
export class Automaton {
  readonly start: State;
  readonly patterns: readonly (readonly Step[])[];
  readonly #states = new Map<string, State>();

  constructor(patterns: readonly (readonly Step[])[]) {
    this.patterns = patterns;
    const positions = new Set<number>();
    for (const [index, pattern] of patterns.entries()) reach(pattern, index, 0, positions);
    this.start = this.#state(positions);
  }

  next(state: State, character: string): State {
    const known = state.next.get(character);
    if (known !== undefined) return known;
    const positions = new Set<number>();
    for (const position of state.positions) this.#advance(position, character, positions);
    const made = this.#state(positions);
    state.next.set(character, made);
    return made;
  }

  #advance(position: number, character: string, positions: Set<number>): void {
    const index = Math.floor(position / WIDTH);
    const at = position % WIDTH;
    const pattern = this.patterns[index] ?? [];
    const step = pattern[at];
    if (step === undefined) return;
    if (step.type === 'manyOf') {
      if (isInClass(character, step.class)) reach(pattern, index, at, positions);
    } else if (step.type === 'oneOf' ? isInClass(character, step.class) : isSame(step, character)) {
      reach(pattern, index, at + 1, positions);
    }
  }

  #state(reached: ReadonlySet<number>): State {
    const positions = [...reached].sort((left, right) => left - right);
    const key = positions.join(',');
    const known = this.#states.get(key);
    if (known !== undefined) return known;
    const patternAt = (position: number) => this.patterns[Math.floor(position / WIDTH)] ?? [];
    const made: State = {
      id: this.#states.size,
      positions,
      isAccepting: positions.some((position) => position % WIDTH === patternAt(position).length),
      isUniversal: positions.some((position) => {
        const pattern = patternAt(position);
        const step = pattern[position % WIDTH];
        return step?.type === 'manyOf' && step.class === 'any' && position % WIDTH === pattern.length - 1;
      }),
      next: new Map(),
    };
    this.#states.set(key, made);
    return made;
  }
}

/** Automata of clauses, made once for leaves that ask the same. */
export class Automata {
  readonly #known = new Map<string, Automaton | undefined>();

  /** Undefined when the leaves are not on text. */
  of(clause: Clause): Automaton | undefined {
    const key = clause.key.slice(1);
    if (this.#known.has(key)) return this.#known.get(key);
    const patterns = clause.leaves.map(patternsOf);
    const flat = patterns.flatMap((one) => one ?? []);
    const made = patterns.includes(undefined) || flat.some(({ length }) => length >= WIDTH) ? undefined : new Automaton(flat);
    this.#known.set(key, made);
    return made;
  }
}

/** A position and those behind it that take no character. */
function reach(pattern: readonly Step[], index: number, at: number, positions: Set<number>): void {
  positions.add(index * WIDTH + at);
  if (pattern[at]?.type === 'manyOf') reach(pattern, index, at + 1, positions);
}

function isSame(step: Step & { readonly type: 'one' }, character: string): boolean {
  return step.character === character || (step.ignoreCase && step.character.toLowerCase() === character.toLowerCase());
}

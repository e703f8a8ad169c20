/**
 * Numbers filed under texts, to be found by every text that begins with one of them. Sorted once; a search costs one binary search
 * and a walk along the texts that are beginnings of each other, however many and however long they are.
 */
export class PrefixMap {
  readonly #texts: readonly string[];
  readonly #filed: readonly (readonly number[])[];
  /** For each text the index of the longest other text that it begins with; -1 when there is none. */
  readonly #shorter: Int32Array;

  constructor(entries: ReadonlyMap<string, readonly number[]>) {
    this.#texts = [...entries.keys()].sort((left, right) => (left < right ? -1 : 1));
    this.#filed = this.#texts.map((text) => entries.get(text) ?? []);
    this.#shorter = new Int32Array(this.#texts.length);
    const open: number[] = [];
    for (const [index, text] of this.#texts.entries()) {
      while (open.length > 0 && !text.startsWith(this.#texts[open.at(-1) as number] as string)) open.pop();
      this.#shorter[index] = open.at(-1) ?? -1;
      open.push(index);
    }
  }

  /** Hands every number that is filed under a beginning of the text to `take`. */
  find(text: string, take: (filed: readonly number[]) => void): void {
    // INVARIANT: every text that `text` begins with is the greatest text not above it, or a beginning of that one.
    let index = this.#notAbove(text);
    while (index >= 0) {
      if (text.startsWith(this.#texts[index] as string)) take(this.#filed[index] as readonly number[]);
      index = this.#shorter[index] as number;
    }
  }

  #notAbove(text: string): number {
    let low = 0;
    let high = this.#texts.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#texts[middle] as string) <= text) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

import { Buffer } from 'node:buffer';

/** Texts one behind the other in memory that two threads see: handing it over copies nothing. */
export interface Parcel {
  readonly memory: SharedArrayBuffer;
  /** Bytes in use. */
  readonly length: number;
}

/**
 * A parcel that is being filled. Texts are put in as bytes at once, since strings that wait would fill the heap and be moved
 * about in it. INVARIANT: whoever hands it over neither fills nor clears it before the other thread has answered.
 */
export class OpenParcel implements Parcel {
  readonly memory: SharedArrayBuffer;
  readonly #bytes: Buffer;
  #length = 0;
  #items = 0;

  constructor(size: number) {
    this.memory = new SharedArrayBuffer(size);
    this.#bytes = Buffer.from(this.memory);
  }

  get length(): number {
    return this.#length;
  }

  get items(): number {
    return this.#items;
  }

  /** False when there is no room. `text` holds no U+001E. */
  add(text: string): boolean {
    if (textBytes(text) > this.#bytes.length - this.#length) return false;
    this.#length += this.#bytes.write(text, this.#length);
    this.#bytes[this.#length] = END;
    this.#length += 1;
    this.#items += 1;
    return true;
  }

  clear(): void {
    this.#length = 0;
    this.#items = 0;
  }
}

/** Bytes that a text takes in a parcel, at most. */
export function textBytes(text: string): number {
  return text.length * 3 + 1;
}

/** What was put in. */
export function textsOf({ memory, length }: Parcel): readonly string[] {
  const texts = Buffer.from(memory, 0, length).toString('utf8').split(String.fromCharCode(END));
  texts.pop();
  return texts;
}

/** RECORD SEPARATOR */
const END = 0x1e;

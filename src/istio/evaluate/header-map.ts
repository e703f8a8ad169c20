/**
 * Request headers as Envoy keeps them. Names are lower case, pseudo-headers included. A header that Envoy has a slot of its own
 * for holds one value: repeats are joined with a comma.
 */
export class HeaderMap {
  readonly #values = new Map<string, string[]>();
  readonly #joins: boolean;

  constructor(joins: boolean) {
    this.#joins = joins;
  }

  /** What matchers see of a header: each value, or all of them joined; undefined when it is absent. */
  get(name: string): readonly string[] | undefined {
    const values = this.#values.get(name);
    return this.#joins && values !== undefined && values.length > 1 ? [values.join(',')] : values;
  }

  /** The values of a header, each on its own in every profile. */
  each(name: string): readonly string[] {
    return this.#values.get(name) ?? [];
  }

  /** The value of a header; repeats joined with a comma. */
  joined(name: string): string | undefined {
    return this.#values.get(name)?.join(',');
  }

  add(name: string, value: string): void {
    const values = this.#values.get(name);
    if (values === undefined) this.#values.set(name, [value]);
    else if (ONE_VALUE.has(name)) values[0] = [values[0], value].filter((one) => one !== '').join(',');
    else values.push(value);
  }

  set(name: string, value: string): void {
    this.#values.set(name, [value]);
  }

  remove(name: string): void {
    this.#values.delete(name);
  }
}

/** Headers with a slot of their own in Envoy's map, among those that a client may repeat. */
const ONE_VALUE: ReadonlySet<string> = new Set(['x-forwarded-for', 'authorization', 'user-agent']);

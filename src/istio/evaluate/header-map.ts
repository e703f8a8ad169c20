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
    const values = this.#values.get(name);
    return values === undefined || values.length === 1 ? values?.[0] : values.join(',');
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

  removeAll(names: ReadonlySet<string>): void {
    for (const name of this.#values.keys()) if (names.has(name)) this.#values.delete(name);
  }

  remove(name: string): void {
    this.#values.delete(name);
  }
}

/** Headers with a slot of their own in Envoy's map, among those that a client may repeat (as running proxies showed). */
const ONE_VALUE: ReadonlySet<string> = new Set([
  ...['accept', 'accept-encoding', 'access-control-request-headers', 'access-control-request-method', 'authorization'],
  ...['cache-control', 'content-encoding', 'content-type', 'expect', 'grpc-accept-encoding', 'grpc-timeout', 'if-match'],
  ...['if-modified-since', 'if-none-match', 'if-range', 'origin', 'pragma', 'referer', 'user-agent', 'via', 'x-client-trace-id'],
  ...['x-envoy-attempt-count', 'x-envoy-decorator-operation', 'x-envoy-downstream-service-cluster'],
  ...['x-envoy-downstream-service-node', 'x-envoy-external-address', 'x-envoy-is-timeout-retry', 'x-envoy-original-path'],
  ...['x-forwarded-for', 'x-forwarded-host', 'x-forwarded-port', 'x-forwarded-proto', 'x-request-id'],
]);

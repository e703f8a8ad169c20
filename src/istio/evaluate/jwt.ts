import type { JsonValue } from '../../wire/call.ts';
import type { JwtStepRule } from '../chain.ts';
import type { TokenFact } from '../facts.ts';
import type { JwtRule } from '../objects.ts';
import { claimHeaders } from './claim-headers.ts';
import type { HeaderMap } from './header-map.ts';
import { type FoundToken, findTokens } from './token-place.ts';
import { judgeClaims, type TokenStatus } from './token-status.ts';

/** What the JWT filter decides. `unknown`: it hangs on the signature of a token that the facts hold as text. */
export type JwtOutcome =
  | { readonly outcome: 'pass'; readonly payload: JsonValue | undefined }
  | { readonly outcome: 'refuse'; readonly s: 401 | 403; readonly by: string; readonly rule: JwtStepRule | undefined }
  | { readonly outcome: 'unknown' };

export interface JwtInput {
  readonly headers: HeaderMap;
  /** `:path` with its query. */
  readonly target: string;
  readonly tokens: readonly TokenFact[];
  /** Seconds since the epoch. */
  readonly now: number;
  /** Of the profile; all rules' headers are stripped first when absent. */
  readonly stripsClaimHeadersInTurn?: boolean;
}

/**
 * Envoy's JWT filter with the requirement that Istio gives it: any one rule, or for each rule that its places are empty or hold
 * good tokens. Takes tokens out of the headers and puts claims into them, as the rules say.
 */
export function checkTokens(rules: readonly JwtStepRule[], input: JwtInput): JwtOutcome {
  if (rules.length === 0 || isPreflight(input.headers)) return { outcome: 'pass', payload: undefined };
  const filter = new JwtFilter(rules, input);
  const status = filter.run();
  if (status === undefined) return { outcome: 'unknown' };
  if (status === 'ok') return { outcome: 'pass', payload: filter.payload };
  const words = status.replaceAll(' ', '_');
  return {
    outcome: 'refuse',
    s: status === 'Audiences in Jwt are not allowed' ? 403 : 401,
    by: `jwt_authn_access_denied{${words}}`,
    rule: filter.refusedBy,
  };
}

/** `Origin` and `Access-Control-Request-Method` with values, on OPTIONS. */
function isPreflight(headers: HeaderMap): boolean {
  const hasValue = (name: string) => (headers.joined(name) ?? '') !== '';
  return headers.joined(':method') === 'OPTIONS' && hasValue('origin') && hasValue('access-control-request-method');
}

class JwtFilter {
  payload: JsonValue | undefined = undefined;
  refusedBy: JwtStepRule | undefined = undefined;
  readonly #steps: readonly JwtStepRule[];
  readonly #rules: readonly JwtRule[];
  readonly #input: JwtInput;

  constructor(steps: readonly JwtStepRule[], input: JwtInput) {
    this.#steps = steps;
    this.#rules = steps.map(({ source, index }) => source.jwtRules[index] as JwtRule);
    this.#input = input;
  }

  run(): TokenStatus {
    if (this.#input.stripsClaimHeadersInTurn !== true) for (const rule of this.#rules) this.#stripOutputs(rule);
    const [only] = this.#rules;
    if (this.#rules.length === 1 && only !== undefined) return this.#ruleOrMissing(only);
    const each = this.#rules.map((rule) => () => this.#verify(rule, true));
    return anyOf([...each, () => this.#allPassOrMiss()]);
  }

  /** Nobody but a rule may write the headers that it writes. */
  #stripOutputs({ outputClaimToHeaders, outputPayloadToHeader }: JwtRule): void {
    for (const { header } of outputClaimToHeaders) this.#input.headers.remove(header.toLowerCase());
    if (outputPayloadToHeader !== '') this.#input.headers.remove(outputPayloadToHeader.toLowerCase());
  }

  #allPassOrMiss(): TokenStatus {
    for (const rule of this.#rules) {
      const status = this.#ruleOrMissing(rule);
      if (status !== 'ok') return status;
    }
    return 'ok';
  }

  #ruleOrMissing(rule: JwtRule): TokenStatus {
    return anyOf([() => this.#verify(rule, true), () => this.#verify(rule, false)]);
  }

  /**
   * The tokens at a rule's places, last place first, of which every one must be good. Required: one must be there, and the rule
   * judges; otherwise the first rule of a token's issuer does.
   */
  #verify(rule: JwtRule, required: boolean): TokenStatus {
    if (this.#input.stripsClaimHeadersInTurn === true) this.#stripOutputs(rule);
    const tokens = findTokens(rule, this.#input.headers, this.#input.target);
    let status: TokenStatus = required ? 'Jwt is missing' : 'ok';
    for (const token of tokens.reverse()) {
      status = this.#judge(token, rule, required);
      if (status !== 'ok') break;
    }
    if (status !== 'ok' && status !== 'Jwt is missing') this.refusedBy = this.#steps[this.#rules.indexOf(rule)];
    return status;
  }

  #judge(found: FoundToken, place: JwtRule, required: boolean): TokenStatus {
    const { text } = found;
    const token = found.token === undefined ? undefined : this.#input.tokens[found.token];
    const issuers = this.#rules;
    return judgeClaims({ text, token }, place, required, issuers, this.#input.now, (rule, claims) =>
      this.#accept(found, rule, claims),
    );
  }

  #accept(found: FoundToken, rule: JwtRule, claims: JsonValue): void {
    const { headers } = this.#input;
    for (const [name, value] of claimHeaders(rule, claims)) headers.add(name, value);
    if (rule.outputPayloadToHeader !== '') headers.add(rule.outputPayloadToHeader.toLowerCase(), payloadText(found));
    if (!rule.forwardOriginalToken) found.remove();
    this.payload = normalizePayload(claims, ['scope', 'permission', ...rule.spaceDelimitedClaims]);
  }
}

/** Envoy's "any": the first that passes; else the last failure that says more than "not there" or "not mine". */
function anyOf(children: readonly (() => TokenStatus)[]): TokenStatus {
  let last: TokenStatus = 'Jwt is missing';
  let telling: TokenStatus;
  for (const child of children) {
    const status = child();
    if (status === 'ok' || status === undefined) return status;
    last = status;
    if (status !== 'Jwt is missing' && status !== 'Jwt issuer is not configured') telling = status;
  }
  return telling ?? last;
}

/** Claims with words apart become lists; the original text is gone. */
function normalizePayload(claims: JsonValue, names: readonly string[]): JsonValue {
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return claims;
  const payload: { [name: string]: JsonValue } = Object.assign(Object.create(null), claims);
  for (const name of names) {
    const value = payload[name];
    if (typeof value !== 'string') continue;
    const words = value.split(' ').filter((word) => word !== '');
    if (words.length > 0) payload[name] = words;
  }
  return payload;
}

/** The payload part of a token; where the facts have no text, what stands for the token stands for its part. */
function payloadText({ text, token }: FoundToken): string {
  return token === undefined ? (text.split('.').filter((part) => part !== '')[1] ?? '') : text;
}

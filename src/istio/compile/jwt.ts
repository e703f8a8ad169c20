import type { JwtStepRule } from '../chain.ts';
import type { RequestAuthentication } from '../objects.ts';

/** The rules of every attached RequestAuthentication, sorted by issuer; equal issuers are not merged. */
export function compileJwt(attached: readonly RequestAuthentication[]): readonly JwtStepRule[] {
  const rules = attached.flatMap((source) => source.jwtRules.map((rule, index) => ({ source, index, issuer: rule.issuer })));
  return rules
    .sort((left, right) => (left.issuer < right.issuer ? -1 : left.issuer > right.issuer ? 1 : 0))
    .map(({ source, index }) => ({ source, index }));
}

import type { JsonValue } from '../../wire/call.ts';
import type { Chain } from '../chain.ts';
import { checkTokens } from '../evaluate/jwt.ts';
import { receive } from '../evaluate/request.ts';
import type { RequestFacts, TokenFact } from '../facts.ts';
import type { JwtRule } from '../objects.ts';
import type { Verdict } from '../verdict.ts';
import type { TokenReport } from './explanation.ts';

/** Which RequestAuthentication refuses the request's token, and why; undefined when none does. */
export function explainToken(chain: Chain, facts: RequestFacts, verdict: Verdict): TokenReport | undefined {
  if (verdict.by?.startsWith('jwt_authn') !== true) return undefined;
  const received = receive(chain, facts);
  if ('refused' in received) return undefined;
  const { headers } = received;
  const { tokens, now } = facts;
  const outcome = checkTokens(chain.jwt, { headers, target: headers.joined(':path') ?? '', tokens, now });
  if (outcome.outcome !== 'refuse') return undefined;
  const step = outcome.rule ?? chain.jwt[0];
  const rule = step?.source.jwtRules[step.index];
  if (step === undefined || rule === undefined) return undefined;
  const said = outcome.by.replace(/^jwt_authn_access_denied\{(.*)\}$/s, '$1').replaceAll('_', ' ');
  const issuers = chain.jwt.flatMap(({ source, index }) => source.jwtRules[index]?.issuer ?? []);
  return {
    policy: `${step.source.namespace}/${step.source.name}`,
    place: step.source.placeOf(['spec', 'jwtRules', step.index]),
    issuer: rule.issuer,
    why: `${said}${detail(said, rule, issuers, facts)}`,
  };
}

/** What stands against what, where the claims tell. */
function detail(said: string, rule: JwtRule, issuers: readonly string[], { tokens, now }: RequestFacts): string {
  const claim = (name: string) => tokens.map(({ claims }) => claimText(claims, name)).find((text) => text !== undefined);
  if (said === 'Jwt issuer is not configured') {
    return `: the token says iss \`${claim('iss') ?? '(none)'}\`, and the rules know ${issuers.map((issuer) => `\`${issuer}\``).join(', ')}`;
  }
  if (said === 'Audiences in Jwt are not allowed') {
    return `: the token says aud \`${claim('aud') ?? '(none)'}\`, and the rule wants one of ${rule.audiences.map((one) => `\`${one}\``).join(', ')}`;
  }
  if (said === 'Jwt is expired') return `: exp is ${claim('exp') ?? '(none)'}, and it is ${now}`;
  if (said === 'Jwt not yet valid') return `: nbf is ${claim('nbf') ?? '(none)'}, and it is ${now}`;
  const isUnsigned = tokens.some((token: TokenFact) => !token.signed);
  return isUnsigned ? ': the signature does not verify' : '';
}

function claimText(claims: JsonValue, name: string): string | undefined {
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) return undefined;
  const value = (claims as { readonly [claim: string]: JsonValue })[name]; // an object, by the line above
  return value === undefined ? undefined : typeof value === 'string' ? value : JSON.stringify(value);
}

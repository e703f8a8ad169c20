import type { CompiledRule } from '../chain.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import { checkTokens } from '../evaluate/jwt.ts';
import { type EffectiveMtls, mtlsMode } from '../evaluate/mtls-mode.ts';
import { firstMatch } from '../evaluate/rbac.ts';
import { receive } from '../evaluate/request.ts';
import { traceView } from '../evaluate/trace.ts';
import type { RequestFacts } from '../facts.ts';
import type { Verdict } from '../verdict.ts';
import type { OutcomeClass, Reason, SideOutcome } from './result.ts';
import type { Side } from './side.ts';

/** What one side does with a request, by the production evaluator; external authorisers are taken to say yes. */
export interface Replay {
  readonly class: OutcomeClass;
  /** Tells outcomes apart: the class, and the provider that is asked. */
  readonly key: string;
  readonly verdict: Verdict;
  readonly mtls: EffectiveMtls | undefined;
}

export function replay({ chain, model }: Pick<Side, 'chain' | 'model'>, facts: RequestFacts): Replay {
  const { workload } = chain;
  if (workload.kind !== 'gateway' && workload.kind !== 'waypoint' && model.peerAuthentications.length > 0) {
    const mtls = mtlsMode(model, workload, facts.localPort);
    const isRefused = facts.peer === undefined ? mtls.mode === 'STRICT' : mtls.mode === 'DISABLE';
    if (isRefused) return { class: 'transport', key: 'transport', verdict: { v: 'reject' }, mtls };
  }
  const verdict = evaluate(chain, { ...facts, askAuthoriser: () => ({ answer: 'allow' }) });
  const kind = classOf(verdict);
  return { class: kind, key: kind === 'asks' ? `asks ${providerOf(chain, verdict)}` : kind, verdict, mtls: undefined };
}

function classOf({ v, s, by, ext }: Verdict): OutcomeClass {
  switch (v) {
    case 'allow':
      return ext === undefined ? 'allowed' : 'asks';
    case 'reject':
      return 'rejected';
    case 'unknown':
      return 'unknown';
    case 'deny':
      if (by?.startsWith('jwt_authn') !== true) return 'refused';
      return s === 403 ? 'audience' : 'unauthenticated';
  }
}

/** The provider whose rule matched. */
function providerOf(chain: Side['chain'], { ext }: Verdict): string {
  return chain.custom.find(({ rules }) => rules.some(({ id }) => id === ext))?.provider.name ?? '';
}

/** A replay in words, with what decided. */
export function described(side: Side, facts: RequestFacts, { class: kind, verdict, mtls }: Replay): SideOutcome {
  return { class: kind, text: textOf(side, kind, verdict, facts), verdict, because: reasons(side, facts, verdict, mtls) };
}

function textOf({ chain }: Side, kind: OutcomeClass, verdict: Verdict, facts: RequestFacts): string {
  const isHttp = chain.transport === 'http';
  switch (kind) {
    case 'allowed':
      return 'allowed';
    case 'asks':
      return `decided by provider ${providerOf(chain, verdict)}`;
    case 'refused':
      return isHttp ? 'refused with 403' : 'connection closed';
    case 'unauthenticated':
      return 'refused with 401: the token does not count';
    case 'audience':
      return 'refused with 403: the audience of the token does not count';
    case 'transport':
      return facts.peer === undefined
        ? 'refused: plain text where mutual TLS is required'
        : 'refused: mutual TLS where only plain text is taken';
    case 'rejected':
      return `refused with ${verdict.s ?? 'a reset'} by the proxy itself`;
    case 'unknown':
      return 'not told exactly';
  }
}

/** Policies that are named where none of many matches. */
const MAX_NAMED = 3;

function reasons(side: Side, facts: RequestFacts, verdict: Verdict, mtls: EffectiveMtls | undefined): readonly Reason[] {
  const { chain } = side;
  if (mtls !== undefined) {
    const { source, mode, path } = mtls;
    if (source === undefined) return [];
    return [{ text: `PeerAuthentication ${source.namespace}/${source.name}: ${mode}`, place: source.placeOf(path) }];
  }
  if (verdict.v === 'deny' && verdict.by?.startsWith('jwt_authn') === true) return [tokenReason(side, facts)];
  const asked = verdict.ext === undefined ? undefined : rulesOf(side).find(({ id }) => id === verdict.ext);
  if (verdict.v === 'deny' && verdict.id === 'none') return noAllowRule(side);
  if (verdict.v === 'deny') {
    const rule = rulesOf(side).find(({ id }) => id === verdict.id);
    if (rule === undefined) return [];
    const reason = ruleReason(rule);
    const isBroken = rule.policy.action === 'CUSTOM';
    return [
      isBroken ? { ...reason, text: `${reason.text}, whose provider ${rule.policy.provider ?? ''} cannot be used` } : reason,
    ];
  }
  const asks = asked === undefined ? [] : [ruleReason(asked)];
  if (chain.allow?.enforced !== true)
    return [...asks, { text: 'no ALLOW policy applies, so what is not denied is allowed', place: undefined }];
  const view = traceView(chain, facts, 'policies');
  const matched = view === undefined ? undefined : firstMatch(chain.allow.rules, view.attributes);
  return matched === undefined || matched === 'none' ? asks : [...asks, ruleReason(matched)];
}

function rulesOf({ chain }: Side): readonly CompiledRule[] {
  const { custom, badCustom, deny, allow } = chain;
  return [
    ...custom.flatMap(({ rules }) => rules),
    ...badCustom.flatMap(({ rules }) => rules),
    ...(deny?.rules ?? []),
    ...(allow?.rules ?? []),
  ];
}

/** Rules are counted from 0, as in the ids that Envoy logs. */
function ruleReason({ policy, index }: CompiledRule): Reason {
  const name = `${policy.action} ${policy.namespace}/${policy.name}`;
  return index < 0
    ? { text: `${name}, which has no rules`, place: policy.placeOf([]) }
    : { text: `${name} rule[${index}]`, place: policy.placeOf(['spec', 'rules', index]) };
}

function noAllowRule({ chain }: Side): readonly Reason[] {
  const policies = [
    ...new Set([...(chain.allow?.rules ?? []), ...(chain.allow?.vanished ?? [])].map(({ policy }) => policy)),
  ].filter(({ dryRun }) => !dryRun);
  const shown = policies
    .slice(0, MAX_NAMED)
    .map(
      (policy): Reason => ({ text: `no rule of ALLOW ${policy.namespace}/${policy.name} matches`, place: policy.placeOf([]) }),
    );
  const rest = policies.length - shown.length;
  return rest > 0 ? [...shown, { text: `nor one of ${rest} more ALLOW policies`, place: undefined }] : shown;
}

function tokenReason({ chain }: Side, facts: RequestFacts): Reason {
  const received = receive(chain, facts);
  if ('refused' in received) return { text: 'the token does not count', place: undefined };
  const { headers } = received;
  const outcome = checkTokens(chain.jwt, {
    stripsClaimHeadersInTurn: chain.profile.stripsClaimHeadersInTurn,
    headers,
    target: headers.joined(':path') ?? '',
    tokens: facts.tokens,
    now: facts.now,
  });
  const rule = outcome.outcome === 'refuse' ? outcome.rule : undefined;
  const source = rule?.source ?? chain.jwt[0]?.source;
  if (source === undefined) return { text: 'the token does not count', place: undefined };
  const place = rule === undefined ? source.placeOf([]) : source.placeOf(['spec', 'jwtRules', rule.index]);
  return { text: `RequestAuthentication ${source.namespace}/${source.name}`, place };
}

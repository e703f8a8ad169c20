import type { Chain, CompiledRule, RbacStep } from '../chain.ts';
import { type AttachedPolicies, attachedPolicies } from '../compile/attach.ts';
import { compileChain } from '../compile/chain.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import { type TraceView, traceView } from '../evaluate/trace.ts';
import type { AuthoriserAnswer, RequestFacts } from '../facts.ts';
import type { AuthorizationPolicy, MeshModel, MeshObject } from '../objects.ts';
import type { Profile } from '../profile.ts';
import { completeRequest, type RequestDraft } from '../request/draft.ts';
import { withTokens } from '../request/token.ts';
import type { Target } from '../target/target.ts';
import type { Verdict } from '../verdict.ts';
import type { CustomReport, Decider, DryRunReport, Explanation, MtlsReport, PolicyReport, RuleReport } from './explanation.ts';
import { explainMtls } from './mtls.ts';
import { notesOf } from './notes.ts';
import { byNearness, ruleReports } from './rule-report.ts';
import { explainToken } from './token.ts';

export interface ExplainInput {
  readonly model: MeshModel;
  readonly target: Target;
  readonly draft: RequestDraft;
  readonly profile: Profile;
  /** Seconds since the epoch. */
  readonly now: number;
  /** What every external authoriser says; undefined: nobody knows. */
  readonly authoriser?: 'allow' | 'deny';
}

/** Why one proxy answers a request as it does: its own walk through the policies, with the places of all that took part. */
export function explain(input: ExplainInput): Explanation {
  const { model, target, profile } = input;
  const asked = connection(input);
  const { facts, mtls } = asked;
  const chain = compileChain(model, target.workload, facts.transport, profile);
  // Without a connection no filter is asked.
  const isRefused = mtls.effect === 'refused';
  const verdict: Verdict = isRefused ? { v: 'deny', by: 'mtls' } : withoutMarks(evaluate(chain, facts));
  const before = isRefused ? undefined : traceView(chain, facts, 'custom');
  const matching = (rules: readonly CompiledRule[], view: TraceView | undefined) =>
    ruleReports(rules, view, verdict.id).filter(isMatch);
  const broken = chain.badCustom.flatMap(({ rules }) => matching(rules, before));
  const decided = decider(verdict, mtls, broken, chain);
  const custom = chain.custom.flatMap(({ provider, rules }) => {
    const found = decided === 'broken-custom' ? [] : matching(rules, before);
    const asks = `${provider.service}:${provider.port}`;
    return found.length === 0 ? [] : [{ provider: provider.name, asks, rules: found, branches: branches(chain, facts) }];
  });
  // What refuses before the policies leaves them unasked.
  const after = EARLY.includes(decided) ? undefined : traceView(chain, facts, 'policies');
  const deny = matching(chain.deny?.rules ?? [], after);
  const allow = ruleReports(chain.allow?.rules ?? [], after, verdict.id);
  const audit = matching(chain.audit?.rules ?? [], after);
  const token = explainToken(chain, facts, verdict);
  const attached = attachedPolicies(model, target.workload);
  return {
    target: {
      title: target.title,
      namespace: target.workload.namespace,
      labels: target.workload.labels,
      proxy: target.workload.kind,
      port: facts.localPort,
      place: target.place,
    },
    profile: profile.name,
    transport: facts.transport,
    verdict,
    decided,
    matches: [...broken, ...custom.flatMap(({ rules }) => rules), ...audit, ...deny, ...allow.filter(isMatch)],
    allowPolicies: policiesOf(chain.allow).map(policyReport),
    nearest: allow.some(isMatch) ? [] : [...allow].sort(byNearness),
    custom,
    token,
    dryRun: after === undefined ? undefined : dryRun(input, chain, facts, after),
    mtls,
    sentPath: verdict.path !== undefined && beforeQuery(verdict.path) !== beforeQuery(facts.path) ? facts.path : undefined,
    notes: notesOf({ attached: objectsOf(attached), chain, target, assumed: asked.assumed, notes: asked.notes }),
  };
}

/** The request as it arrives at this proxy: with the identity that it sees there, on the kind of connection that its port has. */
function connection({ model, target, draft, now, authoriser }: ExplainInput) {
  const notes: string[] = [];
  const isOpaque = draft.transport !== 'tcp' && (target.treatment === 'tcp' || target.workload.kind === 'ztunnel');
  if (isOpaque) {
    const why =
      target.workload.kind === 'ztunnel'
        ? 'ztunnel reads no HTTP'
        : `port ${target.localPort} is declared as one that is not HTTP`;
    notes.push(`${why}: the proxy sees a connection alone, and no method, path, host, header or token`);
  }
  const seen: RequestDraft =
    target.seenAs === undefined ? draft : { ...draft, peer: { uris: [target.seenAs], dns: [], subject: '' } };
  if (target.seenAs !== undefined) notes.push(`the waypoint in front calls on, so this proxy sees \`${target.seenAs}\``);
  const rules = model.requestAuthentications.flatMap(({ jwtRules }) => jwtRules);
  const complete = completeRequest(withTokens(isOpaque ? { ...seen, transport: 'tcp' } : seen, rules), {
    authority: target.authority,
    localPort: target.localPort,
    now,
    ...(authoriser === undefined ? {} : { askAuthoriser: () => ANSWERS[authoriser] }),
  });
  const mtls = explainMtls(model, target.workload, complete.facts);
  const facts: RequestFacts = mtls.effect === 'identity-ignored' ? { ...complete.facts, peer: undefined } : complete.facts;
  return { facts, mtls, assumed: complete.assumed, notes };
}

const ANSWERS: Readonly<Record<'allow' | 'deny', AuthoriserAnswer>> = {
  allow: { answer: 'allow' },
  deny: { answer: 'deny', status: 403 },
};

/** Both answers that nobody can know; undefined when somebody said. */
function branches(chain: Chain, facts: RequestFacts): CustomReport['branches'] {
  if (facts.askAuthoriser !== undefined) return undefined;
  const as = (answer: AuthoriserAnswer): Verdict => evaluate(chain, { ...facts, askAuthoriser: () => answer });
  return { allowed: as(ANSWERS.allow), denied: as(ANSWERS.deny) };
}

function dryRun(
  { model, target, profile }: ExplainInput,
  chain: Chain,
  facts: RequestFacts,
  view: TraceView,
): DryRunReport | undefined {
  const rules = [...(chain.deny?.dryRun ?? []), ...(chain.allow?.dryRun ?? [])];
  const attached = attachedPolicies(model, target.workload);
  if (![...attached.ALLOW, ...attached.DENY].some((policy) => policy.dryRun)) return undefined;
  const enforced: MeshModel = { ...model, policies: model.policies.map((policy) => ({ ...policy, dryRun: false })) };
  // The authoriser comes before; where nobody knows what it says, the question is what follows.
  const asked: RequestFacts = { ...facts, askAuthoriser: facts.askAuthoriser ?? (() => ANSWERS.allow) };
  const ifEnforced = evaluate(compileChain(enforced, target.workload, facts.transport, profile), asked);
  return { rules: ruleReports(rules, view, undefined), ifEnforced };
}

const EARLY: readonly Decider[] = ['mtls', 'proxy', 'broken-custom', 'custom', 'token'];

function decider(verdict: Verdict, mtls: MtlsReport, broken: readonly RuleReport[], chain: Chain): Decider {
  if (mtls.effect === 'refused') return 'mtls';
  if (verdict.v === 'reject') return 'proxy';
  if (verdict.v === 'unknown') return 'unknown';
  if (verdict.v === 'allow') return chain.allow?.enforced === true ? 'allow-rule' : 'no-allow-policy';
  if (verdict.by?.startsWith('ext_authz') === true) return 'custom';
  if (verdict.by?.startsWith('jwt_authn') === true) return 'token';
  if (broken.some(({ id }) => id === verdict.id)) return 'broken-custom';
  return verdict.id === 'none' ? 'no-allow-rule' : 'deny-rule';
}

function objectsOf({ ALLOW, DENY, AUDIT, CUSTOM, requestAuthentications }: AttachedPolicies): readonly MeshObject[] {
  return [...CUSTOM, ...requestAuthentications, ...AUDIT, ...DENY, ...ALLOW];
}

/** A character of the private use area stands for a token in a parameter. */
function withoutMarks(verdict: Verdict): Verdict {
  return verdict.path === undefined ? verdict : { ...verdict, path: verdict.path.replace(/[\ue000-\uf8ff]/g, '(a token)') };
}

function beforeQuery(path: string): string {
  return path.replace(/\?.*/s, '');
}

function isMatch({ lacking }: RuleReport): boolean {
  return lacking.length === 0;
}

/** The policies that are enforced in a step, also those none of whose rules is left. */
function policiesOf(step: RbacStep | undefined): readonly AuthorizationPolicy[] {
  const policies = [...(step?.rules ?? []), ...(step?.vanished ?? [])]
    .map(({ policy }) => policy)
    .filter(({ dryRun }) => !dryRun);
  return [...new Set(policies)];
}

function policyReport(policy: AuthorizationPolicy): PolicyReport {
  return { policy: `${policy.namespace}/${policy.name}`, place: policy.placeOf([]), dryRun: policy.dryRun };
}

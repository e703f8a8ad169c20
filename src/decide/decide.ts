import { type AccessRequest, type NonEmptyList, resourceText } from '../core/access.ts';
import type { Caller } from '../core/caller.ts';
import type { Decision, Mode, Obligation, RequestDecision, Verdict } from '../core/decision.ts';
import { joinObligations } from '../policy/join.ts';
import type { PolicySet } from '../policy/port.ts';
import { evaluateOnce } from '../policy/remember.ts';
import type { DecisionCode } from './code.ts';

export interface DecideInput {
  readonly caller: Caller;
  readonly requests: NonEmptyList<AccessRequest>;
  readonly policy: PolicySet;
  /** The tiers that the target asks; all must let the call pass. */
  readonly access: readonly ('mesh' | 'policy')[];
  readonly mode: Mode;
  readonly now: Date;
  /** Continuation keys that this caller holds: runs of it that were admitted earlier. */
  readonly admitted: ReadonlySet<string>;
}

/**
 * One verdict for a call: denied if any request is denied, else held if any is held (POLICY.md section 2). Pure; the same function
 * serves the pipeline, `explain` and policy tests. `mode: observe` changes nothing here: it is carried for those who act.
 */
export function decide(input: DecideInput): { readonly decision: Decision; readonly attributesRead: Record<string, unknown> } {
  const { policy, mode, requests: asked } = input;
  const attributesRead: Record<string, unknown> = {};
  const wanted: Obligation[] = [];
  const requests = asked.map((request, index) => {
    const result = decideRequest(input, request);
    wanted.push(...result.obligations);
    for (const [name, value] of Object.entries(result.attributesRead))
      attributesRead[asked.length === 1 ? name : `${index}:${name}`] = value;
    return result.decision;
  });
  const { obligations, conflict } = joinObligations(wanted);
  const base = { mode, policyRevision: policy.revision, meshRevision: '' };
  const [verdict, code] = conflict === undefined ? joinVerdicts(requests) : (['deny', 'OBLIGATION_CONFLICT'] as const);
  // A call that does not go out asks nothing of anybody; a held one shows what it waits for.
  const decision: Decision = { ...base, verdict, code, requests, obligations: verdict === 'deny' ? [] : obligations };
  return { decision, attributesRead };
}

interface RequestResult {
  readonly decision: RequestDecision;
  readonly obligations: readonly Obligation[];
  readonly attributesRead: Readonly<Record<string, unknown>>;
}

function decideRequest({ caller, policy, access, now, admitted }: DecideInput, request: AccessRequest): RequestResult {
  // The mesh tier is a conjunct: one that is asked for and not there refuses. So does a target that asks no tier at all.
  if (access.includes('mesh') || access.length === 0) {
    return {
      decision: refusal(request, access.length === 0 ? 'NO_TIER' : 'MESH_NOT_BOUND'),
      obligations: [],
      attributesRead: {},
    };
  }
  const result = evaluateOnce(policy, { caller, request, now });
  const isContinued = result.decision.verdict === 'deny' && request.continues?.some((key) => admitted.has(key)) === true;
  if (!isContinued) return result;
  // `rules` and `clauses` stay: they say which rule would refuse a run that starts now.
  return {
    ...result,
    decision: { ...result.decision, verdict: 'allow', tier: 'admitted', code: 'CONTINUED' satisfies DecisionCode },
    obligations: [],
  };
}

function refusal(request: AccessRequest, code: DecisionCode): RequestDecision {
  return {
    action: request.action,
    resource: resourceText(request.resource.path),
    verdict: 'deny',
    tier: code === 'MESH_NOT_BOUND' ? 'mesh' : 'gate',
    code,
    rules: [],
    mesh: [],
    clauses: [],
    wouldDeny: [],
    ...(request.moment === undefined ? {} : { moment: request.moment }),
  };
}

function joinVerdicts(requests: readonly RequestDecision[]): readonly [Verdict, string] {
  for (const verdict of ['deny', 'hold'] as const) {
    const first = requests.find((request) => request.verdict === verdict);
    if (first !== undefined) return [verdict, first.code];
  }
  return ['allow', requests.some((request) => request.code === 'CONTINUED') ? 'CONTINUED' : 'ALLOWED'];
}

import type { Decision } from '../../core/decision.ts';
import type { Secret } from '../../core/secret.ts';
import { cookiesOf, serializeCookies } from '../../wire/cookie.ts';
import type { Call, HeaderChanges, TargetContext } from '../target.ts';
import { ATTRIBUTION_HEADERS, attribution } from './attribution.ts';

export interface ForwardContext extends TargetContext {
  /** Value of `Authorization` that the server asks for; absent when it asks for none. */
  authorization?(): Promise<Secret>;
}

/**
 * How a call goes up: under the server's own secret, which is lent to proved callers only, and with the caller's name where the
 * server keeps one. The scheme must read exactly `Basic`; the server refuses other spellings.
 */
export async function forward(call: Call, _decision: Decision, context: ForwardContext): Promise<HeaderChanges> {
  const { kind } = call.caller.subject;
  const set: Record<string, string> = {};
  if (kind !== 'anonymous' && kind !== 'shared_secret' && context.authorization !== undefined) {
    set['authorization'] = (await context.authorization()).reveal();
  }
  if (kind !== 'anonymous' && NAMES_ITS_CREATOR.test(call.operation.id)) Object.assign(set, attribution(call.caller));
  const cookies = serializeCookies(cookiesOf(call.head.headers).filter(([name, value]) => isForUpstream(name, value)));
  if (cookies !== '') set['cookie'] = cookies;
  // A name that is set replaces what the client sent; the others go.
  return { set, remove: [...ATTRIBUTION_HEADERS, 'cookie'].filter((name) => set[name] === undefined) };
}

/** Calls that create runs or deployments, or move a run on. */
const NAMES_ITS_CREATOR =
  /^POST \/(flow_runs|deployments)\/$|^POST \/deployments\/\{id\}\/(create_flow_run|create_flow_run\/bulk|schedule)$|^PATCH \/deployments\/\{id\}$|^POST \/flow_runs\/(\{id\}\/(set_state|resume)|bulk_set_state)$/;

/**
 * The one cookie that the server reads. Ports do not keep cookies apart, so any other may be somebody else's secret; `AMP_*` are
 * a vendor's.
 */
function isForUpstream(name: string, value: string): boolean {
  return name === 'prefect_ui_version' && /^v[0-9]{1,3}$/.test(value);
}

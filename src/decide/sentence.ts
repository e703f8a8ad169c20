import { type Caller, callerText } from '../core/caller.ts';
import type { Decision, RequestDecision } from '../core/decision.ts';

const MAX_NAME = 256;
/** Clients of protected systems take a 403 with these words for something else, and act on it. */
const MISREAD = [/invalid csrf token/gi, /maximum number/gi, /plan does not support/gi];

/**
 * One sentence for the caller; the id is added by those who know it. `rule` names the deciding rule; `none` says only that policy
 * decided, because even the name that an id resolves to may be news to this caller. Without `caller` it speaks to `you`.
 */
export function sentence(decision: Decision, disclose: 'rule' | 'none', caller?: Pick<Caller, 'subject' | 'actors'>): string {
  const text = disclose === 'none' ? plain(decision) : disclosing(decision, caller);
  return MISREAD.reduce((safe, words) => safe.replace(words, (found) => found.replaceAll(' ', '-')), text);
}

function plain(decision: Decision): string {
  switch (decision.verdict) {
    case 'allow':
      return 'this call is allowed';
    case 'hold':
      return 'this call waits for an approval';
    case 'deny':
      return 'this call is not allowed';
    default:
      return decision.verdict satisfies never;
  }
}

function disclosing(decision: Decision, caller: Pick<Caller, 'subject' | 'actors'> | undefined): string {
  const deciding = decision.requests.find((request) => request.verdict === decision.verdict) ?? decision.requests[0];
  if (deciding === undefined) return plain(decision);
  const who = caller === undefined ? 'you' : `\`${shown(callerText(caller))}\``;
  const what = `\`${shown(deciding.action)}\` on \`${shown(deciding.resource)}\``;
  // A conflict between requests that are allowed one by one is nobody's own.
  const code = decision.code === 'OBLIGATION_CONFLICT' ? decision.code : deciding.code;
  if (decision.verdict === 'allow') return `${who} may ${what}: ${reason(deciding, code)}`;
  if (decision.verdict === 'hold') return `${who} may ${what} once it is approved: ${reason(deciding, code)}`;
  return `${who} may not ${what}: ${reason(deciding, code)}`;
}

function reason(request: RequestDecision, code: string): string {
  const rules = request.rules.map((rule) => `\`${shown(rule.name)}\``).join(', ');
  switch (code) {
    case 'ALLOWED':
      return `rule ${rules} allows it`;
    case 'CONTINUED':
      return 'it continues work that was admitted earlier';
    case 'NO_RULE':
      return 'no rule allows it';
    case 'RULE_DENIED':
      return `rule ${rules} refuses it`;
    case 'APPROVAL_REQUIRED':
      return `rule \`${shown(request.rules[0]?.name ?? '?')}\` asks for an approval`;
    case 'BODY_OPAQUE':
      return `rule ${rules} needs to read its body, which cannot be read`;
    case 'OBLIGATION_CONFLICT':
      return 'the rules that apply force different values of one field';
    case 'MESH_NOT_BOUND':
      return 'the target asks a mesh that is not bound to it';
    default:
      return 'policy does not allow it';
  }
}

/** Names come from callers and upstreams: one line, no control characters, no endless text, no early end of the quote. */
function shown(text: string): string {
  const safe = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]/gu, ' ').replaceAll('`', "'");
  return safe.length > MAX_NAME ? `${safe.slice(0, MAX_NAME)}…` : safe;
}

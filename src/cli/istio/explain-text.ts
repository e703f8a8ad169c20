import type { Explanation, RuleReport, TermReport } from '../../istio/explain/explanation.ts';
import type { Place, ProxyKind } from '../../istio/objects.ts';
import type { Verdict } from '../../istio/verdict.ts';

/** An explanation for people: the verdict, what decided it and where that stands; then all else that a reader may ask. */
export function explanationText(explanation: Explanation, request: string): string {
  const sections = [
    head(explanation, request),
    why(explanation),
    customSection(explanation),
    matchesSection(explanation),
    nearestSection(explanation),
    dryRunSection(explanation),
    mtlsSection(explanation),
    notesSection(explanation),
  ];
  return sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
}

function head({ target, transport, profile, verdict, decided, sentPath }: Explanation, request: string): string[] {
  const kind = transport === 'http' ? 'HTTP' : 'TCP';
  const place = target.place === undefined ? '' : `  ${placeText(target.place)}`;
  return [
    `${WORD[wordOf(verdict, decided)]}  ${request}`,
    line('to', `${target.title}, port ${target.port}${place}`),
    line('by', `${target.proxy}, ${kind} rules, profile ${profile}`),
    ...(sentPath === undefined ? [] : [line('path', `${sentPath} is matched and forwarded as ${verdict.path}`)]),
    line('answer', answerText(verdict, decided, target.proxy)),
  ];
}

const WORD = { allowed: 'ALLOWED', denied: 'DENIED', refused: 'REFUSED', unknown: 'DEPENDS' } as const;

function wordOf({ v }: Verdict, decided: Explanation['decided']): keyof typeof WORD {
  if (decided === 'mtls') return 'refused';
  return v === 'allow' ? 'allowed' : v === 'deny' ? 'denied' : v === 'reject' ? 'refused' : 'unknown';
}

/** What the client sees and what Envoy writes into its log. */
export function answerText(verdict: Verdict, decided?: Explanation['decided'], proxy?: ProxyKind): string {
  if (decided === 'mtls') return 'the connection is closed before any rule is asked';
  const status = verdict.s === undefined ? (verdict.v === 'deny' ? 'connection closed' : verdict.v) : String(verdict.s);
  switch (verdict.v) {
    case 'allow':
      return 'the request goes on to the workload';
    case 'unknown':
      return `not known: ${verdict.reason === undefined ? 'no reason is given' : REASONS[verdict.reason]}`;
    case 'reject':
      return `${status}, ${verdict.by ?? 'no detail'}: the proxy refuses it before any rule is asked`;
    case 'deny': {
      if (proxy === 'ztunnel') return status;
      const detail = verdict.by === 'rbac' ? `rbac_access_denied_matched_policy[${verdict.id ?? 'none'}]` : (verdict.by ?? '');
      return `${status}; Envoy logs ${detail}`;
    }
  }
}

const REASONS: Readonly<Record<NonNullable<Verdict['reason']>, string>> = {
  'authoriser-not-asked': 'an external authoriser decides, and nobody asked it',
  'proxy-text': 'it hangs on a text that the proxy itself makes up',
  'token-text': 'it hangs on the signature of a token that stands there as text',
};

function why(explanation: Explanation): string[] {
  const { decided, verdict, matches, token, allowPolicies } = explanation;
  const logged = matches.find((rule) => rule.logged);
  switch (decided) {
    case 'deny-rule':
    case 'broken-custom': {
      const reason =
        decided === 'deny-rule'
          ? 'A DENY rule matches:'
          : 'A CUSTOM policy whose provider cannot be used denies what it matches:';
      return logged === undefined ? [reason] : [reason, ...ruleLines(logged)];
    }
    case 'allow-rule': {
      const allow = matches.filter(({ action }) => action === 'ALLOW');
      return ['An ALLOW rule matches:', ...allow.slice(0, 1).flatMap(ruleLines)];
    }
    case 'no-allow-policy':
      return ['No DENY rule matches, and no ALLOW policy is attached to this workload: all else is allowed.'];
    case 'no-allow-rule':
      return [
        `No ALLOW rule matches, and ${allowPolicies.length === 1 ? 'this ALLOW policy makes' : 'these ALLOW policies make'} denial the default:`,
        ...some(allowPolicies, ({ policy, place }) => [`  ${policy}  ${placeText(place)}`]),
      ];
    case 'token':
      return token === undefined
        ? ['The token is refused, before any rule is asked.']
        : [
            `The token is refused, before DENY and ALLOW are asked: ${token.why}`,
            `  RequestAuthentication ${token.policy}, issuer ${token.issuer}  ${placeText(token.place)}`,
          ];
    case 'custom':
      return ['The external authoriser refuses, before any token is looked at and before DENY and ALLOW are asked.'];
    case 'proxy':
      return [`Envoy's codec or its path normalisation refuses the request: ${verdict.by ?? ''}.`];
    case 'mtls':
    case 'unknown':
      return [];
  }
}

function customSection({ custom, decided }: Explanation): string[] {
  return custom.flatMap(({ provider, asks, rules, branches }) => [
    `${decided === 'unknown' ? 'The answer depends on' : 'Also asked:'} the external authoriser \`${provider}\` (${asks}), because a CUSTOM rule matches:`,
    ...rules.flatMap(ruleLines),
    ...(branches === undefined
      ? []
      : [
          `  if it allows: ${branchText(branches.allowed)}`,
          `  if it denies: ${branchText(branches.denied)}, or the status of its own choice`,
        ]),
  ]);
}

function branchText(verdict: Verdict): string {
  return verdict.v === 'allow' ? 'allowed' : `${verdict.v === 'deny' ? 'denied' : verdict.v}, ${answerText(verdict)}`;
}

/** Those that the reason does not show already. */
function matchesSection({ matches, decided }: Explanation): string[] {
  const shown =
    decided === 'allow-rule'
      ? matches.filter(({ action }) => action === 'ALLOW').slice(0, 1)
      : matches.filter(({ logged }) => logged);
  const others = matches.filter((rule) => rule.action !== 'CUSTOM' && !shown.includes(rule));
  if (others.length === 0) return [];
  const heading =
    decided === 'unknown' ? 'Matching, where it comes to that:' : shown.length > 0 ? 'Also matching:' : 'Matching rules:';
  return [heading, ...some(others, (rule) => ruleLines(rule, rule.action === 'AUDIT' ? 'marked for the audit log' : ''))];
}

function nearestSection({ nearest, decided }: Explanation): string[] {
  if (decided !== 'no-allow-rule' || nearest.length === 0) return [];
  const lines = some(nearest, (rule) => [ruleHead(rule), ...rule.lacking.map((term) => lackingText(term, rule.rule))], 5);
  return ['What each ALLOW rule lacks, the nearest first:', ...lines];
}

function dryRunSection({ dryRun, verdict, custom }: Explanation): string[] {
  if (dryRun === undefined) return [];
  const { ifEnforced } = dryRun;
  const now = custom[0]?.branches?.allowed ?? verdict;
  const same = ifEnforced.v === now.v && ifEnforced.s === now.s;
  const matching = dryRun.rules.filter(({ lacking }) => lacking.length === 0);
  const answer = same ? `the same, ${now.v === 'allow' ? 'allowed' : 'denied'}` : branchText(ifEnforced);
  return [
    `Dry-run policies change nothing now. If they were enforced${now === verdict ? '' : ' and the authoriser allows'}: ${answer}`,
    ...matching.flatMap((rule) => ruleLines(rule)),
  ];
}

function mtlsSection({ mtls }: Explanation): string[] {
  const by =
    mtls.policy === undefined
      ? "Istio's default"
      : `PeerAuthentication ${mtls.policy}  ${mtls.place === undefined ? '' : placeText(mtls.place)}`;
  const effect = {
    none: '',
    refused: ', and the caller shows no certificate',
    'identity-ignored': ': no certificate is asked for, so no rule sees who calls',
  }[mtls.effect];
  return mtls.effect === 'none' && mtls.policy === undefined ? [] : [`Mutual TLS is ${mtls.mode}${effect} (${by.trim()})`];
}

function notesSection({ notes }: Explanation): string[] {
  if (notes.length === 0) return [];
  return ['Notes:', ...some(notes, ({ text, place }) => [`  ${text}${place === undefined ? '' : `  ${placeText(place)}`}`])];
}

/** The first of a list, and how many there are beside. */
function some<T>(list: readonly T[], lines: (one: T) => readonly string[], most = 10): string[] {
  const more = list.length - most;
  return [...list.slice(0, most).flatMap(lines), ...(more > 0 ? [`  … and ${more} more: -o json lists them all`] : [])];
}

function ruleLines(rule: RuleReport, remark: string | number = ''): string[] {
  const tail = typeof remark === 'string' && remark !== '' ? `  (${remark})` : '';
  return [
    `${ruleHead(rule)}${tail}`,
    ...(rule.held.length === 0 ? ['    it has no conditions: it matches everything'] : rule.held.map(heldText)),
  ];
}

function ruleHead({ action, policy, rule, place, dryRun }: RuleReport): string {
  const which = rule < 0 ? 'without rules' : `rule[${rule}]`;
  return `  ${action} ${policy} ${which}${dryRun ? ' (dry-run)' : ''}  ${placeText(place)}`;
}

function heldText({ field, wanted, observed, negated, place }: TermReport): string {
  const list = wanted.join(', ');
  const saw = observed === undefined ? 'absent' : observed === list ? '' : `saw ${observed}`;
  const text = negated ? `not ${list}` : list;
  return `    ${field}  ${text}${saw === '' ? '' : `  (${saw})`}  ${placeText(place)}`;
}

function lackingText({ field, wanted, observed, negated, place }: TermReport, rule: number): string {
  if (wanted.length === 0) {
    return rule < 0
      ? '    the policy has no rules, so it allows nothing'
      : '    nothing that this proxy could compare is left of it: it never matches';
  }
  const list = wanted.length > 6 ? `${wanted.slice(0, 6).join(', ')}, … ${wanted.length - 6} more` : wanted.join(', ');
  return `    ${field}  ${negated ? 'refuses' : 'wants'} ${list}; ${observed === undefined ? 'there is none' : `saw ${observed}`}  ${placeText(place)}`;
}

/** `file:line`; nothing for objects that came from no file. */
export function placeText({ file, line: at }: Place): string {
  return file === '' ? '' : at > 0 ? `${file}:${at}` : file;
}

function line(name: string, text: string): string {
  return `  ${name.padEnd(6)}  ${text}`;
}

import { Problem } from '../core/problem.ts';
import { EXIT } from './functions.ts';
import { type Output, table } from './output.ts';
import { signedIn } from './session.ts';
import { timeOf } from './time.ts';

export interface AuditSearchOptions {
  readonly caller?: string;
  readonly action?: string;
  readonly resource?: string;
  readonly target?: string;
  readonly verdict?: 'allow' | 'hold' | 'deny';
  readonly since?: string;
  readonly until?: string;
  readonly limit: string;
  readonly id?: string;
  readonly origin?: string;
}

/** Most entries of one answer of the control API. */
const PAGE = 500;

/** Searches the record, newest first. Who may not search it sees the decisions about themselves. */
export async function auditSearch(options: AuditSearchOptions, output: Output): Promise<number> {
  const limit = /^[0-9]{1,7}$/.test(options.limit) ? Number(options.limit) : 0;
  if (limit < 1) throw new Problem({ code: 'LIMIT_INVALID', kind: 'invalid', message: '`--limit` is a positive number' });
  const now = Date.now();
  const { caller, action, resource, target, verdict, id } = options;
  const query = {
    caller,
    action,
    resource,
    target,
    verdict,
    decisionId: id,
    sinceMs: options.since === undefined ? undefined : timeOf(options.since, now),
    untilMs: options.until === undefined ? undefined : timeOf(options.until, now),
  };
  const { client } = await signedIn(options);
  const found: Awaited<ReturnType<typeof client.searchDecisions>>['entries'][number][] = [];
  let cursor: string | undefined;
  do {
    const page = await client.searchDecisions({ ...query, limit: Math.min(limit - found.length, PAGE), cursor });
    found.push(...page.entries.slice(0, limit - found.length));
    cursor = page.cursor;
  } while (cursor !== undefined && found.length < limit);
  output.data(found, () => (found.length === 0 ? 'Nothing found.' : table(HEAD, found.map(row))));
  return EXIT.ok;
}

type Client = Awaited<ReturnType<typeof signedIn>>['client'];
type DecisionOf = Extract<Awaited<ReturnType<Client['searchDecisions']>>['entries'][number], { type: 'decision.v1' }>['decision'];

const HEAD = ['TIME', 'VERDICT', 'CALLER', 'ACTION', 'RESOURCE', 'CODE', 'COUNT', 'ID'];

function row(entry: Awaited<ReturnType<Client['searchDecisions']>>['entries'][number]): string[] {
  const time = new Date(entry.timeMs).toISOString();
  switch (entry.type) {
    case 'decision.v1': {
      const first = entry.decision.requests[0];
      const verdict = verdictText(entry.decision);
      const more = entry.decision.requests.length > 1 ? ` +${entry.decision.requests.length - 1}` : '';
      return [
        time,
        verdict,
        entry.caller,
        `${first?.action ?? '-'}${more}`,
        first?.resource ?? entry.path,
        entry.decision.code,
        String(entry.fold?.count ?? 1),
        entry.id,
      ];
    }
    case 'refusal.v1':
      return [time, 'refused', entry.peer, '-', entry.path ?? '-', entry.code, String(entry.fold?.count ?? 1), entry.id];
    case 'event.v1':
      return [time, 'event', entry.caller, entry.event, '-', '-', '1', entry.id];
    default:
      return [time, entry.type, '-', '-', '-', '-', '1', entry.id];
  }
}

/** What was decided; `would deny` where a target or a rule only watches. */
function verdictText({ mode, verdict, requests }: DecisionOf): string {
  if (mode === 'observe' && verdict !== 'allow') return `would ${verdict}`;
  return requests.some(({ wouldDeny }) => wouldDeny.length > 0) ? `${verdict}, would deny` : verdict;
}

import type { AuditEntry, AuditPage, AuditQuery } from '../audit/port.ts';
import { type Caller, callerText } from '../core/caller.ts';
import { type Asked, authorize, type Known, mayDo } from './authorize.ts';
import { isOwnText } from './explain.ts';
import type { ControlParts } from './parts.ts';

const SEARCH: Asked = { action: 'fairlead.decision.search', class: 'read', on: ['decisions'] };

/**
 * Everybody sees the decisions about themselves; those of others by `fairlead.decision.search`, which is recorded. Who may see all
 * and names no caller sees all.
 */
export async function searchDecisions(
  parts: ControlParts,
  known: Known,
  query: AuditQuery,
): Promise<{ readonly page: AuditPage; readonly scope: 'all' | 'own' }> {
  const maySeeAll = mayDo(parts, known.caller, SEARCH);
  const isOwn = query.caller === undefined ? !maySeeAll : isOwnText(query.caller, known.caller);
  if (!isOwn) {
    await authorize(parts, known, SEARCH);
    return { page: await parts.search.search(query), scope: 'all' };
  }
  const page = await parts.search.search({ ...query, caller: query.caller ?? callerText(known.caller) });
  if (maySeeAll) return { page, scope: 'all' };
  // INVARIANT: nothing that is not about this caller leaves, whatever the search finds.
  const entries = page.entries.filter((entry) => isAbout(entry, known.caller)).map((entry) => shortened(entry, known.disclose));
  return { page: { ...page, entries }, scope: 'own' };
}

function isAbout(entry: AuditEntry, caller: Caller): boolean {
  return (entry.type === 'decision.v1' || entry.type === 'event.v1') && isOwnText(entry.caller, caller);
}

/** What rules say, and what names resolve to where even that may be news, is for those who may explain decisions. */
function shortened(entry: AuditEntry, disclose: 'rule' | 'none'): AuditEntry {
  if (entry.type !== 'decision.v1') return entry;
  const requests = entry.decision.requests.map((request) => ({ ...request, rules: [], mesh: [], clauses: [], wouldDeny: [] }));
  return {
    ...entry,
    attributes: undefined,
    decision: { ...entry.decision, obligations: [], requests: disclose === 'rule' ? requests : [] },
  };
}

import { type Caller, callerText, subjectText } from '../../core/caller.ts';
import type { KnownCaller } from '../../identity/port.ts';

/** Whether `held` (the caller of a token or session) is the asker's own. Whoever acts for a person has what was made in that part, the person all that stands for them. */
export function isOwn(held: KnownCaller, caller: Caller): boolean {
  if (caller.actors.length === 0) return subjectText(held.subject) === subjectText(caller.subject);
  return callerText(held) === callerText(caller);
}

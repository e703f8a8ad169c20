import { Problem } from '../../core/problem.ts';
import type { Entered, Routed } from '../passage.ts';

/** Which target? By host, or by the port of the listener in demos. The control origin is never among them. */
export function routeCall(entered: Entered): Routed {
  const { head, localPort } = entered.incoming;
  const target = entered.corridor.routes.find(head.host, localPort);
  if (target === undefined) {
    throw new Problem({ code: 'HOST_UNKNOWN', kind: 'misdirected', message: 'no target of this gateway has this host name' });
  }
  return { ...entered, kind: 'routed', target, operation: target.adapter.match(head) };
}

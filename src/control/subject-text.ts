import type { Caller, Subject } from '../core/caller.ts';

/** The words of `subjectText`, read back; undefined for anything else, patterns included. */
export function parseSubject(text: string): Subject | undefined {
  const user = /^user:([^\s*]+)$/.exec(text)?.[1];
  if (user !== undefined) return { kind: 'user', name: user };
  const agent = /^agent:([^\s*]+)$/.exec(text)?.[1];
  if (agent !== undefined) return { kind: 'agent', name: agent };
  const workload = /^workload:(?:([^\s:/*]+):)?([^\s:/*]+)\/([^\s:/*]+)$/.exec(text);
  const [, cluster, namespace, serviceAccount] = workload ?? [];
  if (namespace === undefined || serviceAccount === undefined) return undefined;
  return { kind: 'workload', cluster: cluster ?? '', home: cluster === undefined, namespace, serviceAccount };
}

/** The words of `callerText`, read back. */
export function parseCallerText(text: string): Pick<Caller, 'subject' | 'actors'> | undefined {
  const [first = '', second, ...more] = text.split(' for ');
  if (more.length > 0) return undefined;
  const subject = parseSubject(second ?? first);
  const actor = second === undefined ? undefined : parseSubject(first);
  if (subject === undefined || (second !== undefined && actor === undefined)) return undefined;
  return { subject, actors: actor === undefined ? [] : [actor] };
}

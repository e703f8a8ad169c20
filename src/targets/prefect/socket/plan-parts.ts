import type { AccessRequest } from '../../../core/access.ts';
import type { FrameVerdict } from '../../target.ts';

/** Closes on denial: a client that gets nothing for its one question should hear so. Asking for nothing is nothing to forward. */
export function asked(requests: readonly AccessRequest[], operation: string): FrameVerdict {
  const [first, ...rest] = requests;
  if (first === undefined) return { kind: 'drop' };
  return { kind: 'ask', requests: [first, ...rest], onDeny: 'close', operation };
}

/** True at its first call, false ever after. */
export function onlyOnce(): () => boolean {
  let isDone = false;
  return () => {
    const isFirst = !isDone;
    isDone = true;
    return isFirst;
  };
}

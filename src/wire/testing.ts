import { Problem } from '../core/problem.ts';

/** For tests: the code of the Problem that `action` throws; undefined when it throws nothing. Anything else thrown goes on. */
export function codeOf(action: () => unknown): string | undefined {
  try {
    action();
  } catch (thrown) {
    if (thrown instanceof Problem) return thrown.code;
    throw thrown;
  }
  return undefined;
}

/** As `codeOf`, for an action that takes its time. */
export async function codeOfAsync(action: () => Promise<unknown>): Promise<string | undefined> {
  try {
    await action();
  } catch (thrown) {
    if (thrown instanceof Problem) return thrown.code;
    throw thrown;
  }
  return undefined;
}

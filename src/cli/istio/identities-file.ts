import { Problem } from '../../core/problem.ts';
import { CaseError, type Identities, readIdentities } from '../../istio/cases/case.ts';
import { readText } from './sources.ts';

/** Certificates by name, as cases refer to them. Problem: MESH_UNREADABLE. */
export async function loadIdentities(path: string): Promise<Identities> {
  const text = await readText(path, process.stdin, 16 * 1024 * 1024);
  try {
    return readIdentities(text);
  } catch (error) {
    if (!(error instanceof CaseError) && !(error instanceof Problem)) throw error;
    throw new Problem({ code: 'MESH_UNREADABLE', kind: 'invalid', message: `\`${path}\`: ${error.message}`, cause: error });
  }
}

import type { MeshModel, MeshObject } from '../objects.ts';
import type { Finding } from './finding.ts';

/** `fairlead.dev/lint-ignore: code, code`; a `*` is all of them. */
export const LINT_IGNORE = 'fairlead.dev/lint-ignore';

/** Whether the object that a finding is about has an annotation that names its code. */
export function isIgnored({ code, object }: Finding, model: MeshModel): boolean {
  const objects: readonly MeshObject[] = [...model.policies, ...model.requestAuthentications, ...model.peerAuthentications];
  const found = objects.find(
    ({ kind, namespace, name }) => kind === object.kind && namespace === object.namespace && name === object.name,
  );
  return names(found?.annotations[LINT_IGNORE], code);
}

/**
 * The findings that no comment `# fairlead: ignore code, code` names, on their own line or the one before. Texts by file, as they
 * were read.
 */
export function withoutCommented(findings: readonly Finding[], texts: ReadonlyMap<string, string>): readonly Finding[] {
  const lines = new Map([...texts].map(([file, text]) => [file, text.split('\n')]));
  return findings.filter(({ file, line, code }) => {
    const own = lines.get(file)?.[line - 1] ?? '';
    const before = lines.get(file)?.[line - 2] ?? '';
    return !names(COMMENT.exec(own)?.[1], code) && !(before.trim().startsWith('#') && names(COMMENT.exec(before)?.[1], code));
  });
}

const COMMENT = /(?:^|\s)#\s*fairlead:\s*ignore\s+(.*)$/;

function names(list: string | undefined, code: string): boolean {
  if (list === undefined) return false;
  const words = list.split(/[\s,]+/);
  return words.includes(code) || words.includes('*');
}

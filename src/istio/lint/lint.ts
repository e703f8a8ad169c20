import type { MeshModel } from '../objects.ts';
import type { Profile } from '../profile.ts';
import { ambientChecks } from './ambient-checks.ts';
import { attachChecks } from './attach-checks.ts';
import { LintContext } from './context.ts';
import type { Finding } from './finding.ts';
import { httpChecks } from './http-checks.ts';
import { identityChecks } from './identity-checks.ts';
import { nameChecks } from './name-checks.ts';
import { pathChecks } from './path-checks.ts';
import { ruleChecks } from './rule-checks.ts';
import { isIgnored } from './suppression.ts';
import { tokenChecks } from './token-checks.ts';

/**
 * Traps in policies: what is allowed by Istio and does likely not do what its author means. Each finding is true of the proxies of the
 * profile: where it names a request, that request was evaluated. What the object's annotation names is left out. In the order of
 * files and lines.
 */
export function lint(model: MeshModel, profile: Profile): readonly Finding[] {
  const context = new LintContext(model, profile);
  const findings = CHECKS.flatMap((check) => check(context)).filter((finding) => !isIgnored(finding, model));
  return findings.sort((a, b) =>
    a.file < b.file ? -1 : a.file > b.file ? 1 : a.line - b.line || a.column - b.column || (a.code < b.code ? -1 : 1),
  );
}

const CHECKS: readonly ((context: LintContext) => readonly Finding[])[] = [
  identityChecks,
  nameChecks,
  tokenChecks,
  httpChecks,
  pathChecks,
  attachChecks,
  ambientChecks,
  ruleChecks,
];

import type { Rule, Vocabulary, Who } from './port.ts';
import { OWN_TARGET } from './resource-pattern.ts';
import { type RuleContext, withDigest } from './rule-document.ts';
import { parseWho } from './who.ts';
import type { Problems } from './yaml-document.ts';

const FILE = 'fairlead.yaml';

/** The built-in rule by which the configuration's administrators hold `fairlead.*`. Undefined when there are none. */
export function administratorRule(vocabulary: Vocabulary, context: RuleContext, problems: Problems): Rule | undefined {
  const who: Who[] = [];
  for (const text of vocabulary.administrators) {
    const parsed = parseWho(text, context.sources);
    const isOpen = parsed.ok && (parsed.form.kind === 'anonymous' || parsed.form.kind === 'anyone');
    if (parsed.ok && !isOpen) {
      who.push({ text, line: 0, form: parsed.form });
      continue;
    }
    const message = parsed.ok ? `\`${text}\` cannot be an administrator` : parsed.reason;
    const help = parsed.ok ? 'name users or groups' : parsed.help;
    problems.add({
      severity: 'error',
      code: 'BAD_WHO',
      message,
      file: FILE,
      line: 0,
      column: 0,
      path: 'administrators',
      ...(help === undefined ? {} : { help }),
    });
  }
  if (who.length === 0) return undefined;
  return withDigest({
    ref: { file: FILE, line: 0, name: 'configuration/administrators' },
    verb: 'can',
    mode: 'enforce',
    who,
    actions: { patterns: [{ text: 'fairlead.*', line: 0 }], names: new Set(), prefixes: ['fairlead.'] },
    on: [{ text: 'fairlead/**', line: 0, segments: [{ kind: 'exact', text: OWN_TARGET }, { kind: 'deep' }] }],
    require: [],
  });
}

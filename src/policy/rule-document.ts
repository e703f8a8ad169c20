import { createHash } from 'node:crypto';
import type { NonEmptyList } from '../core/access.ts';
import type { Catalogue } from '../core/catalogue.ts';
import type { Mode, RuleRef } from '../core/decision.ts';
import { type ActionNames, parseAction } from './action-pattern.ts';
import { compileCondition } from './condition/condition.ts';
import type { Facts } from './condition/facts.ts';
import { type Variant, variantsOf } from './condition/variables.ts';
import { readRequire } from './obligation-document.ts';
import type { ActionSet, Condition, ResourcePattern, Rule, Verb, Who, WhoForm } from './port.ts';
import { OWN_TARGET, parseResourcePattern } from './resource-pattern.ts';
import { allOf, parseWho } from './who.ts';
import type { YamlValue } from './yaml-document.ts';

/** What rules are read against; built once per load. */
export interface RuleContext {
  readonly sources: readonly string[];
  readonly targets: ReadonlyMap<string, string>;
  readonly actions: ActionNames;
  readonly catalogues: readonly Catalogue[];
}

const VERBS = ['can', 'cannot', 'must'] as const;
export const NAME = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;

/**
 * Reads one item of `spec.rules`. A `can` with `require` yields two rules with one reference: the `can`, and the `must` that it is
 * short for. Whatever is wrong is reported, and the result then is not used.
 */
export function readRule(value: YamlValue, policy: string, owner: string | undefined, context: RuleContext): readonly Rule[] {
  const fields = value.fields({
    name: 'required',
    who: 'required',
    can: 'optional',
    cannot: 'optional',
    must: 'optional',
    on: 'required',
    when: 'optional',
    unless: 'optional',
    require: 'optional',
    mode: 'optional',
  });
  if (fields === undefined) return [];
  const ref = readRef(fields.get('name') ?? value, fields.has('name'), policy);
  const verbs = VERBS.filter((candidate) => fields.has(candidate));
  const verb = verbs[0];
  if (verb === undefined || verbs.length > 1) {
    value.error('WRONG_VALUE', 'a rule has exactly one of `can`, `cannot`, `must`');
  }
  const who = readWhoList(fields.get('who'), verb ?? 'cannot', context);
  const on = readOn(fields.get('on'), context);
  const actionList = verb === undefined ? undefined : fields.get(verb);
  const actions = readActions(actionList, verb ?? 'cannot', context);
  const mode = fields.get('mode')?.choice<Mode>(['enforce', 'observe']) ?? 'enforce';
  const require = fields.get('require');
  const obligations = require === undefined ? [] : readRequire(require, ref, context.sources);
  if (verb === 'cannot') require?.error('WRONG_VALUE', 'a `cannot` requires nothing: it refuses');
  if (verb === 'must' && require === undefined) value.error('MISSING_FIELD', 'a `must` needs `require`');

  const kinds = kindsOf(on, context.targets);
  const variants = variantsOf(actions, kinds, context.catalogues);
  if (variants.length === 0 && actions.patterns.length > 0 && on.length > 0) {
    value.warning('RULE_NEVER_MATCHES', 'no listed action exists on the targets that `on` names');
  }
  const when = readCondition(fields.get('when'), variants);
  const unless = readCondition(fields.get('unless'), when?.facts ?? variants);
  if (verb === undefined) return [];

  const conditions = {
    ...(when?.condition === undefined ? {} : { when: when.condition }),
    ...(unless?.condition === undefined ? {} : { unless: unless.condition }),
  };
  const base = { ref, mode, who, on, ...(owner === undefined ? {} : { owner }), ...conditions };
  const rules: Rule[] = [withDigest({ ...base, verb, actions, require: verb === 'must' ? obligations : [] })];
  if (verb === 'can' && obligations.length > 0) {
    rules.push(
      withDigest({ ...base, verb: 'must', actions: readActions(actionList, 'must', context, true), require: obligations }),
    );
  }
  return rules;
}

/** Reads one `who` entry: text, or `{all: […]}`. */
export function readWho(value: YamlValue, sources: readonly string[]): WhoForm | undefined {
  if (value.isMap) {
    const items = value.fields({ all: 'required' })?.get('all')?.someItems();
    const forms = items?.map((item) => readWho(item, sources));
    const isComplete = forms?.every((form) => form !== undefined) === true;
    return isComplete ? allOf(forms as unknown as NonEmptyList<WhoForm>) : undefined; // `someItems` gave at least one
  }
  const text = value.string();
  if (text === undefined) return undefined;
  const parsed = parseWho(text, sources);
  return parsed.ok ? parsed.form : value.error('BAD_WHO', parsed.reason, { help: parsed.help });
}

function readRef(value: YamlValue, isName: boolean, policy: string): RuleRef {
  const name = isName ? value.string() : undefined;
  if (name !== undefined && !NAME.test(name))
    value.error('WRONG_VALUE', `\`${name}\` is not a name`, { help: 'use small letters, digits and `-`' });
  return { file: value.file, line: value.mark.line, name: `${policy}/${name ?? '?'}` };
}

function readWhoList(value: YamlValue | undefined, verb: Verb, context: RuleContext): readonly Who[] {
  const list: Who[] = [];
  for (const item of value?.someItems() ?? []) {
    const form = readWho(item, context.sources);
    if (form === undefined) continue;
    if (verb === 'can' && namesAnonymous(form)) {
      item.warning('ANONYMOUS_CAN', 'this grants rights to callers without identity', 'write `anyone` for every verified caller');
    }
    list.push({ text: whoText(item), line: item.mark.line, form });
  }
  return list;
}

function whoText(item: YamlValue): string {
  if (!item.isMap) return String(item.scalar());
  const parts = item.entries()?.[0]?.value.items() ?? [];
  return `{all: [${parts.map(whoText).join(', ')}]}`;
}

function namesAnonymous(form: WhoForm): boolean {
  if (form.kind === 'all') return form.of.some(namesAnonymous);
  return form.kind === 'anonymous' || (form.kind === 'for' && form.subject.kind === 'anonymous');
}

/** `quiet`: the list was read before with another verb, and its faults are reported already. */
function readActions(value: YamlValue | undefined, verb: Verb, context: RuleContext, quiet = false): ActionSet {
  const patterns: { text: string; line: number }[] = [];
  const names = new Set<string>();
  const prefixes: string[] = [];
  for (const item of (quiet ? value?.items() : value?.someItems()) ?? []) {
    const text = quiet ? item.scalar() : item.string();
    if (typeof text !== 'string') continue;
    if (text.startsWith('set:')) {
      if (!quiet)
        item.error('NOT_SUPPORTED', `\`${text}\` names a set, which is not supported yet`, { help: 'write the actions out' });
      continue;
    }
    const parsed = parseAction(text, verb, context.actions);
    if (!parsed.ok) {
      if (!quiet) item.error('UNKNOWN_ACTION', parsed.reason, { help: parsed.help });
      continue;
    }
    for (const name of parsed.names) names.add(name);
    if (parsed.prefix !== undefined) prefixes.push(parsed.prefix);
    patterns.push({ text, line: item.mark.line });
  }
  return { patterns, names, prefixes };
}

function readOn(value: YamlValue | undefined, context: RuleContext): readonly ResourcePattern[] {
  const list: ResourcePattern[] = [];
  for (const item of value?.someItems() ?? []) {
    const text = item.string();
    if (text === undefined) continue;
    if (text.startsWith('set:')) {
      item.error('NOT_SUPPORTED', `\`${text}\` names a set, which is not supported yet`, { help: 'write the resources out' });
      continue;
    }
    const parsed = parseResourcePattern(text, context.targets.keys());
    if (parsed.ok) list.push({ text, line: item.mark.line, segments: parsed.segments });
    else item.error('BAD_RESOURCE', `\`${text}\` is not a resource pattern: ${parsed.reason}`, { help: parsed.help });
  }
  return list;
}

/** Kinds of the targets that the patterns reach; undefined when a pattern reaches all. */
function kindsOf(on: readonly ResourcePattern[], targets: ReadonlyMap<string, string>): ReadonlySet<string> | undefined {
  const kinds = new Set<string>();
  for (const { segments } of on) {
    const first = segments[0];
    if (first?.kind !== 'exact') return undefined;
    kinds.add(targets.get(first.text) ?? OWN_TARGET);
  }
  return kinds;
}

function readCondition(
  value: YamlValue | undefined,
  facts: readonly Variant[] | Facts,
): { readonly condition: Condition | undefined; readonly facts: Facts } | undefined {
  const text = value?.string();
  if (value === undefined || text === undefined) return undefined;
  const compiled = compileCondition(text, facts, value.mark.line);
  for (const problem of compiled.problems)
    value.error(problem.code, problem.message, { help: problem.help, at: value.markAt(problem.offset) });
  return { condition: compiled.condition, facts: compiled.whenTrue };
}

/** Digest of what a rule means: a comment or another place in the file changes nothing. */
export function withDigest(rule: Omit<Rule, 'digest'>): Rule {
  const meaning = [
    rule.ref.name,
    rule.verb,
    rule.mode,
    rule.who.map((who) => who.text),
    rule.actions.patterns.map((pattern) => pattern.text),
    [...rule.actions.names].sort(),
    rule.on.map((pattern) => pattern.text),
    rule.when?.text ?? null,
    rule.unless?.text ?? null,
    rule.require.map(({ kind, spec }) => [kind, spec]),
  ];
  return { ...rule, digest: `sha256:${createHash('sha256').update(JSON.stringify(meaning)).digest('hex')}` };
}

import { createHash } from 'node:crypto';
import type { Action } from '../core/access.ts';
import type { Catalogue } from '../core/catalogue.ts';
import type { Diagnostic } from '../core/diagnostic.ts';
import { actionNames } from './action-pattern.ts';
import { administratorRule } from './administrators.ts';
import type { PolicyFile, PolicySet, PolicyTestCase, Rule, Vocabulary } from './port.ts';
import { NAME, type RuleContext, readRule } from './rule-document.ts';
import { readTestCase } from './test-document.ts';
import { Problems, readYaml, type YamlValue } from './yaml-document.ts';

const API_VERSION = 'fairlead.dev/v1';
const KINDS = ['AccessPolicy', 'PolicyTest', 'Names'] as const;

/**
 * Reads all files of a policy as one. Everything that is wrong is in `diagnostics`; with any error there is no policy. The order
 * of files means nothing.
 */
export function loadPolicies(
  files: readonly PolicyFile[],
  vocabulary: Vocabulary,
): { readonly policy: PolicySet | undefined; readonly diagnostics: readonly Diagnostic[] } {
  const problems = new Problems();
  const context = contextOf(vocabulary);
  const seen = new Map<string, YamlValue>();
  const administrators = administratorRule(vocabulary, context, problems);
  const rules: Rule[] = administrators === undefined ? [] : [administrators];
  const tests: PolicyTestCase[] = [];
  const sorted = [...files].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  for (const file of sorted) {
    for (const document of readYaml(file, problems)) {
      const object = readObject(document, seen);
      if (object?.kind === 'AccessPolicy') rules.push(...readPolicy(object.name, object.spec, context));
      if (object?.kind === 'PolicyTest') tests.push(...readTest(object.name, object.spec, vocabulary, context));
    }
  }
  const diagnostics = problems.sorted();
  if (problems.hasErrors) return { policy: undefined, diagnostics };
  const policy: PolicySet = {
    revision: revisionOf(sorted, vocabulary.administrators),
    rules,
    tests,
    files: sorted,
    implied: impliedOf(vocabulary.catalogues),
    bodies: bodiesOf(vocabulary),
  };
  return { policy, diagnostics };
}

interface PolicyObject {
  readonly kind: (typeof KINDS)[number];
  readonly name: string;
  readonly spec: YamlValue;
}

/** The head that all kinds share; names are unique per kind, across all files. */
function readObject(document: YamlValue, seen: Map<string, YamlValue>): PolicyObject | undefined {
  const fields = document.fields({ apiVersion: 'required', kind: 'required', metadata: 'required', spec: 'required' });
  if (fields === undefined) return undefined;
  fields.get('apiVersion')?.choice([API_VERSION]);
  const kindValue = fields.get('kind');
  const kind = kindValue?.choice(KINDS);
  if (kind === 'Names') {
    kindValue?.error('NOT_SUPPORTED', 'the kind `Names` is not supported yet', {
      help: 'write the members of the set out in each rule',
    });
    return undefined;
  }
  const metadata = fields
    .get('metadata')
    ?.fields({ name: 'required', namespace: 'optional', labels: 'optional', annotations: 'optional' });
  for (const map of ['labels', 'annotations']) for (const entry of metadata?.get(map)?.entries() ?? []) entry.value.string();
  metadata?.get('namespace')?.string();
  const nameValue = metadata?.get('name');
  const name = nameValue?.string();
  const spec = fields.get('spec');
  if (nameValue !== undefined && name !== undefined) {
    if (!NAME.test(name))
      nameValue.error('WRONG_VALUE', `\`${name}\` is not a name`, { help: 'use small letters, digits and `-`' });
    if (name === 'configuration' && kind === 'AccessPolicy')
      nameValue.error('WRONG_VALUE', '`configuration` is the name of the built-in policy');
    claim(nameValue, `${kind ?? '?'} ${name}`, `\`${name}\``, seen);
  }
  return kind === undefined || spec === undefined ? undefined : { kind, name: name ?? '?', spec };
}

function readPolicy(name: string, spec: YamlValue, context: RuleContext): readonly Rule[] {
  const fields = spec.fields({ owner: 'optional', rules: 'required' });
  const owner = fields?.get('owner')?.string();
  const seen = new Map<string, YamlValue>();
  return (fields?.get('rules')?.someItems() ?? []).flatMap((item) => {
    claimItem(item, seen);
    return readRule(item, name, owner, context);
  });
}

function readTest(name: string, spec: YamlValue, vocabulary: Vocabulary, context: RuleContext): readonly PolicyTestCase[] {
  const cases = spec.fields({ cases: 'required' })?.get('cases')?.someItems() ?? [];
  const seen = new Map<string, YamlValue>();
  return cases.flatMap((item) => {
    claimItem(item, seen);
    return readTestCase(item, name, vocabulary, context) ?? [];
  });
}

function claimItem(item: YamlValue, seen: Map<string, YamlValue>): void {
  if (!item.isMap) return;
  const value = item.entries()?.find((entry) => entry.name === 'name')?.value;
  const name = value?.scalar();
  if (value !== undefined && typeof name === 'string') claim(value, name, `\`${name}\``, seen);
}

function claim(value: YamlValue, key: string, shown: string, seen: Map<string, YamlValue>): void {
  const first = seen.get(key);
  if (first === undefined) seen.set(key, value);
  else
    value.error('DUPLICATE_NAME', `the name ${shown} is taken already`, {
      help: `it stands at ${first.file}:${first.mark.line}:${first.mark.column}`,
    });
}

function contextOf(vocabulary: Vocabulary): RuleContext {
  return {
    sources: vocabulary.sources.map((source) => source.name),
    targets: new Map(vocabulary.targets.map((target) => [target.name, target.kind])),
    actions: actionNames(vocabulary.catalogues),
    catalogues: vocabulary.catalogues,
  };
}

function impliedOf(catalogues: readonly Catalogue[]): ReadonlyMap<Action, readonly Action[]> {
  const implied = new Map<Action, Action[]>();
  for (const { action, by } of catalogues.flatMap((catalogue) => catalogue.implied))
    implied.set(action, [...(implied.get(action) ?? []), by]);
  return implied;
}

function bodiesOf(vocabulary: Vocabulary): PolicySet['bodies'] {
  const byKind = new Map(
    vocabulary.catalogues.map((catalogue) => [
      catalogue.kind,
      new Map(catalogue.methods.map((method) => [method.id, method.body])),
    ]),
  );
  const targets = [...vocabulary.targets, { name: 'fairlead', kind: 'fairlead' }];
  return new Map(targets.map(({ name, kind }) => [name, byKind.get(kind) ?? new Map()]));
}

/** Lengths stand before texts, so that no two sets of files have the same bytes. */
function revisionOf(files: readonly PolicyFile[], administrators: readonly string[]): string {
  const hash = createHash('sha256');
  const parts = ['fairlead policy 1', ...[...administrators].sort(), '', ...files.flatMap((file) => [file.path, file.text])];
  for (const part of parts) hash.update(`${Buffer.byteLength(part)}:${part}`);
  return `sha256:${hash.digest('hex')}`;
}

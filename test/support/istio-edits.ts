import { type Json, pick, policy, some, WORDS } from './istio-mesh.ts';

type Random = () => number;

/** One field of one object in some other way; the name of the edit, for messages. */
export function edit(objects: Json[], random: Random): string {
  for (;;) {
    const [name, change] = pick(random, EDITS);
    if (change(objects, random)) return name;
  }
}

type Change = (objects: Json[], random: Random) => boolean;

const EDITS: readonly (readonly [string, Change])[] = [
  ['a value is added', (objects, random) => onList(objects, random, (list, words) => list.push(pick(random, words)) > 0)],
  [
    'a value is taken away',
    (objects, random) =>
      onList(objects, random, (list) => list.length > 1 && list.splice(Math.floor(random() * list.length), 1).length > 0),
  ],
  [
    'a value is another',
    (objects, random) =>
      onList(objects, random, (list, words) => {
        list[Math.floor(random() * list.length)] = pick(random, words);
        return true;
      }),
  ],
  [
    'the action is another',
    onPolicy((spec, random) => {
      if (spec['action'] === 'CUSTOM') return false;
      spec['action'] = pick(
        random,
        ['ALLOW', 'DENY', 'AUDIT'].filter((action) => action !== spec['action']),
      );
      return true;
    }),
  ],
  [
    'a rule is taken away',
    onPolicy((spec, random) => {
      const rules = spec['rules'] as Json[];
      return rules.length > 1 && rules.splice(Math.floor(random() * rules.length), 1).length > 0;
    }),
  ],
  [
    'a condition is turned round',
    onRule((rule) => {
      const [condition] = (rule['when'] as Json[] | undefined) ?? [];
      if (condition === undefined) return false;
      const [from, to] = condition['values'] === undefined ? ['notValues', 'values'] : ['values', 'notValues'];
      condition[to] = condition[from] as Json;
      delete condition[from];
      return true;
    }),
  ],
  ['a condition is taken away', onRule((rule) => rule['when'] !== undefined && delete rule['when'])],
  ['the callers are not said', onRule((rule) => rule['from'] !== undefined && delete rule['from'])],
  ['the operations are not said', onRule((rule) => rule['to'] !== undefined && delete rule['to'])],
  [
    'the selector is another',
    onPolicy((spec, random) => set(spec, 'selector', { matchLabels: pick(random, [{ app: 'cart' }, { app: 'web' }]) })),
  ],
  ['the selector is taken away', onPolicy((spec) => spec['selector'] !== undefined && delete spec['selector'])],
  ['the provider is another', onPolicy((spec) => spec['action'] === 'CUSTOM' && set(spec, 'provider', { name: 'gate' }))],
  [
    'a dry run begins or ends',
    (objects, random) => {
      const one = pick(random, policies(objects));
      const metadata = one?.['metadata'] as Json | undefined;
      if (one === undefined || metadata === undefined || ['CUSTOM', 'AUDIT'].includes(String((one['spec'] as Json)['action'])))
        return false;
      if (metadata['annotations'] === undefined) metadata['annotations'] = { 'istio.io/dry-run': 'true' };
      else delete metadata['annotations'];
      return true;
    },
  ],
  [
    'a policy is taken away',
    (objects, random) => objects.splice(objects.indexOf(pick(random, policies(objects)) as Json), 1).length > 0,
  ],
  ['a policy is new', (objects, random) => objects.push(policy(random, 'new')) > 0],
  [
    'an issuer is another',
    onToken((rule) =>
      set(rule, 'issuer', rule['issuer'] === 'https://idp.example' ? 'https://new.example' : 'https://idp.example'),
    ),
  ],
  ['the audiences are others', onToken((rule, random) => set(rule, 'audiences', some(random, ['a', 'b'], 2)))],
  ['the token is taken from elsewhere', onToken((rule) => set(rule, 'fromHeaders', [{ name: 'x-token' }]))],
  [
    'mutual TLS is another',
    (objects) => {
      const one = objects.find(({ kind }) => kind === 'PeerAuthentication');
      const mtls = (one?.['spec'] as Json | undefined)?.['mtls'] as Json | undefined;
      return mtls !== undefined && set(mtls, 'mode', mtls['mode'] === 'STRICT' ? 'PERMISSIVE' : 'STRICT');
    },
  ],
];

/** The same policies in other words. */
export function rewrite(objects: Json[], random: Random): string {
  const name = pick(random, Object.keys(REWRITES));
  REWRITES[name]?.(objects, random);
  return name;
}

const REWRITES: Readonly<Record<string, (objects: Json[], random: Random) => void>> = {
  'other order': (objects, random) => {
    shuffle(objects, random);
    for (const { rules } of specs(objects)) {
      shuffle(rules, random);
      for (const list of lists(rules)) shuffle(list.values, random);
    }
  },
  'one source a rule': (objects) => {
    for (const { spec, rules } of specs(objects)) {
      spec['rules'] = rules.flatMap((rule) =>
        ((rule['from'] as Json[] | undefined) ?? [undefined]).map((from) =>
          from === undefined ? rule : { ...rule, from: [from] },
        ),
      );
    }
  },
  'one operation a rule': (objects) => {
    for (const { spec, rules } of specs(objects)) {
      spec['rules'] = rules.flatMap((rule) =>
        ((rule['to'] as Json[] | undefined) ?? [undefined]).map((to) => (to === undefined ? rule : { ...rule, to: [to] })),
      );
    }
  },
  'values twice': (objects) => {
    for (const { rules } of specs(objects)) for (const { values } of lists(rules)) values.push(...values);
  },
  'one value an entry': (objects) => {
    for (const { rules } of specs(objects)) {
      for (const rule of rules) {
        for (const [side, inner] of [
          ['from', 'source'],
          ['to', 'operation'],
        ] as const) {
          const entries = rule[side] as Json[] | undefined;
          if (entries === undefined) continue;
          rule[side] = entries.flatMap((entry) => {
            const fields = entry[inner] as Record<string, string[]>;
            const name = Object.keys(fields).find((field) => !field.startsWith('not'));
            if (name === undefined) return [entry];
            return (fields[name] ?? []).map((value) => ({ [inner]: { ...fields, [name]: [value] } }));
          });
        }
      }
    }
  },
  'fields as conditions': (objects) => {
    for (const { rules } of specs(objects)) {
      for (const rule of rules) {
        const entries = (rule['from'] as Json[] | undefined) ?? [];
        const [entry] = entries;
        if (entry === undefined || entries.length > 1) continue;
        const fields = entry['source'] as Json;
        const field = Object.keys(fields).find((name) => name in AS_CONDITION);
        const [key, values] = field === undefined ? [] : (AS_CONDITION[field] ?? []);
        if (field === undefined || key === undefined || values === undefined) continue;
        rule['when'] = [...((rule['when'] as Json[] | undefined) ?? []), { key, [values]: fields[field] as Json }];
        delete fields[field];
        if (Object.keys(fields).length === 0) delete rule['from'];
      }
    }
  },
  'accounts with their namespace': (objects) => {
    for (const { rules, namespace } of specs(objects)) {
      for (const { field, values } of lists(rules)) {
        if (!/serviceaccounts/i.test(field)) continue;
        for (const [index, value] of values.entries()) if (!value.includes('/')) values[index] = `${namespace}/${value}`;
      }
    }
  },
  'a narrower rule beside': (objects, random) => {
    for (const { rules, spec } of specs(objects)) {
      const [rule] = rules;
      if (rule === undefined || spec['action'] === 'AUDIT') continue;
      const narrow = structuredClone(rule);
      narrow['when'] = [
        ...((narrow['when'] as Json[] | undefined) ?? []),
        { key: 'request.headers[x-narrow]', values: [pick(random, WORDS.headers)] },
      ];
      rules.push(narrow);
    }
  },
  'other names': (objects) => {
    for (const [index, one] of objects.entries())
      if (one['kind'] === 'AuthorizationPolicy') (one['metadata'] as Json)['name'] = `renamed-${index}`;
  },
  'a narrower value beside': (objects) => {
    for (const { rules } of specs(objects)) {
      for (const { field, values } of lists(rules)) {
        if (field === 'paths' || field === 'notPaths')
          for (const value of [...values])
            if (value.endsWith('*') && value.length > 1 && !value.startsWith('*')) values.push(`${value.slice(0, -1)}narrow`);
        if (field === 'ipBlocks' && values.includes('10.0.0.0/8')) values.push('10.77.0.0/16');
      }
    }
  },
  'one policy a rule': (objects) => {
    for (const one of [...objects]) {
      const spec = one['spec'] as Json;
      const rules = one['kind'] === 'AuthorizationPolicy' ? (spec['rules'] as Json[]) : [];
      if (rules.length < 2) continue;
      const metadata = one['metadata'] as Json;
      for (const [index, rule] of rules.slice(1).entries()) {
        objects.push({
          ...one,
          metadata: { ...metadata, name: `${String(metadata['name'])}-${index}` },
          spec: { ...spec, rules: [rule] },
        });
      }
      spec['rules'] = rules.slice(0, 1);
    }
  },
};

/** Rewrites that split a rule. */
export const TCP_SENSITIVE: ReadonlySet<string> = new Set(['one source a rule', 'one operation a rule', 'one value an entry']);

/** Fields and the condition that means the same. */
const AS_CONDITION: Readonly<Record<string, readonly [key: string, values: string]>> = {
  principals: ['source.principal', 'values'],
  notPrincipals: ['source.principal', 'notValues'],
  namespaces: ['source.namespace', 'values'],
  notNamespaces: ['source.namespace', 'notValues'],
  ipBlocks: ['source.ip', 'values'],
  requestPrincipals: ['request.auth.principal', 'values'],
};

function policies(objects: readonly Json[]): readonly Json[] {
  return objects.filter(({ kind }) => kind === 'AuthorizationPolicy');
}

function specs(objects: readonly Json[]): { readonly spec: Json; readonly rules: Json[]; readonly namespace: string }[] {
  return policies(objects).map((one) => {
    const spec = one['spec'] as Json;
    return { spec, rules: spec['rules'] as Json[], namespace: String((one['metadata'] as Json)['namespace']) };
  });
}

interface List {
  readonly field: string;
  readonly values: string[];
  readonly words: readonly string[];
}

/** Every list of values, with others that it could hold. */
function lists(rules: readonly Json[]): List[] {
  return rules.flatMap((rule) => {
    const entries = (name: string, inner: string) =>
      ((rule[name] as Json[] | undefined) ?? []).map((entry) => entry[inner] as Json);
    const fields = [...entries('from', 'source'), ...entries('to', 'operation')].flatMap((one) => Object.entries(one));
    const conditions = ((rule['when'] as Json[] | undefined) ?? []).map(
      (one) => [String(one['key']), (one['values'] ?? one['notValues']) as Json] as const,
    );
    return [...fields, ...conditions].map(([field, values]) => ({
      field,
      values: values as unknown as string[],
      words: wordsOf(field),
    }));
  });
}

function wordsOf(field: string): readonly string[] {
  const plain = field.startsWith('not') ? field.charAt(3).toLowerCase() + field.slice(4) : field;
  if (plain in WORDS) return WORDS[plain as keyof typeof WORDS];
  if (field.includes('headers[')) return WORDS.headers;
  if (field.includes('claims[')) return WORDS.groups;
  if (field === 'source.ip') return WORDS.ipBlocks;
  if (field === 'remote.ip') return WORDS.remoteIpBlocks;
  if (field === 'source.namespace') return WORDS.namespaces;
  if (field === 'destination.port') return WORDS.ports;
  return field === 'connection.sni' ? WORDS.sni : WORDS.principals;
}

function onList(
  objects: readonly Json[],
  random: Random,
  change: (list: string[], words: readonly string[]) => boolean,
): boolean {
  const all = specs(objects).flatMap(({ rules }) => lists(rules));
  const list = pick(random, all);
  return list !== undefined && change(list.values, list.words);
}

function onPolicy(change: (spec: Json, random: Random) => boolean): Change {
  return (objects, random) => {
    const one = pick(random, specs(objects));
    return one !== undefined && change(one.spec, random);
  };
}

function onRule(change: (rule: Json, random: Random) => boolean): Change {
  return onPolicy((spec, random) => {
    const rule = pick(random, spec['rules'] as Json[]);
    return rule !== undefined && change(rule, random);
  });
}

function onToken(change: (rule: Json, random: Random) => boolean): Change {
  return (objects, random) => {
    const one = objects.find(({ kind }) => kind === 'RequestAuthentication');
    const rule = pick(random, ((one?.['spec'] as Json | undefined)?.['jwtRules'] as Json[] | undefined) ?? []);
    return rule !== undefined && change(rule, random);
  };
}

function set(object: Json, name: string, value: Json[string]): true {
  object[name] = value;
  return true;
}

function shuffle(list: unknown[], random: Random): void {
  for (let index = list.length - 1; index > 0; index -= 1) {
    const other = Math.floor(random() * (index + 1));
    [list[index], list[other]] = [list[other], list[index]];
  }
}

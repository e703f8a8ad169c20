import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AuthorizationPolicy, MeshObject } from '../objects.ts';
import { MAX_FILE_CHARACTERS, type MeshReading, readMeshObjects } from './mesh-objects.ts';
import { buildModel } from './model.ts';

describe('readMeshObjects', () => {
  it('reads documents of one file, past empty ones and the comments of Helm', () => {
    const text = `---\n# Source: shop/templates/a.yaml\n${policy('a')}---\n# nothing\n---\n---\n${policy('b')}---\n`;
    expect(namesIn(read(text))).toEqual(['AuthorizationPolicy shop/a', 'AuthorizationPolicy shop/b']);
  });

  it('reads what `kubectl get -o yaml` prints, and leaves out what the server adds', () => {
    const reading = read(KUBECTL);
    expect(namesIn(reading)).toEqual(['AuthorizationPolicy shop/a', 'Service shop/cart']);
    expect(JSON.stringify(reading.objects[0]?.raw)).not.toContain('managedFields');
    expect(reading.objects[0]?.created).toBe(Date.parse('2026-01-02T03:04:05Z'));
    expect(reading.isComplete).toBe(true);
  });

  it('reads JSON, as a list and as one object', () => {
    const one = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop' } };
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: [one, { ...one, metadata: { name: 'web' } }] }, null, 2);
    expect(namesIn(read(list))).toEqual(['Namespace shop', 'Namespace web']);
    expect(namesIn(read(JSON.stringify(one)))).toEqual(['Namespace shop']);
    expect(read(list).objects[1]?.placeOf(['metadata', 'name'])).toMatchObject({ line: 16, column: 17 });
  });

  it('reads typed lists whose items do not say their kind', () => {
    const text =
      'apiVersion: security.istio.io/v1\nkind: AuthorizationPolicyList\nitems:\n- metadata: {name: a}\n  spec: {}\n- metadata:\n    name: b\n';
    expect(namesIn(read(text))).toEqual(['AuthorizationPolicy default/a', 'AuthorizationPolicy default/b']);
  });

  it('reads workloads of each kind with the labels of their pods and their account', () => {
    const deployment =
      'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d, labels: {app: other}}\nspec:\n  template:\n    metadata: {labels: {app: cart}}\n    spec:\n      serviceAccountName: cart\n      containers: [{name: c, ports: [{containerPort: 8080, name: http}]}]\n';
    const cron =
      'apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: c}\nspec: {jobTemplate: {spec: {template: {metadata: {labels: {app: night}}, spec: {}}}}}\n';
    const entry =
      'apiVersion: networking.istio.io/v1\nkind: WorkloadEntry\nmetadata: {name: vm, labels: {app: meta}}\nspec: {labels: {app: spec, tier: x}, serviceAccount: vm, ports: {http: 80}}\n';
    const workloads = read([deployment, cron, entry].join('---\n')).objects.filter((object) => object.kind === 'Workload');
    expect(workloads.map(({ podLabels, serviceAccount }) => [{ ...podLabels }, serviceAccount])).toEqual([
      [{ app: 'cart' }, 'cart'],
      [{ app: 'night' }, 'default'],
      [{ app: 'meta', tier: 'x' }, 'vm'],
    ]);
    expect(workloads[0]?.ports).toEqual([{ name: 'http', port: 8080, protocol: 'TCP' }]);
  });

  it('reads JSON objects that follow each other', () => {
    const one = (name: string): string => JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    const reading = read(`${one('a')}\n${one('b')}{\n}${one('c')}\n`);
    expect(namesIn(reading)).toEqual(['Namespace a', 'Namespace b', 'Namespace c']);
    expect(reading.objects.map((object) => object.placeOf(['metadata']).line)).toEqual([1, 2, 3]);
    expect(codes(read(`${one('a')}\n{"x": 1`))).toEqual(['YAML_SYNTAX 2']);
  });

  it('counts the later one of two workloads or Services that differ, and says so', () => {
    const pod = (app: string): string => `apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {app: ${app}}}\nspec: {}\n`;
    const reading = read(`${pod('one')}---\n${pod('two')}`);
    expect(reading.diagnostics).toMatchObject([{ severity: 'warning', code: 'DUPLICATE_OBJECT', line: 8 }]);
    expect(reading.isComplete).toBe(true);
    expect(buildModel(reading.objects).workloads.map(({ podLabels }) => podLabels['app'])).toEqual(['two']);
    expect(read(`${pod('one')}---\n${pod('one').replace('spec: {}', 'spec: {restartPolicy: Never}')}`).diagnostics).toEqual([]);
  });

  it('gives objects without a namespace the default one', () => {
    const text = policy('a').replace('  namespace: shop\n', '');
    expect(namesIn(readMeshObjects([{ file: 'f', text }], { defaultNamespace: 'web' }))).toEqual(['AuthorizationPolicy web/a']);
  });

  it('counts other kinds without a word, also policies of other projects', () => {
    const text =
      'apiVersion: policy.linkerd.io/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {name: a}\n---\nreplicas: 3\n---\n- op: add\n';
    const reading = read(text);
    expect([...reading.skipped]).toEqual([
      ['policy.linkerd.io/v1alpha1 AuthorizationPolicy', 1],
      ['no object', 2],
    ]);
    expect(reading.isComplete).toBe(true);
  });

  it('finds the mesh configuration wherever installations keep it', () => {
    const settings =
      'rootNamespace: root\ntrustDomain: td\ntrustDomainAliases: [old]\npathNormalization: {normalization: NONE}\n';
    const indented = settings.replace(/^/gm, '    ').trimEnd();
    const texts = [
      settings,
      `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: istio, namespace: root}\ndata:\n  mesh: |\n${indented}\n`,
      `apiVersion: install.istio.io/v1alpha1\nkind: IstioOperator\nmetadata: {name: x}\nspec:\n  meshConfig:\n${indented}\n`,
      `meshConfig:\n${indented}\n`,
    ];
    for (const text of texts) {
      const reading = read(text);
      expect(reading.diagnostics).toEqual([]);
      expect(reading.meshConfigs.map(({ config }) => config)).toEqual([
        { rootNamespace: 'root', trustDomain: 'td', trustDomainAliases: ['old'], normalization: 'NONE', extensionProviders: [] },
      ]);
    }
  });

  it('reports two mesh configurations that differ', () => {
    expect(codes(read('rootNamespace: a\ntrustDomain: x\n---\nrootNamespace: b\n'))).toEqual(['DUPLICATE_OBJECT 4']);
  });

  it('reports an object that stands twice with other content, not one that stands twice the same', () => {
    expect(codes(read(`${policy('a')}---\n${policy('a')}`))).toEqual([]);
    expect(codes(read(`${policy('a')}---\n${policy('a').replace('DENY', 'ALLOW')}`))).toEqual(['DUPLICATE_OBJECT 16']);
  });
});

describe('speed', () => {
  it('reads a thousand policies in less than a second', () => {
    const text = Array.from({ length: 1000 }, (_, index) => policy(`p${index}`)).join('---\n');
    const before = process.cpuUsage();
    expect(read(text).objects.length).toBe(1000);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1000).toBeLessThan(1000);
  });

  it('reads a dump of twenty million characters', () => {
    const item = KUBECTL.slice(KUBECTL.indexOf('- apiVersion'), KUBECTL.indexOf('- apiVersion: v1\n'));
    const filler = `${item.replace('    generation: 1\n', `    generation: 1\n    finalizers: [${'x'.repeat(9000)}]\n`)}`;
    const items = Array.from({ length: 2100 }, (_, index) => filler.replace('name: a\n', `name: a${index}\n`));
    const text = `apiVersion: v1\nitems:\n${items.join('')}kind: List\n`;
    expect(text.length).toBeGreaterThan(20_000_000);
    const reading = read(text);
    expect(reading.diagnostics).toEqual([]);
    expect(reading.objects.length).toBe(2100);
  });
});

describe('places', () => {
  it('lead from each field to its line and column', () => {
    const [object] = read(policy('a')).objects;
    const at = (...path: readonly (string | number)[]): string => {
      const { line, column } = object?.placeOf(path) ?? { line: 0, column: 0 };
      return `${line}:${column}`;
    };
    expect(at()).toBe('1:1');
    expect(at('spec', 'action')).toBe('7:11');
    expect(at('spec', 'rules', 0, 'to')).toBe('9:5');
    expect(at('spec', 'rules', 0, 'to', 0, 'operation', 'paths', 1)).toBe('11:23');
    expect(at('spec', 'rules', 0, 'when', 3, 'key')).toBe('9:5');
  });

  it('are right in lists, behind other documents, with CRLF and with a byte order mark', () => {
    const place = (text: string): number | undefined => read(text).objects.at(-1)?.placeOf(['spec', 'action']).line;
    expect(read(KUBECTL).objects[0]?.placeOf(['spec', 'action']).line).toBe(22);
    expect(read(KUBECTL).objects[1]?.placeOf(['spec', 'ports', 0, 'port']).line).toBe(34);
    expect(place(`${policy('a')}---\n${policy('b')}`)).toBe(19);
    expect(place(policy('a').replaceAll('\n', '\r\n'))).toBe(7);
    expect(place(`\uFEFF${policy('a')}`)).toBe(7);
  });
});

describe('bad input', () => {
  it('names an unknown field, its line and the nearest one', () => {
    const reading = read(policy('a').replace('paths:', 'path:'));
    expect(reading.diagnostics).toMatchObject([
      { code: 'UNKNOWN_FIELD', line: 11, column: 9, path: 'spec.rules[0].to[0].operation.path', help: 'did you mean `paths`?' },
    ]);
    expect(reading).toMatchObject({ objects: [], isComplete: false });
  });

  it.each([
    ['paths: ["/a", /b]', 'ports: [80]', 'put it in quotes'],
    ['paths: ["/a", /b]', 'methods: [on]', 'put it in quotes'],
    ['paths: ["/a", /b]', 'ports: [0755]', 'put it in quotes'],
    ['paths: ["/a", /b]', 'methods: GET', undefined],
    ['action: DENY', 'action: Deny', 'did you mean `DENY`?'],
    ['paths: ["/a", /b]', 'paths: [~]', undefined],
  ])('refuses values that Istio would not take (%s -> %s)', (from, to, help) => {
    const reading = read(policy('a').replace(from, to));
    expect(reading.diagnostics.map((diagnostic) => [diagnostic.severity, diagnostic.help])).toEqual([['error', help]]);
    expect(reading.isComplete).toBe(false);
  });

  it('names unknown kinds and versions of the security group, and a group that is nearly it', () => {
    const kind = policy('a').replace('AuthorizationPolicy', 'AuthorisationPolicy');
    expect(read(kind).diagnostics).toMatchObject([
      { code: 'UNKNOWN_KIND', line: 2, help: 'did you mean `AuthorizationPolicy`?' },
    ]);
    const version = policy('a').replace('istio.io/v1', 'istio.io/v2');
    expect(read(version).diagnostics).toMatchObject([{ code: 'UNKNOWN_KIND', line: 1 }]);
    const group = policy('a').replace('istio.io/v1', 'istio.oi/v1');
    expect(read(group).diagnostics).toMatchObject([{ code: 'UNKNOWN_KIND', help: 'did you mean `security.istio.io`?' }]);
  });

  it('reads the other documents and the other items of a list beside a bad one', () => {
    const documents = `${policy('a')}---\nspec: [\n---\n${policy('b')}`;
    expect(namesIn(read(documents))).toEqual(['AuthorizationPolicy shop/a', 'AuthorizationPolicy shop/b']);
    expect(codes(read(documents))[0]).toMatch(/^YAML_SYNTAX 1[45]$/);
    const list = KUBECTL.replace('name: a\n', 'name: a\n    name: b\n');
    expect(namesIn(read(list))).toEqual(['Service shop/cart']);
    expect(codes(read(list))).toEqual(['DUPLICATE_FIELD 19']);
  });

  it('does not lose an object that lost its head', () => {
    expect(codes(read(policy('a').replace(/^apiVersion.*\n/, '')))).toEqual(['MISSING_FIELD 1']);
    expect(codes(read('metadata: {name: a}\nspec: {}\n'))).toEqual(['MISSING_FIELD 1']);
  });

  it('reads aliases and merge keys, and refuses those that stand for too much', () => {
    const text = policy('a').replace('paths: ["/a", /b]', 'paths: &p ["/a"]\n        notPaths: *p');
    expect((read(text).objects[0] as AuthorizationPolicy).rules[0]?.to[0]?.notPaths).toEqual(['/a']);
    const merged =
      'apiVersion: v1\nkind: Namespace\nmetadata: &m {name: a}\n---\napiVersion: v1\nkind: Namespace\nmetadata:\n  <<: {name: x, labels: {a: b}}\n  name: z\n';
    expect(namesIn(read(merged))).toEqual(['Namespace a', 'Namespace z']);
    const laughs = [
      'a0: &a0 [x,x,x,x,x,x,x,x,x,x]',
      ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${Array(10).fill(`*a${i}`).join(',')}]`),
    ];
    expect(codes(read(`apiVersion: v1\nkind: Namespace\n${laughs.join('\n')}\n`))[0]).toMatch(/^YAML_ALIAS /);
  });

  it.each([
    ['a tag', 'metadata: {name: !!js/function "x"}', 'YAML_SYNTAX'],
    ['a tag of its own', 'metadata: !secret {name: x}', 'YAML_SYNTAX'],
    ['a tab as indentation', 'metadata:\n\tname: x', 'YAML_SYNTAX'],
    ['a NUL', 'metadata: {name: "a\0"}', 'YAML_SYNTAX'],
    ['a lone surrogate', 'metadata: {name: "a\uD800"}', 'YAML_SYNTAX'],
    ['a truncated quote', 'metadata: {name: "a', 'YAML_SYNTAX'],
    ['a null key', 'metadata: {~: a}', 'YAML_SYNTAX'],
    ['an unknown alias', 'metadata: *x', 'YAML_ALIAS'],
    ['a duplicate key', 'metadata: {name: a}\nmetadata: {name: b}', 'DUPLICATE_FIELD'],
    ['a duplicate in JSON', '"metadata": {"name": "a", "name": "b"}', 'DUPLICATE_FIELD'],
    ['text behind the separator', '--- apiVersion: v1', 'YAML_SYNTAX'],
    ['a second document behind `...`', 'metadata: {name: a}\n...\nkind: Pod', 'YAML_SYNTAX'],
  ])('refuses %s', (_name, text, code) => {
    const reading = read(`apiVersion: v1\nkind: Namespace\n${text}\n`);
    expect(reading.diagnostics.map((diagnostic) => diagnostic.code)).toContain(code);
    expect(reading.diagnostics.every(({ line }) => line > 0)).toBe(true);
    expect(reading.isComplete).toBe(false);
  });

  it('says of a template that it must be rendered', () => {
    expect(read('{{- if .Values.x }}\nkind: X\n{{- end }}\n').diagnostics[0]?.help).toContain('helm template');
  });

  it('is not broken by deep nesting', () => {
    for (const text of [
      '['.repeat(20_000),
      '{a: '.repeat(20_000),
      `a:\n${Array.from({ length: 3000 }, (_, i) => `${' '.repeat(i + 1)}a:`).join('\n')}\n`,
    ]) {
      expect(read(`apiVersion: v1\nkind: Namespace\nx: ${text}\n`).isComplete).toBe(false);
    }
  });

  it('refuses a file that is too large, and reads the others', () => {
    const large = { file: 'large.yaml', text: `#${' '.repeat(MAX_FILE_CHARACTERS)}` };
    const reading = readMeshObjects([large, { file: 'b.yaml', text: policy('b') }]);
    expect(reading.diagnostics).toMatchObject([{ code: 'FILE_TOO_LARGE', file: 'large.yaml' }]);
    expect(namesIn(reading)).toEqual(['AuthorizationPolicy shop/b']);
  });

  it('bounds what is read slowly', () => {
    const slow = `apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata:\n  a: >\n    ${'word '.repeat(500_000)}\n`;
    expect(codes(read(slow))).toEqual(['FILE_TOO_LARGE 1']);
  });

  it('ends in objects or diagnostics for any text', () => {
    const piece = fc.constantFrom(
      '- ',
      ': ',
      '\n',
      '  ',
      '"',
      "'",
      '{',
      '}',
      '[',
      ']',
      '---\n',
      '#',
      '&a',
      '*a',
      '!!str ',
      '|\n',
      '>',
      '<<',
      '~',
      'kind',
      'List',
      'items:\n',
      'apiVersion: v1\n',
      '\t',
      '\r\n',
      '...',
      '?',
      '%',
    );
    const text = fc.oneof(
      fc.string(),
      fc.array(fc.oneof(piece, fc.string({ maxLength: 4 })), { maxLength: 40 }).map((parts) => parts.join('')),
      mutated(),
    );
    fc.assert(
      fc.property(text, (input) => {
        const reading = read(input);
        expect(reading.isComplete).toBe(!reading.diagnostics.some(({ severity }) => severity === 'error'));
        for (const object of reading.objects) object.placeOf(['spec', 'rules', 0]);
      }),
      { numRuns: 500 },
    );
  });
});

/** A good file with pieces cut out, doubled or replaced. */
function mutated(): fc.Arbitrary<string> {
  const base = `${policy('a')}---\n${KUBECTL}`;
  const edit = fc.record({ at: fc.nat(base.length), length: fc.nat(20), by: fc.string({ maxLength: 5 }) });
  return fc
    .array(edit, { minLength: 1, maxLength: 4 })
    .map((edits) => edits.reduce((text, { at, length, by }) => text.slice(0, at) + by + text.slice(at + length), base));
}

function read(text: string): MeshReading {
  return readMeshObjects([{ file: 'mesh.yaml', text }]);
}

function namesIn(reading: MeshReading): readonly string[] {
  return reading.objects.map(
    (object: MeshObject) => `${object.kind} ${object.namespace === '' ? '' : `${object.namespace}/`}${object.name}`,
  );
}

function codes(reading: MeshReading): readonly string[] {
  return reading.diagnostics.map(({ code, line }) => `${code} ${line}`);
}

function policy(name: string): string {
  return `apiVersion: security.istio.io/v1
kind: AuthorizationPolicy
metadata:
  name: ${name}
  namespace: shop
spec:
  action: DENY
  rules:
  - to:
    - operation:
        paths: ["/a", /b]
`;
}

const KUBECTL = `apiVersion: v1
items:
- apiVersion: security.istio.io/v1
  kind: AuthorizationPolicy
  metadata:
    annotations:
      kubectl.kubernetes.io/last-applied-configuration: |
        {"apiVersion":"security.istio.io/v1","kind":"AuthorizationPolicy"}
    creationTimestamp: "2026-01-02T03:04:05Z"
    generation: 1
    managedFields:
    - apiVersion: security.istio.io/v1
      fieldsV1:
        f:spec:
          .: {}
          k:{"a":"b"}: {}
      manager: kubectl
    name: a
    namespace: shop
    resourceVersion: "12"
  spec:
    action: ALLOW
  status:
    conditions: []
- apiVersion: v1
  kind: Service
  metadata:
    name: cart
    namespace: shop
  spec:
    ports:
    - appProtocol: http
      name: web
      port: 80
      targetPort: 8080
    selector:
      app: cart
kind: List
metadata:
  resourceVersion: ""
`;

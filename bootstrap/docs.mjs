// Writes the generated parts of docs/reference/ and docs/how-to/ from the sources and examples; with `--check` writes nothing,
// names what is not current, and ends with 1. A generated part stands between `<!-- generated: NAME -->` and `<!-- end of NAME -->`.
//
//   npm run docs
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { runCli } from '../src/cli/program.ts';
import { METRICS } from '../src/observe/metric-definitions.ts';
import { functionNames, overloadsOf } from '../src/policy/condition/functions.ts';
import { FAIRLEAD_CATALOGUE } from '../src/targets/fairlead/catalogue.ts';
import { HTTP_CATALOGUE } from '../src/targets/http/catalogue.ts';
import { PREFECT_CATALOGUE } from '../src/targets/prefect/catalogue.ts';

const root = dirname(import.meta.dirname);
const FOLDERS = ['docs/how-to', 'docs/reference'];

const PARTS = {
  'prefect actions': () => actions(PREFECT_CATALOGUE),
  'prefect roles': () => bundles(PREFECT_CATALOGUE),
  'prefect implied': () => implied(PREFECT_CATALOGUE),
  'prefect attributes': () => resourceAttributes(PREFECT_CATALOGUE),
  'prefect operations': () => operations(PREFECT_CATALOGUE),
  'prefect body fields': () => bodyFields(PREFECT_CATALOGUE),
  'http actions': () => actions(HTTP_CATALOGUE),
  'http roles': () => bundles(HTTP_CATALOGUE),
  'http implied': () => implied(HTTP_CATALOGUE),
  'http attributes': () => attributes(HTTP_CATALOGUE.methods[0].request, 'request'),
  'fairlead actions': () => actions(FAIRLEAD_CATALOGUE),
  'fairlead roles': () => bundles(FAIRLEAD_CATALOGUE),
  'fairlead implied': () => implied(FAIRLEAD_CATALOGUE),
  'example policy': () => example('policies/prefect.yaml'),
  functions,
  metrics,
  verbs,
};

const stale = [];
const names = FOLDERS.flatMap((folder) => readdirSync(join(root, folder)).map((file) => `${folder}/${file}`));
for (const name of names.filter((file) => file.endsWith('.md'))) {
  const file = join(root, name);
  const before = readFileSync(file, 'utf8');
  const after = await generated(before, name);
  if (after === before) continue;
  stale.push(name);
  if (!process.argv.includes('--check')) writeFileSync(file, after);
}
process.stdout.write(stale.map((name) => `${name}\n`).join(''));
process.exitCode = process.argv.includes('--check') && stale.length > 0 ? 1 : 0;

async function generated(text, file) {
  const pieces = text.split(/(<!-- generated: [^>]+ -->\n[\s\S]*?<!-- end of [^>]+ -->)/);
  for (const [index, piece] of pieces.entries()) {
    const name = /^<!-- generated: ([^>]+) -->\n[\s\S]*<!-- end of \1 -->$/.exec(piece)?.[1];
    if (name === undefined) {
      if (piece.includes('<!-- generated:')) throw new Error(`${file}: a generated part does not end`);
      continue;
    }
    if (!Object.hasOwn(PARTS, name)) throw new Error(`${file}: there is no part \`${name}\``);
    pieces[index] = `<!-- generated: ${name} -->\n\n${(await PARTS[name]()).trim()}\n\n<!-- end of ${name} -->`;
  }
  return pieces.join('');
}

/** A file of `examples/` as it stands there. */
function example(name) {
  return `\`\`\`yaml\n${readFileSync(join(root, 'examples', name), 'utf8').trim()}\n\`\`\``;
}

function actions({ kind, actions: list }) {
  const hasNearest = list.some((action) => action.nearest !== undefined);
  return table(
    ['action', 'class', 'on', 'what', ...(hasNearest ? ['nearest scope of Prefect Cloud'] : [])],
    list.map(({ name, class: operation, on, title, nearest }) => [
      code(name),
      operation,
      code(on.replace(`${kind}/`, kind === 'http' ? '' : `${kind}/`)),
      title,
      ...(hasNearest ? [nearest === undefined ? '' : code(nearest)] : []),
    ]),
  );
}

function bundles({ bundles: list }) {
  return list
    .map(({ name, title, actions: names }) => `**\`${name}\`**: ${title}.\n\n${names.map(code).join(', ')}`)
    .join('\n\n');
}

function implied({ implied: list }) {
  return table(
    ['who holds', 'also holds, on the same resource and below'],
    list.map(({ by, action }) => [code(by), code(action)]),
  );
}

/** Attributes of resources, each set with the actions that carry it. */
function resourceAttributes({ actions: list }) {
  const sets = new Map();
  for (const { name, resource } of list) {
    if (Object.keys(resource).length === 0) continue;
    const key = JSON.stringify(resource);
    if (!sets.has(key)) sets.set(key, { resource, names: [] });
    sets.get(key).names.push(name);
  }
  return [...sets.values()]
    .map(({ resource, names }) => `${names.map(code).join(', ')}:\n\n${attributes(resource, 'resource')}`)
    .join('\n\n');
}

function attributes(schema, root) {
  return table(
    ['attribute', 'type', 'what'],
    Object.entries(schema).map(([name, { type, title, optional }]) => [
      code(`${root}.${name}`),
      typeText(type),
      optional === true ? `${title}; may be missing: guard it with \`has()\`` : title,
    ]),
  );
}

/** Every operation and socket: what it may ask for. */
function operations({ methods }) {
  return table(
    ['operation', 'class', 'body', 'actions it may ask for'],
    methods.map((method) => [code(method.id), method.class, method.body, method.actions.map(code).join(', ')]),
  );
}

/** What conditions can read of bodies, by operation. */
function bodyFields({ methods }) {
  const rows = methods.flatMap(({ id, request }) =>
    Object.entries(request).map(([name, { type, title, optional }]) => [
      code(id),
      code(`request.${name}`),
      typeText(type) + (optional === true ? ', may be missing' : ''),
      title,
    ]),
  );
  return table(['operation', 'attribute', 'type', 'what'], rows);
}

function functions() {
  const rows = functionNames().flatMap((name) =>
    (overloadsOf(name) ?? []).map(({ member, kinds, result }) => {
      const [first, ...rest] = kinds;
      const call = member ? `${first}.${name}(${rest.join(', ')})` : `${name}(${kinds.join(', ')})`;
      return [code(call), result.kind];
    }),
  );
  return table(['function', 'result'], rows);
}

function metrics() {
  return table(
    ['metric', 'kind', 'labels', 'what'],
    METRICS.map(({ name, kind, labels, help }) => [code(name), kind, labels.map(code).join(', '), help]),
  );
}

/** What `--help` prints for each verb. */
async function verbs() {
  const parts = [];
  for (const path of await verbPaths([])) parts.push(`## fairlead ${path.join(' ')}\n\n\`\`\`text\n${await help(path)}\n\`\`\``);
  return parts.join('\n\n');
}

async function verbPaths(path) {
  const [, list] = /\nCommands:\n([\s\S]*)$/.exec(`${await help(path)}\n`) ?? [];
  if (list === undefined) return [path];
  const names = [...list.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name]) => name).filter((name) => name !== 'help');
  const below = [];
  for (const name of names) below.push(...(await verbPaths([...path, name])));
  return below;
}

/** As on a terminal of 80 columns. */
async function help(path) {
  const { write, isTTY } = process.stdout;
  let text = '';
  process.stdout.isTTY = false;
  process.stdout.write = (chunk) => {
    text += chunk;
    return true;
  };
  try {
    await runCli([...path, '--help'], { version: '0' });
  } finally {
    process.stdout.write = write;
    process.stdout.isTTY = isTTY;
  }
  return text.trim();
}

function table(heads, rows) {
  const line = (cells) => `| ${cells.map((cell) => String(cell).replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n');
}

function code(text) {
  return `\`${text}\``;
}

function typeText(type) {
  return 'of' in type ? `${type.kind} of ${typeText(type.of)}` : type.kind;
}

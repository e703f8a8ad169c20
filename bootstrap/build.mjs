// Makes `dist/package/` (or the folder that is named): the package as users install it. JavaScript only, everything bundled, no dependency, no install script.
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { build } from 'esbuild';

const root = dirname(import.meta.dirname);
const out = resolve(process.argv[2] ?? join(root, 'dist', 'package'));
const { name, version, description, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));

// What is replaced is an earlier package or an empty folder, and nothing else that a slip of the keyboard may have named.
if (existsSync(out) && readdirSync(out).length > 0 && !existsSync(join(out, 'THIRD-PARTY.txt'))) {
  throw new Error(`${out} holds something else than a package: name another folder`);
}
rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, 'bin'), { recursive: true });

const common = {
  outdir: join(out, 'src'),
  bundle: true,
  format: 'esm',
  platform: 'node',
  metafile: true,
  // Half the bytes to read and keep at run time; names stay, so that stack traces can be read.
  minifyWhitespace: true,
  minifySyntax: true,
  plugins: [{ name: 'only what is used', setup: onlyWhatIsUsed }],
  legalComments: 'none',
  logLevel: 'warning',
  // CommonJS libraries inside the bundle ask for Node's modules by `require`.
  banner: {
    js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
  },
};
const entryPoints = (...names) => names.map((name) => join(root, 'src', `${name}.ts`));
const results = [
  await build({
    ...common,
    entryPoints: entryPoints('main', 'writer-thread', 'search-thread'),
    splitting: true,
    target: 'node24',
  }),
  // The verbs on Istio's rules need no gateway, and run where Node 24 is not: nothing but them is in this one.
  await build({ ...common, entryPoints: entryPoints('istio-main'), target: 'node20' }),
];
const inputs = Object.assign({}, ...results.map(({ metafile }) => metafile.inputs));
const outputs = Object.assign({}, ...results.map(({ metafile }) => metafile.outputs));

writeFileSync(
  join(out, 'package.json'),
  `${JSON.stringify(
    {
      name,
      version,
      description,
      license,
      type: 'module',
      bin: { fairlead: 'bin/fairlead.cjs' },
      engines: { node: '>=20' },
      files: ['bin', 'src', 'examples', 'LICENSE', 'README.md', 'THIRD-PARTY.txt'],
    },
    undefined,
    2,
  )}\n`,
);
writeFileSync(
  join(out, 'bin', 'fairlead.cjs'),
  `#!/usr/bin/env node
'use strict';
// Old Node versions must be able to read this file, so that they can say what is missing.
var version = process.versions.node.split('.').map(Number);
var isIstio = process.argv[2] === 'istio';
if (isIstio ? version[0] < 20 : version[0] < 24 || (version[0] === 24 && version[1] < 15)) {
  process.stderr.write(
    'fairlead: Node ' + (isIstio ? '20' : '24.15') + ' or newer is needed, this is ' + process.version + '. Install Node 24 and run again.' +
      (isIstio ? '' : ' The \`istio\` verbs run on Node 20 too.') + '\\n'
  );
  process.exit(1);
}
// Compiled code is kept for the next start, in a folder of this user: Node's default is one that every user may write to.
var cache = process.env.XDG_CACHE_HOME || (process.env.HOME && process.env.HOME + '/.cache');
var keep = require('node:module').enableCompileCache;
if (cache && keep) keep(cache + '/fairlead/code');
import(isIstio ? '../src/istio-main.js' : '../src/main.js');
`,
  { mode: 0o755 },
);
for (const file of [
  'LICENSE',
  'README.md',
  'CHANGELOG.md',
  'src/demo/watcher.py',
  'src/demo/deploy.py',
  'src/demo/requirements-prefect.txt',
  'examples',
]) {
  if (existsSync(join(root, file))) cpSync(join(root, file), join(out, file), { recursive: true });
}
writeFileSync(join(out, 'THIRD-PARTY.txt'), thirdParty(Object.keys(inputs)));
const bytes = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0);
process.stdout.write(`${out}: ${name} ${version}, ${Object.keys(outputs).length} files, ${(bytes / 1e6).toFixed(1)} MB\n`);

/** Libraries whose entries hold much that is never called. */
function onlyWhatIsUsed(build) {
  build.onResolve({ filter: /^undici$/ }, () => ({ path: join(root, 'bootstrap', 'undici.cjs') }));
  build.onLoad({ filter: /\/zod\/v4\/locales\/index\.js$/ }, () => ({ contents: "export { default as en } from './en.js';" }));
  // Importing one of Node's modules reads all that it exports, and `node:http` exports a WebSocket client: a second HTTP stack comes
  // with it, 10 MB. Requiring it does not.
  build.onResolve({ filter: /^[a-z]/ }, ({ path, kind }) =>
    kind === 'import-statement' && isBuiltin(path) ? { path, namespace: 'node' } : undefined,
  );
  build.onLoad({ filter: /.*/, namespace: 'node' }, ({ path }) => ({ contents: `module.exports = require('${path}');` }));
}

/** Name, version and licence text of every package whose code is in the bundle. */
function thirdParty(inputs) {
  const folders = new Set();
  for (const input of inputs) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match) folders.add(match[1]);
  }
  const parts = [];
  for (const folder of [...folders].sort()) {
    const manifest = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const licence = ['LICENSE', 'LICENSE.md', 'LICENCE', 'license', 'LICENSE.txt']
      .map((file) => join(root, folder, file))
      .find(existsSync);
    parts.push(
      `${manifest.name} ${manifest.version} (${manifest.license})\n${licence ? readFileSync(licence, 'utf8').trim() : 'no licence file'}\n`,
    );
  }
  return parts.join(`\n${'-'.repeat(78)}\n\n`);
}

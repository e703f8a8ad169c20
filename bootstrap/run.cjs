'use strict';
// Runs a target under Node 24 whatever Node the host has (16 or newer): installs packages when they are missing or older than
// the lock file, then hands over. Depends on nothing. Used by the script lines of package.json and by bin/fairlead.cjs.
//
//   node bootstrap/run.cjs src/main.ts demo
const childProcess = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');
const { endLike, run } = require('./child.cjs');
const { install, isInstalled } = require('./install.cjs');

const FLOOR = [24, 15, 0];
const root = path.dirname(__dirname);

async function main(args) {
  const isComplete = () => isInstalled(root) && nodeBinary() !== undefined;
  if (!isComplete()) {
    const failure = await install(root, isComplete, note);
    if (failure !== undefined) return fail(failure);
  }
  const node = nodeBinary();
  if (node === undefined) {
    const here = `this is ${process.version}, and npm has no Node 24 for ${process.platform}-${process.arch}`;
    return fail(`Node ${FLOOR.join('.')} or newer is needed, ${here}: install Node 24 and run again`);
  }
  const env = Object.assign({}, process.env);
  env.PATH = path.dirname(node) + path.delimiter + (env.PATH || '');
  const result = await run(node, args, { env });
  if (result.error) return fail(`cannot start ${node}: ${result.error.message}`);
  return endLike(result);
}

/** A Node that is new enough: the running one, else the one that npm installed. */
function nodeBinary() {
  if (isNewEnough(process.version)) return process.execPath;
  const isWindows = process.platform === 'win32';
  const name = `node-${isWindows ? 'win' : process.platform}-${process.arch}`;
  const file = path.join(root, 'node_modules', name, 'bin', isWindows ? 'node.exe' : 'node');
  if (!fs.existsSync(file)) return undefined;
  const probe = childProcess.spawnSync(file, ['--version'], { encoding: 'utf8' });
  return probe.status === 0 && isNewEnough(probe.stdout.trim()) ? file : undefined;
}

function isNewEnough(version) {
  const parts = String(version).replace(/^v/, '').split('.').map(Number);
  for (let i = 0; i < FLOOR.length; i++) if (parts[i] !== FLOOR[i]) return parts[i] > FLOOR[i];
  return true;
}

function note(text) {
  if (!process.env.FAIRLEAD_QUIET) process.stderr.write(`fairlead: ${text}\n`);
}

function fail(text) {
  process.stderr.write(`fairlead: ${text}${text.endsWith('?') ? '' : '.'}\n`);
  process.exit(1);
}

function start(args) {
  main(args).catch((error) => {
    fail(error.message);
  });
}

module.exports = { main: start };
if (require.main === module) start(process.argv.slice(2));

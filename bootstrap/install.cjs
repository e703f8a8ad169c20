'use strict';
// Installs what package-lock.json lists, when it is missing or differs.
const fs = require('node:fs');
const path = require('node:path');
const { run } = require('./child.cjs');
const { takeLock } = require('./install-lock.cjs');

const LOCK_WAIT_MS = 15 * 60 * 1000;

/** True when every package that any platform needs is in npm's own record, which npm writes last: a half install counts as none. */
function isInstalled(root) {
  const wanted = packagesOf(path.join(root, 'package-lock.json'));
  const present = packagesOf(path.join(root, 'node_modules', '.package-lock.json'));
  if (!wanted) throw new Error('package-lock.json is missing or unreadable; clone the repository again');
  if (!present) return false;
  return required(wanted).every((key) => {
    const have = present[key];
    return Boolean(have) && have.version === wanted[key].version && have.integrity === wanted[key].integrity;
  });
}

/** Installs unless `isComplete` says, under the lock, that somebody else just did. Resolves with a sentence on failure. */
async function install(root, isComplete, say) {
  const startedAt = Date.now();
  const lock = await takeLock(path.join(root, '.bootstrap-lock'), {
    longestMs: LOCK_WAIT_MS,
    onWait: () => say('another install is running here; waiting for it'),
  });
  try {
    if (isComplete()) return undefined;
    say('first start: installing packages (npm ci, about 10 to 60 s)');
    const progress = showProgress(root);
    const result = await npmCi(root, lock.share);
    progress.stop();
    if (result.signal || (result.isStopped && result.code !== 0)) return 'the installation was stopped';
    if (result.error) return `npm cannot be started (${result.error.message}): install Node.js with npm`;
    if (result.code !== 0) return `installing packages failed (npm ci ended with ${result.code}): is the npm registry reachable?`;
    say(`packages installed in ${((Date.now() - startedAt) / 1000).toFixed(1)} s`);
    return undefined;
  } finally {
    lock.release();
  }
}

function npmCi(root, onStart) {
  const scripts = ['--ignore-scripts', '--include=dev', '--include=optional'];
  const quiet = ['--no-audit', '--no-fund', '--no-progress', '--loglevel=error'];
  const patience = ['--fetch-retries=2', '--fetch-retry-mintimeout=1000', '--fetch-retry-maxtimeout=5000'];
  const args = ['ci'].concat(scripts, quiet, patience);
  const options = { cwd: root, env: installEnvironment(), stdio: ['ignore', 2, 2], viaNodeOptions: true, onStart };
  const cli = process.env.npm_execpath;
  if (cli && /npm-cli\.c?js$/.test(cli)) return run(process.execPath, [cli].concat(args), options);
  return run('npm', args, Object.assign({ shell: process.platform === 'win32' }, options));
}

// What npm was told for the outer command must not steer the inner install; registry, proxy, cafile and cache stay.
function installEnvironment() {
  const outer =
    /^npm_(config_(omit|include|only|production|global|location|workspaces?|include_workspace_root|dry_run|package_lock(_only)?|local_prefix)|lifecycle_.*|package_.*|command)$/i;
  const environment = {};
  Object.keys(process.env).forEach((key) => {
    if (!outer.test(key)) environment[key] = process.env[key];
  });
  environment.NODE_ENV = 'development';
  return environment;
}

/** On a terminal one line that is written over, elsewhere a line every 10 s. */
function showProgress(root) {
  if (process.env.FAIRLEAD_QUIET) return { stop: () => {} };
  const keys = required(packagesOf(path.join(root, 'package-lock.json')) || {});
  const isTerminal = Boolean(process.stderr.isTTY);
  const show = () => {
    const done = keys.filter((key) => fs.existsSync(path.join(root, key, 'package.json'))).length;
    process.stderr.write(`${isTerminal ? '\r\u001b[K' : ''}  ${done} of ${keys.length} packages${isTerminal ? '' : '\n'}`);
  };
  const timer = setInterval(show, isTerminal ? 500 : 10000);
  return {
    stop: () => {
      clearInterval(timer);
      if (isTerminal) process.stderr.write('\r\u001b[K');
    },
  };
}

function required(packages) {
  return Object.keys(packages).filter((key) => {
    const entry = packages[key];
    return key.startsWith('node_modules/') && !entry.link && !entry.optional && !entry.devOptional;
  });
}

function packagesOf(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8')).packages;
  } catch (_error) {
    return undefined;
  }
}

module.exports = { install, isInstalled };

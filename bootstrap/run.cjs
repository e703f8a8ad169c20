'use strict';
// Runs a target under Node 24 whatever Node the host has (16 or newer): installs packages when they are missing or older than
// the lock file, then hands over. Depends on nothing. Used by the script lines of package.json and by bin/fairlead.cjs.
//
//   node bootstrap/run.cjs src/main.ts demo
var childProcess = require('node:child_process');
var fs = require('node:fs');
var path = require('node:path');

var FLOOR = [24, 15, 0];
var LOCK_WAIT_MS = 10 * 60 * 1000;
var root = path.dirname(__dirname);
var startedAt = Date.now();

function note(text) {
  if (!process.env.FAIRLEAD_QUIET) process.stderr.write(text + '\n');
}

function fail(text) {
  process.stderr.write('fairlead: ' + text + '\n');
  process.exit(1);
}

function isNewEnough(version) {
  var parts = String(version).replace(/^v/, '').split('.').map(Number);
  for (var i = 0; i < FLOOR.length; i++) if (parts[i] !== FLOOR[i]) return parts[i] > FLOOR[i];
  return true;
}

function readJson(file) {
  try {
    return JSON.parse(fs.readFileSync(file, 'utf8'));
  } catch (_) {
    return null;
  }
}

// npm writes its own record of what is installed last, so a half-finished install counts as none.
function isInstalled() {
  var wanted = readJson(path.join(root, 'package-lock.json'));
  var present = readJson(path.join(root, 'node_modules', '.package-lock.json'));
  if (!wanted) fail('package-lock.json is missing or unreadable; clone the repository again.');
  if (!present) return false;
  return Object.keys(wanted.packages).every((key) => {
    var want = wanted.packages[key];
    if (key === '' || want.link || want.optional || want.devOptional) return true;
    var have = present.packages[key];
    return Boolean(have) && have.version === want.version && have.integrity === want.integrity;
  });
}

function nodeBinary() {
  if (isNewEnough(process.version)) return process.execPath;
  var windows = process.platform === 'win32';
  var name = 'node-' + (windows ? 'win' : process.platform) + '-' + process.arch;
  var file = path.join(root, 'node_modules', name, 'bin', windows ? 'node.exe' : 'node');
  if (!fs.existsSync(file)) return null;
  var probe = childProcess.spawnSync(file, ['--version'], { encoding: 'utf8' });
  return probe.status === 0 && isNewEnough(probe.stdout.trim()) ? file : null;
}

// What npm was told for the outer command must not steer the inner install; registry, proxy, cafile and cache stay.
function installEnvironment() {
  var outer =
    /^npm_(config_(omit|include|only|production|global|location|workspaces?|include_workspace_root|dry_run|package_lock(_only)?|local_prefix)|lifecycle_.*|package_.*|command)$/i;
  var environment = {};
  Object.keys(process.env).forEach((key) => {
    if (!outer.test(key)) environment[key] = process.env[key];
  });
  environment.NODE_ENV = 'development';
  return environment;
}

function npmCi() {
  var args = ['ci', '--ignore-scripts', '--include=dev', '--include=optional', '--no-audit', '--no-fund', '--loglevel=error'];
  var options = { cwd: root, env: installEnvironment(), stdio: ['ignore', 2, 2] };
  var cli = process.env.npm_execpath;
  var result =
    cli && /\.c?js$/.test(cli)
      ? childProcess.spawnSync(process.execPath, [cli].concat(args), options)
      : childProcess.spawnSync('npm', args, Object.assign({ shell: process.platform === 'win32' }, options));
  if (result.error) return 127;
  return result.status === null ? 128 : result.status;
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function sleep(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

// A folder is the lock: mkdir is atomic everywhere. It holds its owner's pid, so that a dead owner's lock can be taken over.
function takeLock(folder) {
  for (var waitedMs = 0; ; waitedMs += 500) {
    try {
      fs.mkdirSync(folder);
      fs.writeFileSync(path.join(folder, 'pid'), String(process.pid));
      return;
    } catch (error) {
      if (error.code !== 'EEXIST') fail('cannot write in ' + root + ': ' + error.message);
    }
    var owner = Number(readText(path.join(folder, 'pid')));
    if ((owner && !isAlive(owner)) || waitedMs > LOCK_WAIT_MS) {
      fs.rmSync(folder, { recursive: true, force: true });
      continue;
    }
    if (waitedMs === 0) note('fairlead: another install is running here; waiting for it');
    sleep(500);
  }
}

function readText(file) {
  try {
    return fs.readFileSync(file, 'utf8');
  } catch (_) {
    return '';
  }
}

function install() {
  var lock = path.join(root, '.bootstrap-lock');
  takeLock(lock);
  var code = 0;
  try {
    if (isInstalled() && nodeBinary()) return;
    note('fairlead: first start: installing packages (npm ci, about 10 to 60 s)');
    code = npmCi();
    if (code === 0) note('fairlead: packages installed in ' + ((Date.now() - startedAt) / 1000).toFixed(1) + ' s');
  } finally {
    fs.rmSync(lock, { recursive: true, force: true });
  }
  if (code !== 0)
    fail(
      'installing packages failed (npm ci ended with ' +
        code +
        '); is the npm registry reachable? Run `npm ci` by hand to see why.',
    );
}

function main(args) {
  if (!isInstalled() || !nodeBinary()) install();
  var node = nodeBinary();
  if (!node) {
    fail(
      'Node ' +
        FLOOR.join('.') +
        ' or newer is needed, this is ' +
        process.version +
        ', and npm has no Node 24 for ' +
        process.platform +
        '-' +
        process.arch +
        '. Install Node 24 and run again.',
    );
  }
  var environment = Object.assign({}, process.env);
  environment.PATH = path.dirname(node) + path.delimiter + (environment.PATH || '');
  var child = childProcess.spawn(node, args, { stdio: 'inherit', env: environment });
  ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'].forEach((signal) => {
    process.on(signal, () => {
      // Ctrl-C reaches the whole foreground group, so the child has it already.
      if (signal !== 'SIGINT' || !process.stdin.isTTY) child.kill(signal);
    });
  });
  // `sh -c` does not pass signals on: npm and the shell end and this process stays. Notice the lost parent and end the child.
  var parent = process.ppid;
  setInterval(() => {
    if (process.ppid === parent) return;
    parent = process.ppid;
    child.kill('SIGTERM');
  }, 500).unref();
  child.on('error', (error) => {
    fail('cannot start ' + node + ': ' + error.message);
  });
  child.on('exit', (code, signal) => {
    if (!signal) process.exit(code);
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}

module.exports = { main: main };
if (require.main === module) main(process.argv.slice(2));

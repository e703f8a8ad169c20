'use strict';
// Starts a program and stands for it: signals go through, its end is ours, and our end is its end.
const childProcess = require('node:child_process');
const path = require('node:path');

const PRELOAD = path.join(__dirname, 'parent-pipe.cjs');
const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'];
// Ctrl-C comes from the terminal and from npm within moments. The program may have it from the terminal too, and takes what follows
// within a second for the same (src/ending.ts).
const SAME_SIGNAL_MS = 1000;

/**
 * Runs `command` until it ends; resolves with {code, signal, isStopped}, or with {error} when it cannot be started. `isStopped`: a
 * signal went through, so the end is no failure of its own.
 * `viaNodeOptions`: for programs that are Node scripts without our choosing their options (npm).
 */
function run(command, args, options) {
  const env = Object.assign({}, options.env || process.env, { FAIRLEAD_PARENT_FD: '3' });
  let before = [];
  if (options.viaNodeOptions) {
    env.FAIRLEAD_OUTER_NODE_OPTIONS = env.NODE_OPTIONS || '';
    env.NODE_OPTIONS = `${env.NODE_OPTIONS || ''} --require "${PRELOAD.replace(/(["\\])/g, '\\$1')}"`.trim();
  } else before = ['--require', PRELOAD];
  return new Promise((resolve) => {
    let child;
    try {
      child = childProcess.spawn(command, before.concat(args), {
        cwd: options.cwd,
        env,
        shell: options.shell || false,
        stdio: (options.stdio || ['inherit', 'inherit', 'inherit']).concat('pipe'),
      });
    } catch (error) {
      resolve({ error });
      return;
    }
    if (options.onStart && child.pid) options.onStart(child.pid);
    child.stdio[3].on('error', () => {});
    const passing = passSignals(child);
    child.once('error', (error) => {
      passing.stop();
      resolve({ error });
    });
    child.once('exit', (code, signal) => {
      passing.stop();
      resolve({ code, signal, isStopped: passing.hasPassed() });
    });
  });
}

function passSignals(child) {
  const sent = {};
  const handlers = SIGNALS.map((signal) => {
    const handler = () => {
      if (sent[signal] !== undefined && Date.now() - sent[signal] < SAME_SIGNAL_MS) return;
      sent[signal] = Date.now();
      child.kill(signal);
    };
    process.on(signal, handler);
    return [signal, handler];
  });
  const watch = watchParent(() => {
    sent.SIGTERM = Date.now();
    child.kill('SIGTERM');
  });
  return {
    hasPassed: () => Object.keys(sent).length > 0,
    stop: () => {
      clearInterval(watch);
      handlers.forEach(([signal, handler]) => {
        process.removeListener(signal, handler);
      });
    },
  };
}

// `sh -c` does not pass signals on: npm and the shell end and this process stays. Only below npm, for elsewhere (nohup, a
// supervisor that forks) a parent may end first and mean nothing by it.
function watchParent(onLost) {
  if (!process.env.npm_lifecycle_event) return undefined;
  let parent = process.ppid;
  const timer = setInterval(() => {
    if (process.ppid === parent) return;
    parent = process.ppid;
    onLost();
  }, 500);
  timer.unref();
  return timer;
}

/** Ends this process as the program ended. */
function endLike(result) {
  if (result.signal) {
    process.removeAllListeners(result.signal);
    process.kill(process.pid, result.signal);
    // Signals that a process cannot die of here (Windows, a blocked one).
    setTimeout(() => process.exit(1), 1000);
  } else process.exit(result.code === null || result.code === undefined ? 1 : result.code);
}

module.exports = { run, endLike };

'use strict';
// Loaded into a process before its own code (`--require`): ends the process when the one that started it is gone, even by SIGKILL,
// which nobody can pass on. The starter holds the other end of file descriptor 3; the kernel closes it, however the starter ends.
const net = require('node:net');
const { isMainThread } = require('node:worker_threads');

const GRACE_MS = 20 * 1000;

// Threads and forks load this too, with the options of their process; the variable is for the first one alone.
if (isMainThread && process.env.FAIRLEAD_PARENT_FD === '3') {
  delete process.env.FAIRLEAD_PARENT_FD;
  if (process.env.FAIRLEAD_OUTER_NODE_OPTIONS !== undefined) {
    process.env.NODE_OPTIONS = process.env.FAIRLEAD_OUTER_NODE_OPTIONS;
    delete process.env.FAIRLEAD_OUTER_NODE_OPTIONS;
  }
  const end = () => {
    process.kill(process.pid, 'SIGTERM');
    setTimeout(() => process.kill(process.pid, 'SIGKILL'), GRACE_MS).unref();
  };
  const pipe = new net.Socket({ fd: 3, readable: true, writable: false });
  pipe.on('error', () => {});
  pipe.once('close', end);
  pipe.resume();
  pipe.unref();
}

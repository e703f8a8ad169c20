'use strict';
// One install at a time per clone. A folder is the lock: mkdir is atomic everywhere. It holds the ids of the processes that work
// under it, so that the lock of dead ones can be taken over.
const fs = require('node:fs');
const path = require('node:path');

const RETRY_MS = 500;
const STALE_TAKEOVER_MS = 10 * 1000;

/**
 * Waits for the lock. Resolves with `release`, and `share(pid)` for a process that works under it and may outlive this one.
 * Rejects when `folder` cannot be written or nobody gives it back in time.
 */
async function takeLock(folder, options) {
  for (let waitedMs = 0; ; waitedMs += RETRY_MS) {
    try {
      fs.mkdirSync(folder);
      share(folder, process.pid);
      return { share: (pid) => share(folder, pid), release: () => release(folder) };
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (waitedMs === 0) options.onWait();
    if (waitedMs >= options.longestMs) {
      throw new Error(`another install has held ${folder} for too long; delete that folder when no install is running`);
    }
    removeIfDead(folder);
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

function share(folder, pid) {
  fs.appendFileSync(path.join(folder, 'pids'), `${pid}\n`);
}

function release(folder) {
  if (ownersOf(folder)[0] === process.pid) fs.rmSync(folder, { recursive: true, force: true });
}

// Two that wait must not both remove: the second would remove the lock that the first has just taken. So removing has a lock too.
function removeIfDead(folder) {
  if (!areDead(ownersOf(folder))) return;
  const takeover = `${folder}.takeover`;
  try {
    fs.mkdirSync(takeover);
  } catch (_error) {
    if (ageOf(takeover) > STALE_TAKEOVER_MS) fs.rmSync(takeover, { recursive: true, force: true });
    return;
  }
  if (areDead(ownersOf(folder))) fs.rmSync(folder, { recursive: true, force: true });
  fs.rmSync(takeover, { recursive: true, force: true });
}

function ownersOf(folder) {
  try {
    return fs.readFileSync(path.join(folder, 'pids'), 'utf8').split('\n').map(Number).filter(Boolean);
  } catch (_error) {
    return [];
  }
}

// Without an id the owner is just writing it.
function areDead(pids) {
  return pids.length > 0 && !pids.some(isAlive);
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === 'EPERM';
  }
}

function ageOf(file) {
  try {
    return Date.now() - fs.statSync(file).mtimeMs;
  } catch (_error) {
    return 0;
  }
}

module.exports = { takeLock };

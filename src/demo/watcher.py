"""Runs one command and ends it, with everything that it started, when standard input closes.

    python3 -I -S watcher.py GRACE_SECONDS COMMAND [ARGUMENT ...]

The demo holds the other end of standard input. The kernel closes it when the demo ends, however it ends, so not even a
SIGKILL of the demo leaves a server, a worker or a flow run behind. It is written in Python because nothing but Python
programs run under it, and because Node cannot make itself a subreaper.

The end: SIGTERM to all descendants, SIGKILL to what is left after GRACE_SECONDS. The same when the command ends by itself.
Exit status: the command's own, 128 + N when signal N ended it, 127 when it could not be started.
"""

import os
import select
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
SET_BY_US = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE)


def prctl(option, value):
    """Whether the kernel took it: Linux only (prctl(2))."""
    if not sys.platform.startswith("linux"):
        return False
    try:
        import ctypes

        return ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) == 0
    except (ImportError, OSError, AttributeError):
        return False


def parents():
    """Process id -> (parent's id, group id) of every process that can be seen."""
    table = {}
    if os.path.isdir("/proc/self"):
        for name in os.listdir("/proc"):
            if not name.isdigit():
                continue
            try:
                with open("/proc/%s/stat" % name, "rb") as file:
                    # The command's name stands in parentheses and may hold anything, so read after the last one.
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            if fields[0] != b"Z":
                table[int(name)] = (int(fields[1]), int(fields[2]))
        return table
    listing = subprocess.run(["ps", "-axo", "pid=,ppid=,pgid="], capture_output=True, text=True, check=False).stdout
    for line in listing.splitlines():
        pid, parent, group = (int(field) for field in line.split())
        table[pid] = (parent, group)
    return table


def descendants(group):
    """Everything below this process; for a `group` also what is left of that process group."""
    table = parents()
    me = os.getpid()
    found = {pid for pid, (_, its_group) in table.items() if its_group == group and pid != me}
    grew = True
    while grew:
        below = {pid for pid, (parent, _) in table.items() if parent == me or parent in found} - found - {me}
        found |= below
        grew = bool(below)
    return found


def send(pids, number):
    for pid in pids:
        try:
            os.kill(pid, number)
        except OSError:
            pass


def reap(command, status):
    """Collects what has ended. Returns the status of `command`, once it is known, and whether any child is left."""
    while True:
        try:
            pid, ended = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return status, False
        if pid == 0:
            return status, True
        if pid == command:
            status = ended


def end_all(command, status, grace, subreaper):
    """SIGTERM to each once, also to those that come to be meanwhile; SIGKILL after the grace, until nobody is left.

    INVARIANT: on Linux an orphan below a subreaper becomes the subreaper's own child, also one that leads a session of its
    own. So this process has no child left exactly when it has no descendant left, whatever a look at /proc missed.
    """
    deadline = time.monotonic() + grace
    told = set()
    while True:
        status, any_left = reap(command, status)
        if subreaper and not any_left:
            return status
        left = descendants(None if subreaper else command)
        if not subreaper and not left:
            return status
        if time.monotonic() < deadline:
            send(left - told, signal.SIGTERM)
            told |= left
        else:
            send(left, signal.SIGKILL)
        time.sleep(0.02)


def start(command, watcher):
    pid = os.fork()
    if pid != 0:
        return pid
    try:
        os.setsid()
        # A worker turns SIGTERM into SIGINT to itself, so SIGINT must not be inherited as ignored.
        for number in SET_BY_US:
            signal.signal(number, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        signal.pthread_sigmask(signal.SIG_SETMASK, set())
        # Should the watcher itself be killed, at least the command goes with it.
        prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != watcher:
            os._exit(126)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.execvp(command[0], command)
    except OSError as error:
        sys.stderr.write("%s cannot be started: %s\n" % (command[0], error.strerror))
        sys.stderr.flush()
    finally:
        os._exit(127)


def main():
    grace = float(sys.argv[1])
    subreaper = prctl(PR_SET_CHILD_SUBREAPER, 1)
    awake, wake = os.pipe()
    os.set_blocking(awake, False)
    os.set_blocking(wake, False)
    stop = []
    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: stop.append(True))
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)

    command = start(sys.argv[2:], os.getpid())
    status = None
    while status is None and not stop:
        # The time limit is for platforms and moments where a wake-up may be missed; it costs nothing.
        ready, _, _ = select.select([0, awake], [], [], 1.0)
        if awake in ready:
            os.read(awake, 4096)
        if 0 in ready and not os.read(0, 4096):
            stop.append(True)
        status, _ = reap(command, status)
    status = end_all(command, status, grace, subreaper)
    if status is None:
        return 1
    return 128 + os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)


if __name__ == "__main__":
    sys.exit(main())

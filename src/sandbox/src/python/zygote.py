"""The fork server: pid 1 of a cell. It forks one process per program and answers when none of it is left.

It never runs a line of a program itself. A program's process gives up this process's user id before the
first byte of the program reaches it, so it can neither signal, trace nor see the fork server. In gVisor
both are of one user without capabilities: there the seccomp filter keeps signals from pid 1, and no call that
traces, reads memory or looks into /proc is to be had.

A request is one packet: five little-endian 64-bit numbers (bounds) and three descriptors (the line to
the supervisor, stdout, stderr). The answer is one packet: the wait status of the program's process, sent
after every process of the cell but this one has ended and been reaped. While a program runs, any packet
means: kill it now. A closed socket means: end.
"""

import gc
import os
import resource
import select
import signal
import site
import socket
import sys
import time

sys.path[:] = [path for path in sys.path if path not in ("", "/genesis")]
sys.path.insert(0, "/genesis")
import harness
import tester
from plain import literal, value_of

sys.path.remove("/genesis")

CONTROL = 3
# Out of the reach of programs that try the low descriptors one by one.
LINE = 512
CANDIDATE = 1000
# Children whatever signal they end with (wait(2)).
WALL = 0x40000000
SCRATCH = "/box/scratch"
# Imported once here instead of in every program; importing has no effect on a program that does not ask for them.
# Each further module costs every fork a little, so these are the ones that small programs use.
PRELOADED = (
    "abc atexit bisect collections collections.abc contextlib copy dataclasses enum functools heapq itertools "
    "json math operator random re string threading types typing"
).split()


def bound(message):
    """Puts the bounds of one program on this process; they are inherited and cannot be raised again."""
    cpu, data, space, file_size, processes = (
        int.from_bytes(message[at : at + 8], "little") for at in range(0, 40, 8)
    )
    # One second apart: at equal bounds the kernel kills at once, and nothing would say that it was for time.
    resource.setrlimit(resource.RLIMIT_CPU, (cpu, cpu + 1))
    for what, limit in (
        (resource.RLIMIT_DATA, data),
        (resource.RLIMIT_AS, space),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_NPROC, processes),
    ):
        resource.setrlimit(what, (limit, limit))


def become_program(message, line, stdout, stderr):
    """Turns a fork of this process into the process of one program."""
    # One of its own: the flags of an open file are shared by all who inherited it.
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    os.dup2(line, LINE, inheritable=False)
    os.closerange(3, LINE)
    os.closerange(LINE + 1, 1024)
    os.setsid()
    bound(message)
    if os.getuid() != CANDIDATE:
        os.setgroups([])
        os.setresgid(CANDIDATE, CANDIDATE, CANDIDATE)
        # From user id 0 to another: the kernel takes every capability away, and no_new_privs keeps them away.
        os.setresuid(CANDIDATE, CANDIDATE, CANDIDATE)
    os.chdir(SCRATCH)
    job = harness.Job(LINE)
    if job.mode == harness.TEST:
        tester.run(job)
    else:
        harness.run(job)


def kill_everything_else():
    """Kills every process of the cell but this one: on Linux in one step of the kernel, in gVisor one by one."""
    try:
        os.kill(-1, signal.SIGKILL)
    except ProcessLookupError:
        pass


def wait_for(child, control):
    """Waits until the program's process has ended; kills on request meanwhile."""
    exited = os.pidfd_open(child)
    poller = select.poll()
    poller.register(control, select.POLLIN)
    poller.register(exited, select.POLLIN)
    try:
        while True:
            ready = [descriptor for descriptor, _ in poller.poll()]
            if control.fileno() in ready:
                if not control.recv(16):
                    os._exit(0)
                kill_everything_else()
            if exited in ready:
                return os.waitpid(child, 0)[1]
    finally:
        os.close(exited)


def reap():
    """Returns when the kernel says that this process, to which all orphans of the cell fall, has no child."""
    while True:
        kill_everything_else()
        try:
            # What was forked while the others were killed one by one is met by the next round.
            while os.waitpid(-1, os.WNOHANG | WALL)[0]:
                pass
        except ChildProcessError:
            return
        time.sleep(0.0005)


def warm_up():
    """Does once what each program's process does, so that what the interpreter sets up on first use is shared."""
    names = {}
    source = "from typing import List, Optional\ndef f(x: List[int]) -> Optional[int]: return x"
    exec(compile(source, "<warm-up>", "exec"), names)
    positional, named = value_of("(([1, 2.5, 'a'],), {})")
    literal(names["f"](*positional, **named))


def main():
    control = socket.socket(fileno=CONTROL)
    site.setquit()
    for name in PRELOADED:
        __import__(name)
    warm_up()
    gc.collect()
    # Keep the collector of every child away from pages it shares with this process.
    gc.freeze()
    control.send(b"ready")
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 64, 3)
        if not message:
            os._exit(0)
        if len(message) != 40:
            # A late request to kill a program that had already ended.
            continue
        child = os.fork()
        if not child:
            try:
                control.close()
                become_program(message, *descriptors)
            finally:
                # Nothing ends here but a cell that could not be set up; the missing first frame says so.
                os._exit(70)
        for descriptor in descriptors:
            os.close(descriptor)
        status = wait_for(child, control)
        reap()
        control.send(status.to_bytes(4, "little"))


main()

"""What a program can see and do in a cell. It runs before hostile code exists; src/proof compares the answers."""

import errno
import fcntl
import os
import resource
import signal
import socket

HOST = "/sys /boot /run /dev/mem /dev/kmsg /dev/kvm /dev/tty /proc/kcore /proc/sys /etc/shadow".split()


def attempt(action):
    try:
        action()
    except OSError as error:
        return errno.errorcode.get(error.errno, "?")
    return "allowed"


def write(path):
    return lambda: open(path, "wb").close()


def is_open(descriptor):
    return attempt(lambda: os.fstat(descriptor)) == "allowed"


def status():
    wanted = ("CapInh", "CapPrm", "CapEff", "CapAmb", "NoNewPrivs", "Seccomp")
    if not os.path.exists("/proc/self/status"):
        return {}
    with open("/proc/self/status") as lines:
        pairs = [line.split(":", 1) for line in lines]
    return {name: value.strip() for name, value in pairs if name in wanted}


def facts():
    return {
        "user": [os.getuid(), os.geteuid(), os.getgid(), os.getegid()],
        "groups": os.getgroups(),
        "status": status(),
        "proc": os.listdir("/proc"),
        "bounds": attempt(lambda: resource.prlimit(1, resource.RLIMIT_CPU, (1, 1))),
        # What is sent to all passes the fork server by; the answers after it show that it lives.
        "all": attempt(lambda: os.kill(-1, signal.SIGSTOP)),
        "first": [attempt(lambda: os.kill(1, signal.SIGKILL)), attempt(lambda: os.pidfd_open(1))],
        "processes": sorted(name for name in os.listdir("/proc") if name.isdigit()) == [str(os.getpid())],
        "root": [attempt(write(path)) for path in ("/x", "/etc/passwd", "/genesis/harness.py", os.__file__)],
        "scratch": attempt(write("/tmp/x")),
        "device": attempt(write("/dev/zero")),
        "sockets": [
            attempt(lambda: socket.socket(family, kind))
            for family, kind in ((socket.AF_INET, 1), (socket.AF_INET6, 2), (socket.AF_NETLINK, 3), (17, 3), (40, 1))
        ],
        "local socket": attempt(lambda: socket.socket(socket.AF_UNIX)),
        "lock": attempt(lambda: fcntl.flock(0, fcntl.LOCK_SH)),
        "chroot": attempt(lambda: os.chroot("/tmp")),
        "hidden": [path for path in HOST if os.path.lexists(path)],
        "environment": sorted(os.environ),
        "descriptors": [descriptor for descriptor in range(3, 256) if is_open(descriptor)],
        "core": resource.getrlimit(resource.RLIMIT_CORE)[1],
        "files": resource.getrlimit(resource.RLIMIT_NOFILE)[1],
        "session": os.getsid(0) == os.getpid(),
    }

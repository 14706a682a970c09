//! B: programs that do not want to be killed, and programs that kill.

use genesis_core::execution::ExecutionVerdict::{Pass, TimeLimit};
use genesis_core::execution::{ExecutionRecord, Termination};

use crate::arena::{Case, alone, calling, ended_by, run};

fn cases() -> Vec<Case> {
    vec![
        alone("B1", STUBBORN, &[TimeLimit]).and(stopped_in_time),
        alone("B2", ALARMED, &[TimeLimit]).and(stopped_in_time),
        // The daemon would sleep for longer than the wall clock allows.
        calling("B3", DAEMON, "1", &[Pass]),
        alone("B5", GROUPS, &[TimeLimit]).and(stopped_in_time),
        calling("B7", KILLER, "['ESRCH', 'EPERM', 'EPERM', 'ESRCH']", &[Pass]),
        calling("B7 frozen", "import os, signal\ndef f(): os.kill(os.getpid(), signal.SIGSTOP)", "1", &[TimeLimit])
            .within(|limits| limits.wall_ms = 300),
        calling("B8", TRACER, "['EPERM', 'EPERM', 'EPERM']", &[Pass]),
    ]
}

/// Judged by the processor clock alone: how long that takes on the wall is the machine's business.
fn stopped_in_time(record: &ExecutionRecord) -> bool {
    ended_by(record, Termination::CpuTime) && (400..1_400).contains(&record.cpu_ms)
}

const STUBBORN: &str = "\
import signal
for number in range(1, 65):
    try: signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError): pass
while True: pass
";

const ALARMED: &str = "\
import signal
signal.setitimer(signal.ITIMER_REAL, 0)
signal.signal(signal.SIGALRM, lambda *_: None)
signal.signal(signal.SIGXCPU, lambda *_: None)
while True: pass
";

const DAEMON: &str = "\
import os, time
if not os.fork():
    os.setsid()
    if not os.fork():
        time.sleep(60)
    os._exit(0)
def f(): return 1
";

const GROUPS: &str = "\
import os
for _ in range(3):
    if not os.fork():
        os.setsid()
        if not os.fork(): os.setpgid(0, 0)
        while True: pass
while True: pass
";

const KILLER: &str = "\
import errno, os
def attempt(pid, number):
    try: os.kill(pid, number)
    except OSError as error: return errno.errorcode[error.errno]
    return 'killed'
def f(): return [attempt(-1, 9), attempt(1, 9), attempt(os.getppid(), 19), attempt(2 ** 22 - 1, 9)]
";

const TRACER: &str = "\
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
def attempt(number, *arguments):
    return errno.errorcode[ctypes.get_errno()] if libc.syscall(number, *arguments) < 0 else 'done'
def f(): return [attempt(101, 16, 1, 0, 0), attempt(311, 1, 0, 0, 0, 0, 0), attempt(438, 3, 0, 0)]
";

#[test]
fn b_kill_and_time() {
    run(cases());
}

//! A: programs that use up what they are given.

use genesis_core::execution::ExecutionVerdict::{
    DiskLimit, MemoryLimit, ProcessLimit, RuntimeError, TimeLimit, Unverified, WrongAnswer,
};
use genesis_core::execution::Termination;

use crate::arena::{Case, alone, calling, ended_by, run};

fn cases() -> Vec<Case> {
    vec![
        alone("A1", "while True: pass", &[TimeLimit])
            .and(|record| ended_by(record, Termination::CpuTime) && (400..1_400).contains(&record.cpu_ms)),
        alone("A2", "import time\ntime.sleep(1e9)", &[TimeLimit])
            .within(|limits| limits.wall_ms = 300)
            .and(|record| ended_by(record, Termination::WallTime) && record.cpu_ms < 100 && record.wall_ms >= 300),
        alone("A3 a line", "input()", &[RuntimeError]).and(|record| record.reason.contains("EOFError")),
        alone("A3 all", "import sys\nassert sys.stdin.read() == ''", &[Unverified]),
        alone(
            "A4",
            "import os\nfor _ in range(8):\n    if not os.fork():\n        while True: pass\nos.wait()",
            &[TimeLimit],
        )
        .and(|record| ended_by(record, Termination::CpuTime)),
        // Where the time of such children would be counted nowhere, they may not be had.
        alone("A4 by children that nobody waits for", UNWAITED, &[TimeLimit])
            .in_gvisor(|case| case.ending(&[RuntimeError])),
        alone("A4 under a name that is no text", NAMELESS, &[TimeLimit])
            .and(|record| ended_by(record, Termination::CpuTime)),
        alone(
            "A4 by forks that go on while they are killed",
            FORKERS,
            &[Unverified, ProcessLimit, TimeLimit, RuntimeError],
        ),
        alone("A5", "x = bytearray(100 << 30)", &[MemoryLimit, RuntimeError]),
        alone("A6", "x = bytearray(128 << 20)\nfor at in range(0, len(x), 4096): x[at] = 1", &[MemoryLimit])
            .and(|record| ended_by(record, Termination::Memory) && record.peak_bytes >= 63 << 20)
            // A peak between two looks is not seen there.
            .in_gvisor(|case| case.and(|record| ended_by(record, Termination::Memory))),
        alone("A6 in many processes", SPREAD, &[MemoryLimit])
            // A page costs more there, and the clock may come first.
            .in_gvisor(|case| case.ending(&[MemoryLimit, TimeLimit])),
        alone("A8", "for at in range(100):\n    open(f'/dev/shm/{at}', 'wb').write(bytes(1 << 20))", &[DiskLimit]),
        // Such memory belongs to no process there, so there is none.
        alone("A9", MEMFDS, &[MemoryLimit]).in_gvisor(|case| case.ending(&[RuntimeError])),
        alone("A10", "import os\nwhile 1: os.fork()", &[ProcessLimit, TimeLimit]),
        alone("A10 that never stops", BOMB, &[ProcessLimit, TimeLimit]),
        calling("A11", "import os\ndef f(): return os.system(':(){ :|:& };:')", "0", &[WrongAnswer]),
        alone("A11 by programs", PROGRAMS, &[ProcessLimit, TimeLimit]),
        alone("A12", THREADS, &[ProcessLimit, RuntimeError]),
        alone("A14 one file", "f = open('/tmp/x', 'wb')\nfor _ in range(10240): f.write(bytes(1 << 20))", &[DiskLimit]),
        alone("A14 allocated", "import os\nos.posix_fallocate(os.open('/tmp/x', 66), 0, 10 << 30)", &[DiskLimit]),
        alone("A15", "for at in range(1000000): open(f'/tmp/{at}', 'w').close()", &[DiskLimit])
            // A file costs more there, and the clock may come first.
            .in_gvisor(|case| case.ending(&[DiskLimit, TimeLimit])),
        alone("A16", "import os\nx = [os.open('/dev/null', 0) for _ in range(100000)]", &[RuntimeError])
            .and(|record| record.reason.contains("Too many open files")),
        alone("A20 a number", "x = 10 ** 10 ** 8", &[TimeLimit]),
        alone("A20 a pattern", "import re\nre.match('(a+)+$', 'a' * 64 + 'b')", &[TimeLimit])
            .and(|record| ended_by(record, Termination::CpuTime)),
        alone("A21", "def f(): return f()\nf()", &[RuntimeError]),
        alone("A21 without limit", DEEP, &[RuntimeError, MemoryLimit, TimeLimit]),
    ]
}

const UNWAITED: &str = "\
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    if not os.fork():
        end = time.process_time() + 0.1
        while time.process_time() < end: pass
        os._exit(0)
    time.sleep(0.1)
";

const NAMELESS: &str = "\
import ctypes, os
ctypes.CDLL(None).prctl(15, b'\\xff\\xfe', 0, 0, 0)
os.fork()
while True: pass
";

const FORKERS: &str = "\
import os, time
for _ in range(5):
    if not os.fork():
        while True:
            try:
                if not os.fork():
                    if os.fork(): os._exit(0)
                else: os.waitpid(-1, os.WNOHANG)
            except OSError: pass
time.sleep(0.2)
";

const SPREAD: &str = "\
import os, time
for _ in range(8):
    if not os.fork():
        x = bytearray(12 << 20)
        for at in range(0, len(x), 4096): x[at] = 1
        time.sleep(60)
for _ in range(8): os.wait()
";

const MEMFDS: &str = "\
import os
x = []
while True:
    x.append(os.memfd_create('x'))
    os.write(x[-1], bytes(1 << 19))
";

const BOMB: &str = "\
import os
while True:
    try: os.fork()
    except OSError: pass
";

const PROGRAMS: &str = "\
import subprocess, sys
code = 'import subprocess, sys\\nwhile True: subprocess.Popen([sys.executable, \"-c\", sys.argv[1], sys.argv[1]])'
subprocess.run([sys.executable, '-c', code, code], check=True)
";

const THREADS: &str = "\
import threading, time
for _ in range(100000): threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
";

const DEEP: &str = "\
import sys
sys.setrecursionlimit(10 ** 9)
class A:
    def __repr__(self): return repr(self)
repr(A())
";

#[test]
fn a_exhaustion() {
    run(cases());
}

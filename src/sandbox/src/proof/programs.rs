//! The attempts, one line each: what a program tries, and how it must end.

use genesis_core::execution::{ExecutionRequest, ExecutionVerdict as Verdict, Limits, Termination};
use genesis_core::task::{Language, TestCase, TestSuite};

use crate::surroundings::Surroundings;

const FACTS: &str = include_str!("../python/facts.py");

/// One protection and its proof.
pub(super) struct Protection {
    pub(super) name: &'static str,
    pub(super) remedy: &'static str,
    pub(super) expect: Expect,
    program: &'static str,
    /// Where it is promised; nothing: everywhere.
    only: Option<Surroundings>,
}

/// What must be seen.
#[derive(Clone, Copy)]
pub(super) enum Expect {
    /// A fact of `facts.py`, as JSON.
    Fact { key: &'static str, value: &'static str },
    /// The end of a program of its own.
    Ending { verdict: Verdict, termination: Termination },
}

const fn fact(name: &'static str, key: &'static str, value: &'static str, remedy: &'static str) -> Protection {
    Protection { name, remedy, expect: Expect::Fact { key, value }, program: "", only: None }
}

const fn ending(
    name: &'static str,
    program: &'static str,
    verdict: Verdict,
    termination: Termination,
    remedy: &'static str,
) -> Protection {
    Protection { name, remedy, expect: Expect::Ending { verdict, termination }, program, only: None }
}

const fn only(surroundings: Surroundings, protection: Protection) -> Protection {
    Protection { only: Some(surroundings), ..protection }
}

const ROOT: &str = "run the supervisor as root with CAP_SYS_ADMIN, CAP_SETUID and CAP_SETGID";
pub(super) const GROUPS: &str =
    "mount cgroup v1 or v2 with the memory, pids and cpu controllers, writable for the supervisor";
const CELL: &str = "report this: the cell was not built as it should be";
const LANDLOCK: &str = "use Linux 6.2 or newer with landlock in the kernel's lsm= list";
pub(super) const SECCOMP: &str = "use a kernel with CONFIG_SECCOMP_FILTER";
const CLEAN: Termination = Termination::Exit(0);

/// Every protection but the namespaces, which are proved from outside.
pub(super) const PROOFS: &[Protection] = &[
    fact("unprivileged user", "user", "[1000,1000,1000,1000]", ROOT),
    only(Surroundings::Linux, fact("no groups", "groups", "[]", ROOT)),
    only(
        Surroundings::Linux,
        fact(
            "no capabilities, no_new_privs, seccomp",
            "status",
            r#"{"CapAmb":"0000000000000000","CapEff":"0000000000000000","CapInh":"0000000000000000","CapPrm":"0000000000000000","NoNewPrivs":"1","Seccomp":"2"}"#,
            SECCOMP,
        ),
    ),
    only(
        Surroundings::Linux,
        fact("other processes hidden", "processes", "true", "mount /proc with hidepid: Linux 5.8 or newer"),
    ),
    only(Surroundings::Gvisor, fact("no /proc", "proc", "[]", CELL)),
    only(Surroundings::Gvisor, fact("no bounds on others", "bounds", r#""EPERM""#, SECCOMP)),
    fact("the fork server cannot be signalled", "first", r#"["EPERM","EPERM"]"#, SECCOMP),
    only(Surroundings::Linux, fact("read-only root", "root", r#"["EROFS","EROFS","EROFS","EROFS"]"#, ROOT)),
    // The library is root's, and gVisor asks for the owner first.
    only(Surroundings::Gvisor, fact("read-only root", "root", r#"["EROFS","EROFS","EROFS","EACCES"]"#, ROOT)),
    fact("writable scratch", "scratch", r#""allowed""#, ROOT),
    only(Surroundings::Linux, fact("landlock", "device", r#""EACCES""#, LANDLOCK)),
    fact("no sockets but local ones", "sockets", r#"["EPERM","EPERM","EPERM","EPERM","EPERM"]"#, SECCOMP),
    fact("no file locks between cells", "lock", r#""EPERM""#, SECCOMP),
    fact("no chroot", "chroot", r#""EPERM""#, SECCOMP),
    fact("nothing of the host in sight", "hidden", "[]", CELL),
    fact(
        "scrubbed environment",
        "environment",
        r#"["HOME","LANG","PATH","PYTHONDONTWRITEBYTECODE","PYTHONHASHSEED","TMPDIR"]"#,
        CELL,
    ),
    fact("no descriptors", "descriptors", "[]", CELL),
    fact("no core dumps", "core", "0", CELL),
    fact("open files bounded", "files", "1024", CELL),
    fact("own session", "session", "true", CELL),
    ending(
        "memory bounded",
        "x = bytearray(100 << 20)\nfor at in range(0, len(x), 4096): x[at] = 1\n",
        Verdict::MemoryLimit,
        Termination::Memory,
        GROUPS,
    ),
    ending(
        "processes bounded",
        "import os, signal\nwhile True:\n    if not os.fork(): signal.pause()\n",
        Verdict::ProcessLimit,
        Termination::Pids,
        GROUPS,
    ),
    ending("processor time bounded", "while True: pass\n", Verdict::TimeLimit, Termination::CpuTime, GROUPS),
    ending("wall time bounded", "import time\ntime.sleep(60)\n", Verdict::TimeLimit, Termination::WallTime, CELL),
    ending(
        "output bounded",
        "import os\nwhile True: os.write(1, bytes(4096))\n",
        Verdict::OutputLimit,
        Termination::Output,
        CELL,
    ),
    ending(
        "disk bounded",
        "x = bytes(1 << 19)\nfor at in range(1000):\n    with open(f'/tmp/{at}', 'wb') as file: file.write(x)\n",
        Verdict::DiskLimit,
        Termination::Disk,
        ROOT,
    ),
    // After a program that left a file and a process behind, the next one finds neither.
    ending(
        "leftovers (made)",
        "import os, time\nopen('/tmp/left', 'w').close()\nif not os.fork():\n    os.setsid()\n    time.sleep(60)\n",
        Verdict::Unverified,
        CLEAN,
        CELL,
    ),
    ending(
        "leftovers (none found)",
        "import os\nassert os.listdir('/tmp') == []\nseen = [p for p in os.listdir('/proc') if p.isdigit()]\nassert seen in ([], [str(os.getpid())])\n",
        Verdict::Unverified,
        CLEAN,
        CELL,
    ),
];

impl Protection {
    /// Whether cells in these surroundings promise it.
    pub(super) fn is_promised(&self, surroundings: Surroundings) -> bool {
        self.only.is_none_or(|only| only == surroundings)
    }

    /// The request that makes the attempt, with bounds that are reached quickly.
    pub(super) fn request(&self) -> ExecutionRequest {
        let wall_ms =
            if matches!(self.expect, Expect::Ending { termination: Termination::WallTime, .. }) { 100 } else { 10_000 };
        let cpu_ms =
            if matches!(self.expect, Expect::Ending { termination: Termination::CpuTime, .. }) { 50 } else { 5_000 };
        ExecutionRequest {
            id: self.name.to_owned(),
            language: Language::Python,
            source: self.program.to_owned(),
            tests: None,
            capture: false,
            limits: Limits { cpu_ms, wall_ms, memory_bytes: 64 << 20, processes: 8, ..Limits::default() },
        }
    }
}

/// The request that looks around in a cell.
pub(super) fn facts() -> ExecutionRequest {
    let case = TestCase { args: Vec::new(), expected: String::new() };
    ExecutionRequest {
        id: "facts".to_owned(),
        language: Language::Python,
        source: FACTS.to_owned(),
        tests: Some(TestSuite::Calls { entry: "facts".to_owned(), cases: vec![case] }),
        capture: true,
        limits: Limits { wall_ms: 10_000, ..Limits::default() },
    }
}

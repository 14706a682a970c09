//! D: programs that look for secrets, the network, and a way out.

use genesis_core::execution::ExecutionVerdict::Pass;
use genesis_core::execution::{ExecutionRequest, Limits};
use genesis_core::task::{Language, TestCase, TestSuite};

use crate::arena::{Case, calling, pool, run};

fn cases() -> Vec<Case> {
    let with = |source: &str| format!("{ATTEMPT}{source}");
    vec![
        calling(
            "D1",
            "import os\ndef f(): return sorted(os.environ)",
            "['HOME', 'LANG', 'PATH', 'PYTHONDONTWRITEBYTECODE', 'PYTHONHASHSEED', 'TMPDIR']",
            &[Pass],
        ),
        calling(
            "D3",
            "import os\ndef f(): return [p for p in ('/var/run', '/run', '/root', '/home', '/sys') if os.path.lexists(p)]",
            "[]",
            &[Pass],
        ),
        calling("D4 D5 D6 D8 D9", &with(CONNECTS), "['EPERM']", &[Pass]),
        calling("D7", &with(NAMES), "['unknown', 'unknown']", &[Pass]),
        calling("D12", &with(SOCKETS), "['EPERM']", &[Pass]),
        calling("D15", &with(CALLS), "['EPERM']", &[Pass]),
        calling("D15 clone", &with(CLONES), "['ENOSYS', 'EPERM']", &[Pass]),
        calling("D16", &with(GAINS), "['1', '0000000000000000', ['EPERM']]", &[Pass])
            // There is no /proc there, and no other user to become.
            .in_gvisor(|_| calling("D16", &with(GAINS_BARE), "['EINVAL', 'EPERM']", &[Pass])),
        calling("D18", &with(SIGNALS), "['EPERM']", &[Pass]),
        calling(
            "D17",
            "import os\ndef f(): return sorted(os.listdir('/dev'))",
            "['fd', 'full', 'null', 'random', 'shm', 'stderr', 'stdin', 'stdout', 'urandom', 'zero']",
            &[Pass],
        ),
    ]
}

const ATTEMPT: &str = "\
import ctypes, errno, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def attempt(action, *arguments):
    try: action(*arguments)
    except OSError as error: return errno.errorcode.get(error.errno, 'unknown')
    return 'done'
def call(number, *arguments):
    if libc.syscall(number, *arguments) < 0: raise OSError(ctypes.get_errno(), '')
";

const CONNECTS: &str = "
def f():
    places = [('169.254.169.254', 80), ('10.0.0.1', 443), ('10.96.0.1', 443), ('127.0.0.1', 7070), ('127.0.0.1', 10250),
              ('1.1.1.1', 53), ('fd00:ec2::254', 80), ('fe80::a9fe:a9fe', 80), ('::1', 8080)]
    def tcp(place): socket.create_connection(place, 1)
    def udp(place): socket.socket(socket.AF_INET6 if ':' in place[0] else socket.AF_INET, 2).sendto(b'x', place)
    def direct(place): socket.socket(socket.AF_INET6 if ':' in place[0] else socket.AF_INET).connect(place)
    def icmp(place): socket.socket(socket.AF_INET, 2, socket.IPPROTO_ICMP)
    found = {attempt(way, place) for place in places for way in (udp, direct, icmp)}
    assert all(attempt(tcp, place) != 'done' for place in places)
    return sorted(found)
";

const NAMES: &str = "
def f(): return [attempt(socket.getaddrinfo, name, 80) for name in ('kubernetes.default.svc', 'example.com')]
";

const SOCKETS: &str = "
def f():
    kinds = [(2, 3, 1), (17, 3, 768), (40, 1, 0), (16, 3, 0), (10, 3, 58), (38, 5, 0), (31, 1, 0), (44, 3, 0)]
    found = {attempt(call, 41, *kind) for kind in kinds}
    ring = ctypes.create_string_buffer(120)
    return sorted(found | {attempt(call, 425, 8, ring), attempt(call, 426, 3, 1, 0, 0, 0, 0), attempt(call, 427, 3, 0, 0, 0)})
";

const CALLS: &str = "
def f():
    x = ctypes.create_string_buffer(128)
    calls = [(272, 0x10000000), (272, 0x20000), (308, 0, 0), (321, 0, x, 128), (323, 0), (298, x, 0, -1, -1, 0),
             (175, x, 0, x), (313, 0, x, 0), (176, x, 0), (246, 0, 0, 0, 0), (320, 0, 0, 0, x, 0), (169, 0, 0, 0, 0),
             (167, x, 0), (250, 0, 0), (248, x, x, 0, 0, 0), (249, x, x, 0, 0), (304, 0, x, 0), (303, 0, x, x, x, 0),
             (29, 0, 4096, 512), (64, 0, 1, 512), (68, 0, 512), (240, x, 66, 0, 0), (135, 0x40000), (103, 2, x, 8),
             (317, 1, 0, x), (157, 22, 2, x), (444, 0, 0, 0), (172, 3), (173, 0, 1, 1), (170, x, 1), (188, x, x, x, 1, 0)]
    return sorted({attempt(call, *each) for each in calls})
";

const CLONES: &str = "
def f():
    x = ctypes.create_string_buffer(88)
    return [attempt(call, 435, x, 88), attempt(call, 56, 0x10000000 | 17, 0, 0, 0, 0)]
";

const GAINS: &str = "
def f():
    status = dict(line.split(':\\t') for line in open('/proc/self/status') if ':\\t' in line)
    gains = {attempt(way, 0) for way in (os.setuid, os.setgid, os.seteuid)} | {attempt(os.setgroups, [0])}
    return [status['NoNewPrivs'].strip(), status['CapEff'].strip(), sorted(gains)]
";
const GAINS_BARE: &str = "
def f(): return sorted({attempt(way, 0) for way in (os.setuid, os.setgid, os.seteuid)} | {attempt(os.setgroups, [0])})
";

/// Every way to send something to pid 1, the fork server, or to leave a word there: kill, tkill, tgkill, pidfd_open,
/// prlimit64, setpriority, getpriority; and children of its own that end with SIGKILL or SIGSTOP.
const SIGNALS: &str = "
def call(*numbers):
    if libc.syscall(*numbers) < 0: raise OSError(ctypes.get_errno(), '')
def f():
    return sorted({attempt(call, *numbers) for numbers in ((62, 1, 9), (200, 1, 9), (234, 1, 1, 9), (434, 1, 0), (302, 1, 0, 0, 0),
        (141, 0, 1, 7), (140, 0, 1), (56, 0x8000 | 9, 0, 0, 0, 0), (56, 9, 0, 0, 0, 0), (56, 19, 0, 0, 0, 0))})
";

#[test]
fn d_leaks_and_network() {
    run(cases());
}

/// D10: two cells at the same time, one listening on an abstract socket, the other calling it.
#[test]
fn d10_cells_do_not_hear_each_other() {
    let Some(pool) = pool(2) else { return };
    let listens = "\
import socket
def f():
    ear = socket.socket(socket.AF_UNIX)
    ear.bind('\\0meeting')
    ear.listen()
    ear.settimeout(1.5)
    try: ear.accept()
    except TimeoutError: return 'nobody came'
    return 'met'
";
    let calls = "\
import socket, time
def f():
    for _ in range(20):
        time.sleep(0.05)
        try: socket.socket(socket.AF_UNIX).connect('\\0meeting')
        except ConnectionRefusedError: continue
        return 'met'
    return 'nobody there'
";
    let request = |source: &str, expected: &str| ExecutionRequest {
        id: expected.to_owned(),
        language: Language::Python,
        source: source.to_owned(),
        tests: Some(TestSuite::Calls {
            entry: "f".to_owned(),
            cases: vec![TestCase { args: Vec::new(), expected: expected.to_owned() }],
        }),
        capture: false,
        limits: Limits::default(),
    };
    let requests = [request(listens, "'nobody came'"), request(calls, "'nobody there'")];
    for record in pool.client().execute(&requests).unwrap() {
        assert_eq!(record.verdict, Pass, "{record:#?}");
    }
}

//! F: programs that want the verdict without the work. None may pass.

use genesis_core::execution::ExecutionVerdict::{
    CompileError, NoRun, ProcessLimit, Rejected, RuntimeError, Tamper, Unverified, WrongAnswer,
};
use genesis_core::task::{TestCase, TestSuite};

use crate::arena::{Case, alone, calling, run};

/// The value that each of these programs would have to return: not to be found anywhere.
const SECRET: &str = "86753090123";

fn scripted(
    id: &'static str,
    source: &str,
    check: &str,
    verdicts: &[genesis_core::execution::ExecutionVerdict],
) -> Case {
    let tests = TestSuite::Script { entry: "f".to_owned(), setup: "limit = 3".to_owned(), check: check.to_owned() };
    Case { tests: Some(tests), ..alone(id, source, verdicts) }
}

fn cases() -> Vec<Case> {
    let cheat = |id, source: &str, verdicts: &[_]| calling(id, source, SECRET, verdicts);
    vec![
        cheat("F1 sys.exit", "import sys\nsys.exit(0)", &[NoRun]),
        cheat("F1 exit", "exit()", &[NoRun]),
        cheat("F1 quit", "quit()", &[NoRun]),
        cheat("F1 in the call", "def f(): raise SystemExit(0)", &[NoRun]),
        cheat("F2 _exit", "import os\nos._exit(0)", &[NoRun]),
        cheat("F2 _exit in the call", "import os\ndef f(): os._exit(0)", &[NoRun]),
        cheat("F2 exec", "import os, sys\nos.execv(sys.executable, ['python', '-c', ''])", &[NoRun]),
        cheat("F2 true", "import os\nos.execv('/bin/true', ['true'])", &[RuntimeError]),
        cheat("F2 abort", ABORTS, &[NoRun, RuntimeError]),
        cheat("F4 atexit", "import atexit, os\natexit.register(os._exit, 0)\nraise ValueError", &[RuntimeError]),
        cheat("F4 hook", "import os, sys\nsys.excepthook = lambda *_: os._exit(0)\nraise ValueError", &[RuntimeError]),
        cheat("F4 thread", THREAD_HOOK, &[WrongAnswer, NoRun]),
        cheat("F5 equal", &format!("{EQUAL}def f(): return Equal()"), &[WrongAnswer]),
        cheat("F5 subclass", &format!("{EQUAL}def f(): return EqualInt(3)"), &[WrongAnswer]),
        cheat("F5 inside", &format!("{EQUAL}def f(): return [Equal()]"), &[WrongAnswer]),
        cheat("F7", PATCHES, &[WrongAnswer, RuntimeError]),
        cheat("F12", SEARCHES, &[WrongAnswer]),
        cheat("F13", WALKS, &[WrongAnswer]),
        cheat("F13 frames", FRAMES, &[WrongAnswer]),
        cheat("F14", SHARES, &[WrongAnswer]),
        Case { tests: Some(held_out()), ..cheat("F16", "def f(x): return {1: 1, 2: 4}.get(x, 0)", &[WrongAnswer]) },
        cheat(
            "F18",
            "def check(*_): return True\nrun_tests = check\nclass Solution: pass\ndef f(): return True",
            &[WrongAnswer],
        ),
        cheat("F19", "from solution import f", &[RuntimeError]),
        cheat("F19 tests", "import tests.hidden", &[RuntimeError]),
        cheat("F25", &format!("for x in range(100): print(x, {SECRET})\ndef f(): return 1"), &[WrongAnswer]),
        calling("F26 nan", "def f(): return float('nan')", "1.0", &[WrongAnswer]),
        calling("F26 nan for nan", "def f(): return float('nan')", "float('nan')", &[WrongAnswer]),
        calling("F26 inf", "def f(): return float('inf')", "1e308", &[WrongAnswer]),
        calling("F26 near", "def f(): return 0.1 + 0.2", "0.3", &[WrongAnswer]),
        calling("F26 type", "def f(): return True", "1", &[WrongAnswer]),
        cheat("F31 empty", "", &[RuntimeError]),
        cheat("F31 pass", "def f(): pass", &[WrongAnswer]),
        cheat("no program", "def f(:", &[CompileError]),
        cheat("forged answers", FORGES, &[WrongAnswer, Tamper]),
        cheat("forked answers", "import os\nos.fork()\ndef f(): return 1", &[WrongAnswer, ProcessLimit]),
        scripted("script: equal", &format!("{EQUAL}def f(x): return Equal()"), CHECK, &[WrongAnswer]),
        scripted("script: exit", "import sys\ndef f(x): sys.exit(0)", CHECK, &[NoRun]),
        scripted("script: gone", "import os\ndef f(x): os._exit(0)", CHECK, &[NoRun]),
        scripted("script: raises", "def f(x): raise AssertionError('passed')", CHECK, &[RuntimeError]),
        scripted("script: ends loops", "def f(x): raise StopIteration", MAPS, &[RuntimeError]),
        scripted("script: wrong", "def f(x): return x", CHECK, &[WrongAnswer]),
        scripted("script: none", "", CHECK, &[RuntimeError]),
        scripted("script: huge", "def f(x): return 'x' * (1 << 21)", CHECK, &[WrongAnswer]),
        scripted("script: no question", "def f(x): return x * x", "def check(candidate): pass", &[Rejected]),
        scripted("script: broken", "def f(x): return x * x", "def check(candidate): return nothing", &[WrongAnswer]),
        scripted("script: does not compile", "def f(x): return x * x", "def check(", &[Rejected]),
    ]
}

fn held_out() -> TestSuite {
    let case = |x: i32| TestCase { args: vec![x.to_string()], expected: (x * x).to_string() };
    TestSuite::Calls { entry: "f".to_owned(), cases: [1, 2, 3].map(case).to_vec() }
}

const CHECK: &str = "\
def check(candidate):
    for x in range(limit):
        assert candidate(x) == x * x + 1
";

const MAPS: &str = "\
def check(candidate):
    for got, wanted in zip(map(candidate, range(limit)), (1, 2, 5)): assert got == wanted
";

const ABORTS: &str = "\
import os, signal
signal.signal(signal.SIGABRT, lambda *_: os._exit(0))
os.abort()
";

const THREAD_HOOK: &str = "\
import os, threading
threading.excepthook = lambda *_: os._exit(0)
def f():
    thread = threading.Thread(target=lambda: 1 / 0)
    thread.start()
    thread.join()
    return 1
";

const EQUAL: &str = "\
class Equal:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __hash__(self): return 0
    def __repr__(self): return '86753090123'
class EqualInt(int):
    __eq__ = Equal.__eq__
    __repr__ = Equal.__repr__
    __hash__ = Equal.__hash__
";

const PATCHES: &str = "\
import builtins, math, os, sys, unittest
unittest.TestCase.assertEqual = lambda *_: None
math.isclose = lambda *_, **__: True
builtins.repr = builtins.ascii = builtins.str = lambda *_: '86753090123'[:0] or 'True'
builtins.sorted = lambda *_, **__: []
builtins.type = lambda *_: int
os.read = os.write = lambda *_: b''
sys.modules['plain'] = sys.modules['harness'] = None
def f(): return 1
";

const SEARCHES: &str = "\
import os, sys
wanted = str(86753090124 - 1)
def places():
    yield from sys.argv
    yield from os.environ.values()
    for top in ('/tmp', '/genesis', '/etc', '/proc/self', '/proc/1', '/box', '/dev/shm'):
        for directory, _, names in os.walk(top):
            if directory.startswith('/proc') and directory.count('/') > 2: continue
            for name in names:
                if name in ('kmsg', 'mem', 'clear_refs', 'pagemap'): continue
                try: yield open(os.path.join(directory, name), errors='replace').read(1 << 20)
                except OSError: pass
def f(): return int(wanted) if any(wanted in text for text in places()) else 0
";

const WALKS: &str = "\
import gc, sys
wanted = 86753090124 - 1
text = str(wanted)
own = (wanted, text)
def f():
    for thing in gc.get_objects():
        parts = thing.values() if type(thing) is dict else thing if type(thing) in (list, tuple) else [thing]
        for part in list(parts):
            if part is wanted or part is text: continue
            if type(part) is int and part == wanted: return wanted
            if type(part) in (str, bytes) and part[:20] in (text, text.encode()): return wanted
    return 0
";

const FRAMES: &str = "\
import sys
text = str(86753090124 - 1)
def f():
    frame = sys._getframe()
    while frame:
        for name, value in {**frame.f_locals, **frame.f_globals}.items():
            if name != 'text' and type(value) in (str, int, bytes) and text in str(value): return int(text)
            job = getattr(value, '__dict__', {})
            for item in list(job.values()):
                if item is not text and type(item) in (str, int) and text in str(item): return int(text)
        frame = frame.f_back
    return 0
";

const SHARES: &str = "\
import mmap, os
from multiprocessing import shared_memory
def f():
    found = [name for name in os.listdir('/dev/shm')]
    block = shared_memory.SharedMemory(create=True, size=64)
    block.buf[:4] = b'PASS'
    block.close()
    return len(found)
";

const FORGES: &str = "\
import gc
def f():
    for thing in gc.get_objects():
        if type(thing).__name__ == 'Job':
            for _ in range(5): thing.send(b'V', '1')
    return 1
";

#[test]
fn f_cheating() {
    run(cases());
    // Without tests a clean exit is worth nothing more than this.
    run(vec![alone("F1 without tests", "import sys\nsys.exit(0)", &[Unverified])]);
}

//! G: honest programs that a careless sandbox fails.

use genesis_core::execution::ExecutionVerdict::{Pass, Unverified};
use genesis_core::task::TestSuite;
use genesis_sandbox::pool::Pool;

use crate::arena::{Case, alone, calling, innocent, pool, run};

fn cases() -> Vec<Case> {
    let script = |id, source: &str, check: &str| Case {
        tests: Some(TestSuite::Script {
            entry: "f".to_owned(),
            setup: "def twice(x): return x + x".to_owned(),
            check: check.to_owned(),
        }),
        ..alone(id, source, &[Pass])
    };
    vec![
        calling("G2 threads", THREADS, "[0, 1, 4, 9]", &[Pass]),
        calling("G2 processes", PROCESSES, "[0, 1, 4, 9]", &[Pass]).within(|limits| limits.memory_bytes = 256 << 20),
        calling("G2 programs", PROGRAMS, "'42'", &[Pass]),
        calling("G2 files", FILES, "'kept'", &[Pass]),
        calling(
            "G3",
            "import sys, warnings\nwarnings.warn('careful')\nprint('log', file=sys.stderr)\ndef f(): return 1",
            "1",
            &[Pass],
        )
        .and(|record| record.stderr.total_bytes > 0),
        calling("G4", "def f():\r\n    return 1", "1", &[Pass]),
        alone("G8", "import sys\nprint('😀é')\nassert 'é'.encode() == b'\\xc3\\xa9'", &[Unverified])
            .and(|record| record.stdout.total_bytes == 7),
        calling("values", VALUES, VALUES_EXPECTED, &[Pass]),
        calling("classes", CLASSES, "[1, 2]", &[Pass]),
        script(
            "script",
            "def f(x): return [x, x]",
            "def check(candidate):\n    assert candidate(2)[0] * 2 == twice(2)\n",
        ),
        script("script with exceptions", "def f(x): return [1][x]", RAISES),
        script(
            "script with names",
            "def f(x, *, y=1): return (x, y)",
            "def check(c): assert c(1, y=2) == (1, 2) and c(y=3, x=1) == (1, 3)\n",
        ),
        script(
            "script with limits of floats",
            "def f(x): return x",
            "def check(c): assert c(float('inf')) > 1 and c(float('nan')) != 0 and c({}) == {} and c(set()) == set()\n",
        ),
    ]
}

const THREADS: &str = "\
from concurrent.futures import ThreadPoolExecutor
def f():
    with ThreadPoolExecutor(4) as pool: return list(pool.map(lambda x: x * x, range(4)))
";

const PROCESSES: &str = "\
import multiprocessing
def square(x): return x * x
def f():
    with multiprocessing.Pool(2) as pool: return pool.map(square, range(4))
";

const PROGRAMS: &str = "\
import subprocess, sys
def f(): return subprocess.run([sys.executable, '-c', 'print(6 * 7)'], capture_output=True, text=True, check=True).stdout.strip()
";

const FILES: &str = "\
import os, shutil, tempfile
def f():
    with tempfile.TemporaryDirectory() as directory:
        path = os.path.join(directory, 'x')
        with open(path, 'w') as file: file.write('kept')
        shutil.copy2(path, path + '2')
        with tempfile.NamedTemporaryFile('w+') as file: file.write('gone')
        return open(path + '2').read()
";

const VALUES: &str = "\
def f(): return {'b': [None, True, -1, 2 ** 70, 0.1, -0.0, 1e16, float('inf')], 'a': ({3, 1}, set(), (), (1,), b'\\x00', 'é\\n')}
";
const VALUES_EXPECTED: &str = "{'a': ({1, 3}, set(), (), (1,), b'\\0', '\\u00e9\\n'), \
    'b': [None, True, -1, 1180591620717411303424, .1, 0.0, 1e16, float('inf')]}";

const CLASSES: &str = "\
import copy, pickle
from dataclasses import dataclass
from typing import List
@dataclass
class Point:
    x: int
    y: int
def f() -> List[int]:
    point = pickle.loads(pickle.dumps(copy.deepcopy(Point(1, 2))))
    return [point.x, point.y]
";

const RAISES: &str = "\
def check(candidate):
    assert candidate(0) == 1
    try: candidate(5)
    except IndexError: return
    assert False
";

#[test]
fn g_must_pass() {
    run(cases());
}

/// G11: the same program again and again has the same verdict and writes the same bytes.
#[test]
fn g11_the_same_again() {
    let Some(pool) = pool(2) else { return };
    let requests: Vec<_> = (0..20)
        .map(|number| {
            let mut request = innocent();
            // Its own comment, or it would run once.
            request.source += &format!("print({{'a', 'b', 'c'}}, hash('x')) # {number}\n");
            request
        })
        .collect();
    let records = pool.client().execute(&requests).unwrap();
    for record in &records {
        assert_eq!(record.verdict, Pass, "{record:#?}");
        assert_eq!(record.stdout, records[0].stdout);
    }
    assert_eq!(records.len(), 20);
    assert!(ends_quickly(pool));
}

/// A pool that ends leaves no process behind: its threads could not be joined otherwise.
fn ends_quickly(pool: Pool) -> bool {
    let start = std::time::Instant::now();
    drop(pool);
    start.elapsed() < std::time::Duration::from_secs(30)
}

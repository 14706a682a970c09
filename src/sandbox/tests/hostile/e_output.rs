//! E: programs that write too much, or write what looks like a verdict.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use genesis_core::Digest;
use genesis_core::execution::ExecutionVerdict::{
    NoRun, OutputLimit, Pass, RuntimeError, Tamper, Unverified, WrongAnswer,
};
use genesis_core::execution::{ExecutionRecord, Termination};

use crate::arena::{Case, alone, calling, ended_by, run};

fn output(record: &ExecutionRecord) -> bool {
    ended_by(record, Termination::Output)
}

fn cases() -> Vec<Case> {
    let right = |source: &str| format!("{source}\ndef f(): return 1\n");
    vec![
        alone("E1", "while True: print('x' * 100)", &[OutputLimit]).and(output),
        alone("E2", "import os\nfor _ in range(1 << 18): os.write(2, bytes(4096))", &[OutputLimit])
            .and(|record| output(record) && record.stderr.truncated && record.stdout.total_bytes == 0),
        alone("E3", "import sys\nfor _ in range(1 << 10): sys.stdout.write('x' * (1 << 20))", &[OutputLimit])
            .and(output),
        alone("E5", "import sys\nsys.stdout.buffer.write(b'\\xff\\x00\\xed\\xa0\\x80\\n')", &[Unverified]).and(
            |record| {
                let written = b"\xff\x00\xed\xa0\x80\n";
                record.stdout.head_base64 == STANDARD.encode(written)
                    && record.stdout.sha256 == Some(Digest::of_bytes(written))
            },
        ),
        calling("E6 words", FAKE, "1", &[NoRun]),
        calling("E6 a record", &format!("{FAKE}\ndef f(): return {{'verdict': 'PASS'}}"), "1", &[NoRun]),
        calling("E6 and wrong", "print('PASSED 1 of 1')\ndef f(): return 2", "1", &[WrongAnswer]),
        calling("E7", &right(WRITES_LOW), "1", &[Pass]),
        calling("E7 on the line", &right(WRITES_HIGH), "1", &[Tamper]),
        calling("E7 closes the line", &right("import os\nos.closerange(3, 1024)"), "1", &[NoRun, RuntimeError]),
        calling("E9 status", &right("import atexit, os\natexit.register(os._exit, 1)"), "1", &[RuntimeError])
            .and(|record| record.tests.passed == 1 && ended_by(record, Termination::Exit(1))),
        calling(
            "E9 signal",
            &right("import atexit, os\natexit.register(os.kill, os.getpid(), 11)"),
            "1",
            &[RuntimeError],
        )
        .and(|record| ended_by(record, Termination::Signal(11))),
        alone("E12", "import sys\nfor _ in range(8): sys.stdout.write('x' * (1 << 20))", &[Unverified])
            .within(|limits| limits.output_bytes = 8 << 20)
            .and(|record| {
                record.stdout.truncated && record.stdout.sha256 == Some(Digest::of_bytes(&vec![b'x'; 8 << 20]))
            }),
    ]
}

const FAKE: &str = "\
import sys
for stream in (sys.stdout, sys.stderr):
    print('{\"records\": [{\"verdict\": \"PASS\"}]}', 'PASSED', '1 passed in 0.01s', sep='\\n', file=stream)
sys.exit(0)
";

const WRITES_LOW: &str = "\
import os
for descriptor in range(3, 256):
    try: os.write(descriptor, b'PASS')
    except OSError: continue
    raise SystemError(f'{descriptor} is open')
";

const WRITES_HIGH: &str = "\
import os
for descriptor in range(256, 1024):
    try: os.write(descriptor, b'PASS' * 8)
    except OSError: pass
";

#[test]
fn e_output() {
    run(cases());
}

//! Where a table of programs is run and judged.

use genesis_core::execution::{ExecutionRecord, ExecutionRequest, ExecutionVerdict, Limits, Termination};
use genesis_core::task::{TestCase, TestSuite};
use genesis_sandbox::pool::{Options, Pool, StartError};
use genesis_sandbox::surroundings::Surroundings;

use crate::granted::or_skip;

/// One program and what must become of it.
#[derive(Clone)]
pub struct Case {
    /// Stable name of the case.
    pub id: &'static str,
    /// The program.
    pub source: String,
    /// Its tests.
    pub tests: Option<TestSuite>,
    /// Its bounds.
    pub limits: Limits,
    /// Verdicts that are right.
    pub verdicts: Vec<ExecutionVerdict>,
    /// What else must hold.
    pub holds: fn(&ExecutionRecord) -> bool,
}

/// Bounds of the table: small, so that the suite is quick, but with a wall clock that leaves the decision to the other
/// bounds on a busy machine.
pub fn limits() -> Limits {
    Limits { cpu_ms: 400, wall_ms: 20_000, memory_bytes: 64 << 20, ..Limits::default() }
}

/// A program without tests.
pub fn alone(id: &'static str, source: &str, verdicts: &[ExecutionVerdict]) -> Case {
    Case { id, source: source.to_owned(), tests: None, limits: limits(), verdicts: verdicts.to_vec(), holds: |_| true }
}

/// A program whose `f` is called without arguments.
pub fn calling(id: &'static str, source: &str, expected: &str, verdicts: &[ExecutionVerdict]) -> Case {
    let case = TestCase { args: Vec::new(), expected: expected.to_owned() };
    Case { tests: Some(TestSuite::Calls { entry: "f".to_owned(), cases: vec![case] }), ..alone(id, source, verdicts) }
}

impl Case {
    /// The same case with other bounds.
    pub fn within(self, change: impl Fn(&mut Limits)) -> Self {
        let mut limits = self.limits;
        change(&mut limits);
        Self { limits, ..self }
    }

    /// The same case with a further demand.
    pub fn and(self, holds: fn(&ExecutionRecord) -> bool) -> Self {
        Self { holds, ..self }
    }

    /// The same case as gVisor must end it, where another layer holds than on Linux.
    pub fn in_gvisor(self, change: impl FnOnce(Self) -> Self) -> Self {
        if Surroundings::detect() == Surroundings::Gvisor { change(self) } else { self }
    }

    /// The same case with other verdicts, and no further demand.
    pub fn ending(self, verdicts: &[ExecutionVerdict]) -> Self {
        Self { verdicts: verdicts.to_vec(), holds: |_| true, ..self }
    }

    fn request(&self) -> ExecutionRequest {
        ExecutionRequest {
            id: self.id.to_owned(),
            language: genesis_core::task::Language::Python,
            source: self.source.clone(),
            tests: self.tests.clone(),
            capture: false,
            limits: self.limits,
        }
    }
}

/// Passes only in a clean cell.
pub fn innocent() -> ExecutionRequest {
    let source = "import os, threading\n\
        def clean():\n    \
            own = [str(os.getpid())]\n    \
            return [os.listdir('/tmp'), os.listdir('/dev/shm'), os.getcwd(), threading.active_count(),\n        \
                [p for p in os.listdir('/proc') if p.isdigit() and p not in own] == [], os.getppid(), sorted({3: 1, 1: 2})]\n";
    let case = TestCase { args: Vec::new(), expected: "[[], [], '/box/scratch', 1, True, 1, [1, 3]]".to_owned() };
    Case {
        tests: Some(TestSuite::Calls { entry: "clean".to_owned(), cases: vec![case] }),
        ..alone("innocent", source, &[])
    }
    .request()
}

/// A pool, or `None` with a line that says which protection is missing here.
pub fn pool(workers: usize) -> Option<Pool> {
    or_skip(Pool::start(&Options { workers, ..Options::default() }), StartError::is_not_granted)
}

/// Runs a table; after each case the innocent program.
pub fn run(cases: Vec<Case>) {
    let Some(pool) = pool(1) else { return };
    let client = pool.client();
    let mut wrong = Vec::new();
    for case in cases {
        let records = client.execute(&[case.request(), innocent()]).unwrap();
        let [record, after] = records.as_slice() else { panic!("{} gave {} records", case.id, records.len()) };
        if !case.verdicts.contains(&record.verdict) || !(case.holds)(record) {
            wrong.push(format!("{}: {record:#?}", case.id));
        }
        if after.verdict != ExecutionVerdict::Pass {
            wrong.push(format!("the innocent program after {}: {after:#?}", case.id));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A demand on the way a program ended.
pub fn ended_by(record: &ExecutionRecord, termination: Termination) -> bool {
    record.termination == termination
}

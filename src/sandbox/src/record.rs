//! Records: what the pool answers for each program.

use genesis_core::Digest;
use genesis_core::execution::{Capture, ExecutionRecord, ExecutionRequest, ExecutionVerdict, Termination, TestCounts};

use crate::admission::{Program, Tests, tests_digest};
use crate::judge::{Judgement, judge};
use crate::session::Outcome;

/// Name and version, as records carry them.
pub const SUPERVISOR: &str = concat!("genesis-sandbox ", env!("CARGO_PKG_VERSION"));

/// The record of a program that ran.
pub(crate) fn ran(request: &ExecutionRequest, program: &Program, outcome: Outcome, isolation: &str) -> ExecutionRecord {
    let Outcome { transcript, ending, wall, stdout, stderr } = outcome;
    let Judgement { verdict, termination, reason } =
        judge(&transcript, &ending, !matches!(program.tests, Tests::Nothing));
    ExecutionRecord {
        cpu_ms: ending.usage.processor.as_millis() as u64,
        wall_ms: wall.as_millis() as u64,
        peak_bytes: ending.usage.peak_bytes,
        stdout,
        stderr,
        tests: TestCounts { declared: transcript.declared, executed: transcript.executed, passed: transcript.passed },
        values: transcript.values,
        ..bare(request, verdict, termination, reason, isolation)
    }
}

/// The record of a program about which nothing but the verdict is known.
pub(crate) fn bare(
    request: &ExecutionRequest,
    verdict: ExecutionVerdict,
    termination: Termination,
    reason: String,
    isolation: &str,
) -> ExecutionRecord {
    ExecutionRecord {
        id: request.id.clone(),
        code: Digest::of_bytes(request.source.as_bytes()),
        tests_digest: tests_digest(request.tests.as_ref()),
        verdict,
        reason,
        termination,
        cpu_ms: 0,
        wall_ms: 0,
        peak_bytes: 0,
        stdout: Capture::default(),
        stderr: Capture::default(),
        tests: TestCounts::default(),
        values: Vec::new(),
        limits: request.limits,
        supervisor: SUPERVISOR.to_owned(),
        isolation: isolation.to_owned(),
        deduplicated: false,
    }
}

/// The record of a program that was refused or could not be run.
pub(crate) fn not_run(
    request: &ExecutionRequest,
    verdict: ExecutionVerdict,
    reason: String,
    isolation: &str,
) -> ExecutionRecord {
    let infra = verdict == ExecutionVerdict::Infra;
    let termination = if infra { Termination::Infra } else { Termination::LaunchError };
    bare(request, verdict, termination, reason, isolation)
}

//! Records for tests, as a sandbox would write them; the tests against a real Python include this file too.

use genesis_core::Digest;
use genesis_core::execution::{
    CallOutcome, Capture, ExecutionRecord, ExecutionRequest, ExecutionVerdict, Termination, TestCounts,
};

/// A record of a run that ended well and returned these values.
pub(crate) fn record(request: &ExecutionRequest, values: Vec<CallOutcome>) -> ExecutionRecord {
    ExecutionRecord {
        id: request.id.clone(),
        code: Digest::of_bytes(request.source.as_bytes()),
        tests_digest: None,
        verdict: ExecutionVerdict::WrongAnswer,
        reason: String::new(),
        termination: Termination::Exit(0),
        cpu_ms: 1,
        wall_ms: 1,
        peak_bytes: 0,
        stdout: Capture::default(),
        stderr: Capture::default(),
        tests: TestCounts::default(),
        values,
        limits: request.limits,
        supervisor: "test".to_owned(),
        isolation: "none".to_owned(),
        deduplicated: false,
    }
}

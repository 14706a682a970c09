//! What is asked of the sandbox, and the record it answers with.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::task::{Language, TestSuite};

/// Bounds of one program. Each is enforced from outside the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limits {
    /// Processor time of the program and all its children, in milliseconds.
    pub cpu_ms: u64,
    /// Time on the wall, in milliseconds.
    pub wall_ms: u64,
    /// Memory, in bytes.
    pub memory_bytes: u64,
    /// Processes and threads at one time.
    pub processes: u64,
    /// Bytes that stdout and stderr may carry, each.
    pub output_bytes: u64,
    /// Bytes a file may have.
    pub file_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            cpu_ms: 2_000,
            wall_ms: 4_000,
            memory_bytes: 256 << 20,
            processes: 16,
            output_bytes: 64 << 10,
            file_bytes: 1 << 20,
        }
    }
}

/// One program to run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionRequest {
    /// Chosen by the caller; the record carries it back. A repeated id is a repeated question.
    pub id: String,
    /// Language of `source`.
    #[serde(default)]
    pub language: Language,
    /// The whole program.
    pub source: String,
    /// The tests; `None` only runs the program to its end.
    pub tests: Option<TestSuite>,
    /// Return the value of every call instead of only comparing it (used to prove tasks, never to judge).
    #[serde(default)]
    pub capture: bool,
    /// Bounds.
    #[serde(default)]
    pub limits: Limits,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "how", content = "value", rename_all = "snake_case")]
pub enum Termination {
    /// By itself, with this code.
    Exit(i32),
    /// By a signal that no bound caused.
    Signal(i32),
    /// Out of processor time.
    CpuTime,
    /// Out of time on the wall.
    WallTime,
    /// Out of memory.
    Memory,
    /// Wrote more than it may.
    Output,
    /// Filled its disk.
    Disk,
    /// Too many processes.
    Pids,
    /// Could not be started: the program's fault.
    LaunchError,
    /// The sandbox failed, not the program.
    Infra,
}

/// What the scorer says. Only `Pass` earns anything; `Infra` earns and costs nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[strum(serialize_all = "SCREAMING_SNAKE_CASE")]
pub enum ExecutionVerdict {
    /// Every declared test ran and passed, and the program ended cleanly.
    Pass,
    /// Ran cleanly, and there was nothing to test it with.
    Unverified,
    /// At least one test got a wrong value.
    WrongAnswer,
    /// The program raised or crashed.
    RuntimeError,
    /// The program does not compile.
    CompileError,
    /// Out of time.
    TimeLimit,
    /// Out of memory.
    MemoryLimit,
    /// Too much output.
    OutputLimit,
    /// Too much on disk.
    DiskLimit,
    /// Too many processes.
    ProcessLimit,
    /// The program ended before its tests ran.
    NoRun,
    /// The program touched what judges it.
    Tamper,
    /// Refused before it ran.
    Rejected,
    /// The sandbox failed; ask again, learn nothing.
    Infra,
}

impl ExecutionVerdict {
    /// The three-valued outcome that learning uses.
    pub fn outcome(self) -> Outcome {
        match self {
            Self::Pass => Outcome::Pass,
            Self::Unverified => Outcome::Unverified,
            Self::Infra => Outcome::Infra,
            Self::WrongAnswer
            | Self::RuntimeError
            | Self::CompileError
            | Self::TimeLimit
            | Self::MemoryLimit
            | Self::OutputLimit
            | Self::DiskLimit
            | Self::ProcessLimit
            | Self::NoRun
            | Self::Tamper
            | Self::Rejected => Outcome::Fail,
        }
    }
}

/// Pass, fail or infra; `Unverified` where there was nothing to test with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, strum::Display, strum::EnumString)]
#[serde(rename_all = "lowercase")]
#[strum(serialize_all = "lowercase")]
pub enum Outcome {
    /// Executed, and every test passed.
    Pass,
    /// Executed and wrong, or refused.
    Fail,
    /// Not the program's doing.
    Infra,
    /// Executed without tests: may be served, never learned from as a success.
    Unverified,
}

/// What one call of the entry point gave.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "is", content = "text", rename_all = "snake_case")]
pub enum CallOutcome {
    /// The canonical literal of the returned value.
    Value(String),
    /// The class of the exception: `IndexError`.
    Raised(String),
    /// The call did not come back.
    Lost,
}

/// A captured stream: the first bytes, and the digest of all of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capture {
    /// The bytes kept, base64.
    pub head_base64: String,
    /// How many bytes the program wrote before it was stopped.
    pub total_bytes: u64,
    /// Whether bytes are missing from `head_base64`.
    pub truncated: bool,
    /// Digest of the bytes read.
    pub sha256: Option<Digest>,
}

/// How many tests there were, ran and passed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCounts {
    /// Declared by the suite.
    pub declared: u32,
    /// Started.
    pub executed: u32,
    /// Passed.
    pub passed: u32,
}

/// The scorer's answer for one program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExecutionRecord {
    /// The id of the request.
    pub id: String,
    /// Digest of the program's source.
    pub code: Digest,
    /// Digest of the tests, if there were any.
    pub tests_digest: Option<Digest>,
    /// The verdict.
    pub verdict: ExecutionVerdict,
    /// One line for a person: which call was wrong, what was raised.
    pub reason: String,
    /// How the program ended.
    pub termination: Termination,
    /// Processor time used, milliseconds.
    pub cpu_ms: u64,
    /// Time on the wall, milliseconds.
    pub wall_ms: u64,
    /// Peak memory, bytes, 0 where unknown.
    pub peak_bytes: u64,
    /// Standard output.
    pub stdout: Capture,
    /// Standard error.
    pub stderr: Capture,
    /// Test counts.
    pub tests: TestCounts,
    /// The values of the calls, only where `capture` was asked for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<CallOutcome>,
    /// The bounds in force.
    pub limits: Limits,
    /// Version of the supervisor.
    pub supervisor: String,
    /// The isolation in force, as the supervisor proved it at start: `namespaces+cgroup-v1+seccomp+landlock`.
    pub isolation: String,
    /// The identical program was executed once in this batch, and this record is a copy of that run's.
    #[serde(default)]
    pub deduplicated: bool,
}

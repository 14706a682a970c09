//! A model and a sandbox whose answers are written in the test.

use std::collections::VecDeque;
use std::sync::Mutex;

use futures::FutureExt as _;
use futures::future::BoxFuture;
use genesis_client::CompletionRequest;
use genesis_core::Digest;
use genesis_core::execution::{
    Capture, ExecutionRecord, ExecutionRequest, ExecutionVerdict, Limits, Termination, TestCounts,
};
use genesis_core::task::Language;

use crate::executor::{Executor, SandboxUnavailable};
use crate::inference::{Model, ModelError};
use crate::routing::ModelKey;

type Answering = dyn Fn(&CompletionRequest) -> Result<Vec<String>, ModelError> + Send;

/// Answers as it is told and remembers what it was asked.
pub struct FakeModel {
    answer: Mutex<Box<Answering>>,
    asked: Mutex<Vec<CompletionRequest>>,
}

impl Default for FakeModel {
    /// Every sample is right.
    fn default() -> Self {
        let right = |request: &CompletionRequest| Ok(vec!["    return len(xs)\n".to_owned(); request.n as usize]);
        Self { answer: Mutex::new(Box::new(right)), asked: Mutex::default() }
    }
}

impl FakeModel {
    /// From now on answers so.
    pub fn answers(&self, answer: impl Fn(&CompletionRequest) -> Result<Vec<String>, ModelError> + Send + 'static) {
        *self.answer.lock().unwrap() = Box::new(answer);
    }

    /// From now on every sample is this.
    pub fn says(&self, completion: &'static str) {
        self.answers(move |request| Ok(vec![completion.to_owned(); request.n as usize]));
    }

    /// What it was asked since the last time.
    pub fn asked(&self) -> Vec<CompletionRequest> {
        std::mem::take(&mut self.asked.lock().unwrap())
    }
}

impl Model for FakeModel {
    fn complete<'a>(
        &'a self,
        _: &'a ModelKey,
        request: &'a CompletionRequest,
    ) -> BoxFuture<'a, Result<Vec<String>, ModelError>> {
        self.asked.lock().unwrap().push(request.clone());
        let answer = (self.answer.lock().unwrap())(request);
        async move { answer }.boxed()
    }
}

/// Programs that contain `len(xs)` pass, all others give a wrong value; without tests everything is unverified.
#[derive(Default)]
pub struct FakeSandbox {
    /// Verdicts of the next programs, whatever they are.
    pub next: Mutex<VecDeque<ExecutionVerdict>>,
    /// It does not answer.
    pub down: Mutex<bool>,
    /// Programs executed.
    pub executed: Mutex<usize>,
    /// Batches they came in.
    pub batches: Mutex<usize>,
}

impl FakeSandbox {
    fn judge(&self, request: &ExecutionRequest) -> ExecutionRecord {
        *self.executed.lock().unwrap() += 1;
        let own = match (&request.tests, request.source.contains("len(xs)")) {
            (None, _) => ExecutionVerdict::Unverified,
            (Some(_), true) => ExecutionVerdict::Pass,
            (Some(_), false) => ExecutionVerdict::WrongAnswer,
        };
        let verdict = self.next.lock().unwrap().pop_front().unwrap_or(own);
        let declared = u32::from(request.tests.is_some());
        let passed = u32::from(verdict == ExecutionVerdict::Pass);
        ExecutionRecord { verdict, tests: TestCounts { declared, executed: declared, passed }, ..record(&request.id) }
    }
}

impl Executor for FakeSandbox {
    fn run<'a>(
        &'a self,
        _: &'a ModelKey,
        requests: Vec<ExecutionRequest>,
    ) -> BoxFuture<'a, Result<Vec<ExecutionRecord>, SandboxUnavailable>> {
        *self.batches.lock().unwrap() += 1;
        let answer = if *self.down.lock().unwrap() {
            Err(SandboxUnavailable("the test took it down".into()))
        } else {
            Ok(requests.iter().map(|request| self.judge(request)).collect())
        };
        async move { answer }.boxed()
    }
}

/// A program to run.
pub fn request(id: &str, source: &str) -> ExecutionRequest {
    ExecutionRequest {
        id: id.into(),
        language: Language::Python,
        source: source.into(),
        tests: None,
        capture: false,
        limits: Limits::default(),
    }
}

/// A record of a program that passed.
pub fn record(id: &str) -> ExecutionRecord {
    ExecutionRecord {
        id: id.into(),
        code: Digest::of_bytes(b"code"),
        tests_digest: None,
        verdict: ExecutionVerdict::Pass,
        reason: String::new(),
        termination: Termination::Exit(0),
        cpu_ms: 1,
        wall_ms: 1,
        peak_bytes: 0,
        stdout: Capture::default(),
        stderr: Capture::default(),
        tests: TestCounts { declared: 1, executed: 1, passed: 1 },
        values: Vec::new(),
        limits: Limits::default(),
        supervisor: "test".into(),
        isolation: "none".into(),
        deduplicated: false,
    }
}

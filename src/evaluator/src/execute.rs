use std::net::SocketAddr;
use std::sync::Arc;

use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use genesis_core::execution::{ExecutionRecord, ExecutionRequest, Limits, Outcome};
use genesis_core::task::{Task, TestSuite};
use genesis_sandbox::client::Client;

use crate::Error;
use crate::pair::{ArmResult, TaskResult};
use crate::sample::{Answers, Arm};

/// Programs sent in one message.
const BATCH: usize = 512;
/// Batches under way at each server: one is executed while the next is sent.
const BATCHES_PER_SERVER: usize = 2;

/// Sandbox pool servers by address.
#[derive(Clone, Debug)]
pub struct SandboxPool {
    clients: Arc<[Client]>,
}

impl SandboxPool {
    /// Addresses of at least one server.
    pub fn new(addresses: &[SocketAddr]) -> Result<Self, Error> {
        if addresses.is_empty() {
            return Err(Error::NoEndpoint("sandbox"));
        }
        Ok(Self { clients: addresses.iter().copied().map(Client::new).collect() })
    }

    /// Runs programs in batches over all servers; records come back in the order of the requests.
    pub async fn run(&self, requests: &[ExecutionRequest]) -> Result<Vec<ExecutionRecord>, Error> {
        let batches = requests.chunks(BATCH).enumerate().map(|(turn, batch)| {
            let client = self.clients[turn % self.clients.len()].clone();
            let batch = batch.to_vec();
            async move {
                let answered = tokio::task::spawn_blocking(move || client.execute(&batch)).await;
                let answered = answered.map_err(|error| Error::Sandbox(error.to_string()))?;
                answered.map_err(|error| Error::Sandbox(error.to_string()))
            }
        });
        let under_way = BATCHES_PER_SERVER * self.clients.len();
        let records: Vec<Vec<ExecutionRecord>> = stream::iter(batches).buffered(under_way).try_collect().await?;
        Ok(records.into_iter().flatten().collect())
    }
}

/// Executes every answer and puts the outcomes back where they belong. Programs that met an infra outcome are run
/// once more; what is infra again stays infra.
pub(crate) async fn judge_answers(
    pool: &SandboxPool,
    tasks: &[Task],
    answers: &[Answers],
) -> Result<(Vec<TaskResult>, u64), Error> {
    let mut requests = Vec::new();
    for (number, answer) in answers.iter().enumerate() {
        let programs = answer.samples.iter().chain([&answer.greedy]);
        requests.extend(
            programs
                .enumerate()
                .map(|(sample, source)| request(format!("{number}/{sample}"), source, &tasks[answer.task])),
        );
    }
    let mut records = pool.run(&requests).await?;
    let again: Vec<usize> = (0..records.len()).filter(|i| records[*i].verdict.outcome() == Outcome::Infra).collect();
    if !again.is_empty() {
        let second: Vec<ExecutionRequest> = again.iter().map(|i| requests[*i].clone()).collect();
        let second = pool.run(&second).await?;
        for (index, record) in again.into_iter().zip(second) {
            records[index] = record;
        }
    }
    let executions = records.len() as u64;
    Ok((arrange(tasks, answers, &records), executions))
}

fn request(id: String, source: &str, task: &Task) -> ExecutionRequest {
    // The extra tests are an oracle of their own: an answer that only fits the first ten inputs does not pass here.
    let tests = match &task.tests {
        TestSuite::Calls { entry, cases } => {
            TestSuite::Calls { entry: entry.clone(), cases: cases.iter().chain(&task.extra).cloned().collect() }
        }
        TestSuite::Script { .. } => task.tests.clone(),
    };
    ExecutionRequest {
        id,
        language: task.language,
        source: source.to_owned(),
        tests: Some(tests),
        capture: false,
        limits: Limits::default(),
    }
}

fn arrange(tasks: &[Task], answers: &[Answers], records: &[ExecutionRecord]) -> Vec<TaskResult> {
    let missing = || ArmResult { samples: Vec::new(), greedy: Outcome::Infra };
    let mut results: Vec<TaskResult> = tasks
        .iter()
        .map(|task| TaskResult {
            id: task.id.clone(),
            family: task.family.clone(),
            champion: missing(),
            candidate: missing(),
        })
        .collect();
    let mut outcomes = records.iter().map(|record| record.verdict.outcome());
    for answer in answers {
        let samples = outcomes.by_ref().take(answer.samples.len()).collect();
        let arm = ArmResult { samples, greedy: outcomes.next().unwrap_or(Outcome::Infra) };
        match answer.arm {
            Arm::Champion => results[answer.task].champion = arm,
            Arm::Candidate => results[answer.task].candidate = arm,
        }
    }
    results
}

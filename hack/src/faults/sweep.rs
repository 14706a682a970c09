//! One run without faults, and one for each fault.

use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use genesis_api::GenesisModel;
use genesis_minicluster::cluster::Verb;
use genesis_minicluster::faults::FaultPlan;

use super::end::End;
use super::host::Restart;
use super::invariants;
use super::planned::Planned;
use super::scenario::Scenario;
use super::stage::{self, Stage};

/// Learnings that begin one turn.
const LEARNINGS: u64 = 500;
/// Longest run.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long an end must last: longer than the operator's own poll.
const LASTING: Duration = Duration::from_millis(400);
const PAUSE: Duration = Duration::from_millis(25);

/// A run without faults.
pub(super) struct Calm {
    pub end: End,
    pub writes: usize,
    pub events: usize,
    pub requests: usize,
    pub watches: usize,
}

/// What came of a run.
pub(super) struct Outcome {
    pub fault: String,
    pub what: String,
    pub met: bool,
    pub broken: Option<String>,
}

/// Records the scenario without faults.
pub(super) async fn calm(scenario: Scenario) -> Result<Calm> {
    let stage = Stage::begin(scenario, FaultPlan::none()).await?;
    let end = tokio::select! {
        end = turn(&stage, None) => end.with_context(|| format!("{scenario} without faults"))?,
        broken = invariants::watch(&stage) => bail!("{scenario} without faults: {broken}"),
    };
    let completion = end.completion.as_deref();
    let promised = scenario.completion().map(|completion| completion.to_string());
    ensure!(completion == promised.as_deref(), "{scenario} without faults ended as {completion:?}");
    let trace = stage.faults.trace();
    stage.end().await?;
    let watches = trace.requests.iter().filter(|request| request.seen.verb == Verb::Watch).count();
    let (writes, events, requests) = (trace.writes().count(), trace.events.len(), trace.requests.len());
    Ok(Calm { end, writes, events, requests, watches })
}

/// Runs the scenario with a fault; it must come to the same end.
pub(super) async fn disturbed(scenario: Scenario, planned: Planned, end: End) -> Outcome {
    let Planned { fault, what, plan, restart } = planned;
    let (met, broken) = match attempt(scenario, plan, restart, &end).await {
        Ok((met, broken)) => (met, broken),
        Err(error) => (true, Some(format!("{error:#}"))),
    };
    Outcome { fault, what, met, broken }
}

async fn attempt(scenario: Scenario, plan: FaultPlan, restart: Restart, end: &End) -> Result<(bool, Option<String>)> {
    let stage = Stage::with(scenario, plan, restart, stage::model).await?;
    let broken = tokio::select! {
        ended = turn(&stage, Some(end)) => ended.err().map(|error| format!("{error:#}")),
        broken = invariants::watch(&stage) => Some(broken),
    };
    let trace = stage.faults.trace();
    let met = trace.requests.iter().any(|request| request.fault.is_some())
        || trace.events.iter().any(|event| event.fault.is_some());
    stage.end().await?;
    Ok((met, broken))
}

/// Lets a turn begin, and waits until it has come to an end that lasts.
async fn turn(stage: &Stage, wanted: Option<&End>) -> Result<End> {
    let served = |model: &GenesisModel| model.status.as_ref().is_some_and(|status| status.ready_replicas == 1);
    stage.wait("coder", served).await?;
    stage.gateway.learn(LEARNINGS);
    let begun = Instant::now();
    let (mut last, mut since) = (End::default(), Instant::now());
    while begun.elapsed() < PATIENCE {
        let now = End::of(stage).await?;
        if now != last {
            (last, since) = (now, Instant::now());
        }
        let there = wanted.map_or_else(|| last.is_one(), |wanted| *wanted == last);
        if there && since.elapsed() > LASTING {
            return Ok(last);
        }
        tokio::time::sleep(PAUSE).await;
    }
    bail!("it ended otherwise:\n{last:#?}\ninstead of\n{wanted:#?}")
}

//! The steps in their order.

use std::sync::Arc;

use genesis_core::execution::{ExecutionVerdict, Outcome};
use genesis_ledger::types::generation::{Arm, Recorded};
use genesis_ledger::{Ledger, Projections};
use tokio::sync::Semaphore;

use super::answer::Answer;
use super::candidate::{self, Candidate, Samples};
use super::context::Example;
use super::gate::Gatekeeper;
use super::judge::Judge;
use super::record::Finished;
use super::request::Request;
use super::retrieve::{Draw, retrieve};
use super::settings::Settings;
use super::{GenerateError, fuse, learn, pathway};
use crate::executor::Executor;
use crate::inference::{Model, ModelError};
use crate::metrics::{Metrics, Stage};
use crate::routing::{Choice, ModelRoute, choose};

/// Everything the steps need. One value serves all requests.
#[derive(Clone)]
pub struct Pipeline {
    /// System of record.
    pub ledger: Ledger,
    /// Patterns by similarity.
    pub projections: Arc<Projections>,
    /// Validates before anything runs.
    pub gate: Arc<Gatekeeper>,
    /// Samples.
    pub model: Arc<dyn Model>,
    /// Executes.
    pub executor: Arc<dyn Executor>,
    /// Where the time goes.
    pub metrics: Arc<Metrics>,
    /// One permit for each generation at work: the others wait their turn.
    pub turns: Arc<Semaphore>,
    /// One permit for each generation at work or waiting: there is no more room than that for prompts.
    pub admitted: Arc<Semaphore>,
}

/// What the pathways gave, and from whom.
struct Sampled {
    choice: Choice,
    fell_back: bool,
    samples: Vec<Samples>,
}

impl Pipeline {
    /// Answers a request; a repeat of its key gets the first answer. `now_ms` is the time it is recorded at.
    ///
    /// The work goes on in its own task: a consumer that hangs up does not take back what was begun, and its repeat
    /// finds the answer.
    pub async fn generate(
        &self,
        route: Arc<ModelRoute>,
        request: Request,
        now_ms: i64,
    ) -> Result<Answer, GenerateError> {
        let known = self.ledger.find_recorded(&route.key.namespace, &request.key, &request.digest).await?;
        if let Some(recorded) = known {
            return told(recorded);
        }
        let Ok(admitted) = Arc::clone(&self.admitted).try_acquire_owned() else { return Err(GenerateError::Busy) };
        let pipeline = self.clone();
        tokio::spawn(async move {
            let _admitted = admitted;
            let _turn = pipeline.turns.acquire().await;
            let _in_flight = pipeline.metrics.in_flight();
            let metrics = Arc::clone(&pipeline.metrics);
            metrics.timed(Stage::Whole, pipeline.run(&route, &request, now_ms)).await
        })
        .await?
    }

    async fn run(&self, route: &ModelRoute, request: &Request, now_ms: i64) -> Result<Answer, GenerateError> {
        let settings = match request.asked.samples {
            Some(samples) => route.settings.with_samples(samples),
            None => route.settings,
        };
        let choice = choose(route, &route.key.namespace, &request.session);
        let draw = Draw::new(settings.withhold_percent, request.seed("exposure"));
        let retrieving = retrieve(&self.projections, &self.gate, &route.key.namespace, request, &settings);
        let examples = self.metrics.timed(Stage::Retrieve, retrieving).await?;
        let plans = pathway::plan(request, &settings, &examples, &draw)?;
        let sampled = self.metrics.timed(Stage::Sample, self.sample(route, choice, &settings, &plans)).await?;
        let judge = self.judge(route, request, &settings);
        let drafts = candidate::distinct(&request.start.text, sampled.samples, &[]);
        let mut candidates = judge.judge(drafts, &request.key).await;
        if let Some(reason) = refused_tests(&candidates) {
            return Err(GenerateError::Tests { reason });
        }
        if needs_third_pass(&candidates, &settings) {
            let more = self.third_pass(route, request, &settings, &examples, &sampled.choice, &candidates).await;
            candidates.extend(more);
        }
        let answered = fuse::best(&candidates);
        let learned = learn::learn(&request.start.text, &candidates, answered, &draw);
        let Sampled { choice, fell_back, .. } = sampled;
        let finished =
            Finished { request, model: &route.key, choice: &choice, fell_back, candidates, answered, learned };
        self.metrics.timed(Stage::Record, self.record(finished, now_ms)).await
    }

    /// Samples both pathways. A replica that does not have the canary (it may have restarted a moment ago) makes the
    /// stable model answer; the request then belongs to neither arm.
    async fn sample(
        &self,
        route: &ModelRoute,
        choice: Choice,
        settings: &Settings,
        plans: &[pathway::Plan],
    ) -> Result<Sampled, GenerateError> {
        let model = &*self.model;
        match pathway::sample(model, &route.key, &choice.served.name, settings, plans).await {
            Ok(samples) => Ok(Sampled { choice, fell_back: false, samples }),
            Err(ModelError::UnknownName { name }) if choice.arm == Arm::Canary => {
                tracing::warn!(name, "A replica does not have the canary; the stable model answers.");
                self.metrics.canary_fallback();
                let choice = Choice { served: route.stable.clone(), arm: Arm::Stable };
                let samples = pathway::sample(model, &route.key, &choice.served.name, settings, plans).await?;
                Ok(Sampled { choice, fell_back: true, samples })
            }
            Err(error) => Err(error.into()),
        }
    }

    fn judge<'a>(&'a self, route: &'a ModelRoute, request: &'a Request, settings: &Settings) -> Judge<'a> {
        Judge {
            gate: &self.gate,
            executor: &*self.executor,
            model: &route.key,
            language: request.asked.language,
            tests: request.asked.tests.as_ref(),
            limits: settings.limits,
            metrics: &self.metrics,
        }
    }

    /// Goes on from where the two pathways part, with the patterns in the context. That nothing comes of it costs
    /// nothing: the candidates so far still answer.
    async fn third_pass(
        &self,
        route: &ModelRoute,
        request: &Request,
        settings: &Settings,
        examples: &[Example],
        choice: &Choice,
        candidates: &[Candidate],
    ) -> Vec<Candidate> {
        let Some(given) = fuse::common_start(candidates) else { return Vec::new() };
        let Ok(plan) = pathway::plan_fusion(request, settings, examples, given) else { return Vec::new() };
        match pathway::sample(&*self.model, &route.key, &choice.served.name, settings, &[plan]).await {
            Ok(samples) => {
                let drafts = candidate::distinct(&request.start.text, samples, candidates);
                self.judge(route, request, settings).judge(drafts, &format!("{}/fusion", request.key)).await
            }
            Err(error) => {
                tracing::debug!(%error, "The third pass was left out.");
                Vec::new()
            }
        }
    }

    async fn record(&self, finished: Finished<'_>, now_ms: i64) -> Result<Answer, GenerateError> {
        let infra = finished.outcome() == Outcome::Infra;
        let response = serde_json::to_value(finished.answer()).map_err(|error| {
            GenerateError::Ledger(genesis_ledger::LedgerError::Invalid(format!(
                "the answer cannot be written: {error}"
            )))
        })?;
        let recorded = self.ledger.record_generation(finished.into_generation(response, now_ms)).await?;
        if infra { Err(GenerateError::Infra) } else { told(recorded) }
    }
}

/// What the ledger keeps, with the id it gave.
///
/// The first answer is read back from text as every repeat will be: reading a number may change its last digit, and a
/// repeat must not differ.
fn told(recorded: Recorded) -> Result<Answer, GenerateError> {
    let read = if recorded.repeated {
        serde_json::from_value(recorded.response)
    } else {
        serde_json::from_str(&recorded.response.to_string()).and_then(serde_json::from_value)
    };
    let mut answer: Answer = read.map_err(|error| {
        GenerateError::Ledger(genesis_ledger::LedgerError::Corrupt(format!("the recorded answer: {error}")))
    })?;
    answer.id = recorded.generation;
    Ok(answer)
}

/// Why the sandbox refused the tests, if it did. The gate let the program through with tighter bounds than the sandbox
/// has, so a refusal is never the program's fault.
fn refused_tests(candidates: &[Candidate]) -> Option<String> {
    let mut records = candidates.iter().filter_map(|candidate| candidate.execution.as_ref());
    records.find(|record| record.verdict == ExecutionVerdict::Rejected).map(|record| record.reason.clone())
}

/// Both pathways ran, every program was wrong, and the settings leave room for another try.
fn needs_third_pass(candidates: &[Candidate], settings: &Settings) -> bool {
    settings.fusion_samples > 0
        && fuse::best(candidates).is_some_and(|position| candidates[position].outcome == Outcome::Fail)
}

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use genesis_api::conditions::ModelReason;
use genesis_api::names::{IMPROVE_ANNOTATION, turn_name};
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use genesis_core::triggers::{self, Held, TriggerFacts, TriggerPolicy};
use genesis_core::wire::LearningSnapshot;
use jiff::Timestamp;
use kube::ResourceExt;

use super::history::History;
use super::turns::numbered;
use super::{Stage, Turn};
use crate::model::observe::{Learning, Observed};

/// What the loop does, or why it does nothing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LoopState {
    /// A turn begins.
    Start {
        /// Its number.
        revision: i64,
        /// Why, in words.
        trigger: String,
        /// Someone asked for it.
        requested: bool,
    },
    /// A turn is under way.
    AtWork(ModelReason, String),
    /// No turn begins.
    Resting(ModelReason, String),
}

/// Ordered: what holds the loop first, then the turn under way, then a request, then the triggers.
pub(super) fn decide(observed: &Observed, under_way: &[Turn<'_>], history: &History, now: Timestamp) -> LoopState {
    let spec = &observed.model.spec;
    let resting = |reason, message: &str| LoopState::Resting(reason, message.to_owned());
    if spec.suspend {
        return resting(ModelReason::Suspended, "spec.suspend holds the loop; serving goes on");
    }
    if spec.pinned_adapter.is_some() {
        return resting(ModelReason::Pinned, "spec.pinnedAdapter holds the loop");
    }
    let request = requested(observed);
    let busy = under_way.iter().rev().find_map(|turn| at_work(turn));
    // A request may begin a turn while another is rolling out: its candidate supersedes that one, if it passes.
    let in_the_way = under_way.iter().any(|turn| !matches!(turn.stage(), Stage::RollingOut(_) | Stage::Passed { .. }));
    if let Some((reason, message)) = busy
        && (in_the_way || request.is_none())
    {
        return LoopState::AtWork(reason, message);
    }
    if history.closed_now {
        return resting(ModelReason::CoolingDown, "a turn has just ended");
    }
    let learned = match &observed.learning {
        Learning::NoGateway => return resting(ModelReason::NoGateway, "the operator was started without a gateway"),
        Learning::Unreachable(why) => return resting(ModelReason::GatewayUnreachable, why),
        Learning::Known(learned) => learned,
    };
    if let Some(revision) = request {
        if learned.verified_rows == 0 {
            return resting(ModelReason::TooFewVerifiedRows, "asked to improve, but nothing is verified yet");
        }
        let trigger = format!("requested; {} new learnings", learned.new);
        return LoopState::Start { revision, trigger, requested: true };
    }
    if spec.max_consecutive_rejections > 0 && history.consecutive_rejections >= spec.max_consecutive_rejections {
        let message = format!(
            "{} turns in a row ended without a promotion; change the spec or ask to improve to go on",
            history.consecutive_rejections
        );
        return LoopState::Resting(ModelReason::RejectionLimit, message);
    }
    by_triggers(observed, history, learned, now)
}

fn by_triggers(observed: &Observed, history: &History, learned: &LearningSnapshot, now: Timestamp) -> LoopState {
    let policy = TriggerPolicy::from(&observed.model.spec.triggers);
    let created = observed.model.metadata.creation_timestamp.as_ref().map_or(now, |time| time.0);
    let facts = TriggerFacts {
        new_learnings: learned.new,
        verified_rows: learned.verified_rows,
        quality_average: learned.quality_average,
        quality_samples: learned.quality_samples,
        last_training: history.last_training_time.unwrap_or(created).as_second(),
        trained_before: history.last_training_time.is_some(),
        now: now.as_second(),
    };
    let numbers = format!(
        "{} of {} new learnings, {} verified rows, quality {:.2} over {}",
        learned.new, policy.min_new_learnings, learned.verified_rows, learned.quality_average, learned.quality_samples
    );
    match triggers::decide(&policy, &facts) {
        Ok(trigger) => LoopState::Start {
            revision: Numbers::from(observed).next(),
            trigger: format!("{trigger}: {numbers}"),
            requested: false,
        },
        Err(held) => {
            let reason = match held {
                Held::BelowThresholds => ModelReason::Idle,
                Held::CoolingDown => ModelReason::CoolingDown,
                Held::TooFewVerifiedRows => ModelReason::TooFewVerifiedRows,
            };
            LoopState::Resting(reason, numbers)
        }
    }
}

fn at_work(turn: &Turn<'_>) -> Option<(ModelReason, String)> {
    let (reason, words) = match turn.stage() {
        Stage::Training(run) => (ModelReason::Training, format!("TrainingRun {}", run.name_any())),
        Stage::Trained(_) => (ModelReason::Evaluating, "the candidate is about to be evaluated".to_owned()),
        Stage::Evaluating(evaluation) => (ModelReason::Evaluating, format!("Evaluation {}", evaluation.name_any())),
        Stage::Passed { evaluation, approved: false } => {
            (ModelReason::AwaitingApproval, format!("Evaluation {} passed and awaits approval", evaluation.name_any()))
        }
        Stage::Passed { .. } => (ModelReason::RollingOut, "the candidate is about to be rolled out".to_owned()),
        Stage::RollingOut(rollout) => (ModelReason::RollingOut, format!("Rollout {}", rollout.name_any())),
        Stage::Over => return None,
    };
    Some((reason, words))
}

/// The number that a request names, if it is the next one. A number that was given out is a request that was served.
fn requested(observed: &Observed) -> Option<i64> {
    let asked: i64 = observed.model.annotations().get(IMPROVE_ANNOTATION)?.parse().ok()?;
    let numbers = Numbers::from(observed);
    let next = numbers.next();
    (asked > numbers.newest() && asked <= next).then_some(next)
}

/// The numbers of a model's turns that are given out.
pub(crate) struct Numbers<'a> {
    /// The model.
    pub(crate) model: &'a GenesisModel,
    /// All TrainingRuns that name it.
    pub(crate) runs: &'a [TrainingRun],
    /// All Evaluations that name it.
    pub(crate) evaluations: &'a [Evaluation],
    /// All Rollouts that name it.
    pub(crate) rollouts: &'a [Rollout],
}

impl<'a> From<&'a Observed> for Numbers<'a> {
    fn from(Observed { model, runs, evaluations, rollouts, .. }: &'a Observed) -> Self {
        Self { model, runs, evaluations, rollouts }
    }
}

impl Numbers<'_> {
    /// The newest number that was given out.
    pub(crate) fn newest(&self) -> i64 {
        let uid = self.model.metadata.uid.as_deref();
        let written = self.model.status.as_ref().map_or(0, |status| status.revision);
        let runs = numbered(self.runs, uid).map(|(_, revision)| revision);
        let evaluations = numbered(self.evaluations, uid).map(|(_, revision)| revision);
        let rollouts = numbered(self.rollouts, uid).map(|(_, revision)| revision);
        runs.chain(evaluations).chain(rollouts).chain([written]).max().unwrap_or(0)
    }

    /// The next number whose name is free: a person may have used it.
    pub(crate) fn next(&self) -> i64 {
        let model = self.model.name_any();
        let runs = self.runs.iter().map(ResourceExt::name_any);
        let evaluations = self.evaluations.iter().map(ResourceExt::name_any);
        let rollouts = self.rollouts.iter().map(ResourceExt::name_any);
        let taken: BTreeSet<String> = runs.chain(evaluations).chain(rollouts).collect();
        let mut revision = self.newest() + 1;
        while taken.contains(&turn_name(&model, revision)) {
            revision += 1;
        }
        revision
    }
}

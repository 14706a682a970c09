//! What to do about a rollout. Pure.

mod advance;
mod ending;

use std::time::Duration;

use genesis_api::conditions::RolloutReason as Reason;
use genesis_api::rollout::{CompletionStatus, ReplicaProof, RolloutStatus, Weights};
use genesis_api::{GenesisModel, Rollout};
use genesis_core::{AdapterRef, Digest};
use jiff::Timestamp;

use super::describe::describe;
use super::observe::{Observed, Traffic};
use crate::plan::{Notice, Plan, shortened};
use crate::record::Record;
use crate::serving::{AdapterChange, AdapterState, Standing, load_where_missing, standing};

/// A plan for a rollout.
pub type RolloutPlan = Plan<RolloutStatus, RolloutAction>;

/// What can be done for a rollout, beside its weights.
#[derive(Clone, Debug, PartialEq)]
pub enum RolloutAction {
    /// Load the candidate.
    Adapter(AdapterChange),
    /// Take back what was learned while the candidate answered.
    Revert(Digest),
    /// Tell the ledger of the end.
    Record(Record),
}

/// Where a rollout stands, with a sentence for people.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Stand {
    /// Nothing can be done without a person.
    Stalled(Reason, String),
    /// It takes no traffic yet.
    Waiting(Reason, String),
    /// It takes traffic.
    Stepping(Reason, String),
    /// It is held.
    Paused(Reason, String),
    /// Its steps are done; the model takes the adapter over. With a sentence where that takes too long.
    Promoting(Option<String>),
    /// It gives traffic back.
    GivingBack(Reason, String),
    /// It has ended.
    Ended(CompletionStatus, String),
}

/// What the parts of a decision share.
pub(super) struct Case<'a> {
    pub(super) observed: &'a Observed,
    pub(super) rollout: &'a Rollout,
    pub(super) model: &'a GenesisModel,
    /// Served name of the candidate.
    pub(super) name: String,
    /// How it stands on the replicas.
    pub(super) standing: Standing,
    pub(super) now: Timestamp,
}

impl Case<'_> {
    /// Loads the candidate wherever it is missing.
    fn loads(&self) -> impl Iterator<Item = RolloutAction> {
        let candidate = AdapterRef::from(self.rollout.spec.candidate.clone());
        let served = &self.model.spec.served_model_name;
        load_where_missing(&self.observed.replicas, served, &candidate).into_iter().map(RolloutAction::Adapter)
    }
}

/// 1. A rollout that has ended stays as it is.
/// 2. Without its model nothing can be done.
/// 3. Once it is decided how it ends, that stays decided: the candidate is handed over, or gives its traffic back.
/// 4. Ends that a person or another object asks for come first: abort, pin, a newer Rollout, an evaluation not passed.
/// 5. Otherwise it waits its turn, proves the candidate, and goes through its steps.
/// 6. Whatever was decided, the weights never point to a candidate that is not proved on every ready replica.
pub fn decide(observed: &Observed, now: Timestamp) -> RolloutPlan {
    let rollout = &observed.rollout;
    let mut status = rollout.status.clone().unwrap_or_default();
    if status.completion_status.is_some() {
        return Plan::rest(status);
    }
    let mut actions = Vec::new();
    let stand = match &observed.model {
        None => {
            status.weights = Weights::default();
            Stand::Stalled(Reason::ModelNotFound, format!("there is no GenesisModel {}", rollout.spec.model_ref.name))
        }
        Some(model) => {
            let name = rollout.spec.candidate.served_name(&model.spec.served_model_name);
            let standing = standing(&observed.replicas, &name);
            let case = Case { observed, rollout, model, name, standing, now };
            note_names(&mut status, &case);
            note_proofs(&mut status, &case);
            let stand = stand(&case, &mut status, &mut actions);
            never_unproved(&mut status, &case);
            stand
        }
    };
    let before = rollout.status.clone().unwrap_or_default();
    let notices = notices(&before, &status, &stand);
    describe(&mut status, rollout, &stand, now);
    // One that is held without traffic can hurt nobody.
    let rests = matches!(stand, Stand::Paused(..) | Stand::Stalled(..)) && status.weights.canary == 0;
    let soon = if rests { Duration::MAX } else { Duration::from_secs(1) };
    let look_again = (!matches!(stand, Stand::Ended(..))).then(|| observed.settings.poll.min(soon));
    Plan { actions, status, notices, look_again }
}

fn stand(case: &Case<'_>, status: &mut RolloutStatus, actions: &mut Vec<RolloutAction>) -> Stand {
    if let Some((end, reason, why)) = ending::asked_for(case, status) {
        ending::decide_on(case, status, end, reason, &why);
    }
    match status.ending_as {
        Some(CompletionStatus::Promoted) => ending::hand_over(case, status, actions),
        Some(end) => ending::give_back(case, status, end, actions),
        None => advance::advance(case, status, actions),
    }
}

fn note_names(status: &mut RolloutStatus, case: &Case<'_>) {
    status.candidate_name = Some(case.name.clone());
    let stable = case.rollout.spec.stable.as_ref().map(|stable| stable.served_name(&case.model.spec.served_model_name));
    // The stable of the start: when the model has taken the candidate over, its champion is the candidate.
    status.stable_name = stable.or(status.stable_name.take()).or_else(|| Some(case.model.champion_name()));
    status.step = Some(format!("{}/{}", status.current_step_index + 1, case.rollout.spec.steps.len()));
}

fn note_proofs(status: &mut RolloutStatus, case: &Case<'_>) {
    // What was proved when it was handed over is the record; from then on the model looks after its champion.
    if status.ending_as == Some(CompletionStatus::Promoted) && ending::is_champion(case) {
        return;
    }
    let proof = |replica: &crate::serving::Replica| {
        let state = replica.state(&case.name);
        let message = match state {
            AdapterState::Proved => String::new(),
            AdapterState::Missing => "not loaded".to_owned(),
            AdapterState::Refused(why) | AdapterState::Unproved(why) | AdapterState::Disproved(why) => {
                why.chars().take(500).collect()
            }
        };
        let digest = replica.loaded.get(&case.name).cloned().flatten();
        ReplicaProof { pod: replica.pod.clone(), digest, proved: *state == AdapterState::Proved, message }
    };
    status.replicas = case.observed.replicas.iter().take(64).map(proof).collect();
    let proved = case.standing == Standing::ProvedOnAll;
    status.served_digest = proved.then(|| case.rollout.spec.candidate.digest.clone());
}

/// The last word on the weights.
fn never_unproved(status: &mut RolloutStatus, case: &Case<'_>) {
    if case.standing != Standing::ProvedOnAll && status.completion_status.is_none() {
        status.weights = Weights::of_canary(0, applied(case, 0));
    }
}

/// Whether the gateway says that it gives the candidate this share.
pub(super) fn applied(case: &Case<'_>, weight: u8) -> bool {
    let Traffic::Seen { route: Some(route), .. } = &case.observed.traffic else { return false };
    let share = if route.canary.as_ref() == Some(&case.name) { route.canary_weight } else { 0 };
    share == weight
}

fn notices(before: &RolloutStatus, after: &RolloutStatus, stand: &Stand) -> Vec<Notice> {
    let mut notices = Vec::new();
    if before.start_time.is_none() && after.start_time.is_some() {
        let name = after.candidate_name.clone().unwrap_or_default();
        notices.push(Notice::normal(
            "CanaryStarted",
            format!("{name} is proved on every replica and takes its first traffic"),
        ));
    }
    if after.current_step_index > before.current_step_index {
        let (index, weight) = (after.current_step_index, after.weights.canary);
        notices.push(Notice::normal(
            "CanaryStepCompleted",
            format!("step {index} is done; the candidate takes {weight} %"),
        ));
    }
    if let Stand::Paused(reason, why) = stand
        && before.pause_start_time.is_none()
    {
        notices.push(Notice::normal("RolloutPaused", format!("{reason}: {why}")));
    }
    if before.ending_as.is_none()
        && let Some(end) = after.ending_as
    {
        let why = shortened(&after.message);
        notices.push(match end {
            CompletionStatus::Promoted => Notice::normal("CanaryStepsCompleted", why),
            CompletionStatus::RolledBack => Notice::warning("RollingBack", why),
            CompletionStatus::Aborted => Notice::warning("Aborting", why),
            CompletionStatus::Superseded => Notice::normal("Superseding", why),
        });
    }
    if let Stand::Ended(end, why) = stand {
        notices.push(match end {
            CompletionStatus::Promoted => Notice::normal("Promoted", why.clone()),
            CompletionStatus::RolledBack => Notice::warning("RolledBack", why.clone()),
            CompletionStatus::Aborted => Notice::warning("Aborted", why.clone()),
            CompletionStatus::Superseded => Notice::normal("Superseded", why.clone()),
        });
    }
    notices
}

#[cfg(test)]
mod tests;

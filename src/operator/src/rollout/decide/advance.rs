//! The way of a rollout whose end is not decided.

use genesis_api::conditions::RolloutReason as Reason;
use genesis_api::rollout::{CompletionStatus, DesiredOutcome, RolloutStatus, Weights};
use genesis_core::canary::{self, CanaryDecision, CanaryPolicy, CanaryStep};
use genesis_core::wire::ArmStatistics;
use jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use super::ending::{decide_on, disproved, fail, hand_over, is_champion, order, overdue};
use super::{Case, RolloutAction, Stand, applied};
use crate::rollout::observe::Traffic;
use crate::serving::Standing;

/// Ordered: its turn, its evaluation, its proof, what a person wants, its step.
pub(super) fn advance(case: &Case<'_>, status: &mut RolloutStatus, actions: &mut Vec<RolloutAction>) -> Stand {
    let spec = &case.rollout.spec;
    if let Some(older) = case.observed.others.iter().find(|other| order(other) < order(case.rollout)) {
        status.weights = Weights::of_canary(0, applied(case, 0));
        return Stand::Waiting(
            Reason::WaitingForPrevious,
            format!("Rollout {} gives its traffic back first", older.name_any()),
        );
    }
    if let Some(why) = awaiting_evaluation(case) {
        status.weights = Weights::of_canary(0, applied(case, 0));
        return Stand::Waiting(Reason::WaitingForEvaluation, why);
    }
    actions.extend(case.loads());
    if let Some(why) = disproved(case) {
        return fail(case, status, Reason::ProofFailed, why, actions);
    }
    status.last_progress_time = status.last_progress_time.or(Some(case.now));
    if !spec.paused && status.ending_reason.is_none() {
        resume(status, case.now);
    }
    if let Some(held) = held_after_failure(case, status) {
        return held;
    }
    if case.standing != Standing::ProvedOnAll {
        let why =
            if let Standing::Underway(why) = &case.standing { why.clone() } else { "no replica is ready".to_owned() };
        return late(case, status, &why, actions).unwrap_or(Stand::Waiting(Reason::ProvingCandidate, why));
    }
    if is_champion(case) || spec.desired_outcome == DesiredOutcome::Promote {
        let why =
            if is_champion(case) { "the candidate is the champion already" } else { "spec.desiredOutcome is Promote" };
        decide_on(case, status, CompletionStatus::Promoted, Reason::RequestedPromotion, why);
        status.start_time = status.start_time.or(Some(case.now));
        return hand_over(case, status, actions);
    }
    if spec.paused {
        status.pause_start_time = status.pause_start_time.or(Some(case.now));
        let present = usize::try_from(status.current_step_index).ok().and_then(|index| spec.steps.get(index));
        let weight = present.filter(|_| status.start_time.is_some()).map_or(0, |step| CanaryStep::from(step).weight);
        status.weights = Weights::of_canary(weight, applied(case, weight));
        return Stand::Paused(Reason::ManualPause, "spec.paused holds it at its present weight".to_owned());
    }
    if case.observed.traffic == Traffic::NoGateway {
        status.weights = Weights::default();
        return Stand::Stalled(
            Reason::NoGateway,
            "the operator was started without a gateway: nobody can shift traffic".to_owned(),
        );
    }
    step(case, status, actions)
}

/// One look at the present step.
fn step(case: &Case<'_>, status: &mut RolloutStatus, actions: &mut Vec<RolloutAction>) -> Stand {
    let steps: Vec<CanaryStep> = case.rollout.spec.steps.iter().map(CanaryStep::from).collect();
    let index = usize::try_from(status.current_step_index).unwrap_or(0).min(steps.len().saturating_sub(1));
    let weight = steps.get(index).map_or(0, |step| step.weight);
    let verified = applied(case, weight);
    status.weights = Weights::of_canary(weight, verified);
    status.start_time = status.start_time.or(Some(case.now));
    let Traffic::Seen { since_start, since_step, .. } = &case.observed.traffic else {
        let why = if let Traffic::Unreachable(why) = &case.observed.traffic { why.clone() } else { String::new() };
        return late(case, status, &why, actions).unwrap_or(Stand::Stepping(Reason::GatewayUnreachable, why));
    };
    let stable_name = status.stable_name.clone().unwrap_or_default();
    let (stable, candidate) = (arm(since_start, &stable_name), arm(since_start, &case.name));
    // The step's clock begins when the gateway has taken its weight over.
    if verified && status.step_start_time.is_none() {
        status.step_start_time = Some(case.now);
    }
    let seconds = status.step_start_time.map_or(-1, |start| case.now.as_second() - start.as_second());
    let in_step = status.step_start_time.map_or(0, |_| arm(since_step, &case.name).verified);
    let policy = CanaryPolicy::from(&case.rollout.spec.analysis);
    match canary::decide(&policy, &steps, index, seconds, in_step, &stable, &candidate) {
        CanaryDecision::RollBack(why) => fail(case, status, Reason::Harm, why, actions),
        _ if !verified => {
            let why = format!("the gateway has not taken over {weight} % for {}", case.name);
            late(case, status, &why, actions).unwrap_or(Stand::Stepping(Reason::WaitingForRoutes, why))
        }
        CanaryDecision::Wait(why) => {
            late(case, status, &why, actions).unwrap_or(Stand::Stepping(Reason::CanaryStepRunning, why))
        }
        CanaryDecision::Advance(next) => {
            status.current_step_index = i32::try_from(next).unwrap_or(i32::MAX);
            status.step = Some(format!("{}/{}", next + 1, steps.len()));
            status.step_start_time = None;
            status.last_progress_time = Some(case.now);
            let weight = steps.get(next).map_or(weight, |step| step.weight);
            status.weights = Weights::of_canary(weight, applied(case, weight));
            Stand::Stepping(Reason::CanaryStepRunning, format!("step {} begins", next + 1))
        }
        CanaryDecision::Promote => {
            let why = format!("all {} steps are done with {} verified answers", steps.len(), candidate.verified);
            decide_on(case, status, CompletionStatus::Promoted, Reason::StepsCompleted, &why);
            hand_over(case, status, actions)
        }
    }
}

/// The failure that comes of not getting on for too long. Time that it is held does not count.
fn late(case: &Case<'_>, status: &mut RolloutStatus, why: &str, actions: &mut Vec<RolloutAction>) -> Option<Stand> {
    let waited = overdue(case, status).filter(|_| !case.rollout.spec.paused)?;
    let message = format!("no progress for {waited} s: {why}");
    Some(fail(case, status, Reason::ProgressDeadlineExceeded, message, actions))
}

/// A failure with `onFailure: Pause` holds it until a person decides.
fn held_after_failure(case: &Case<'_>, status: &mut RolloutStatus) -> Option<Stand> {
    let reason = status.ending_reason.clone()?;
    if case.rollout.spec.desired_outcome == DesiredOutcome::Promote {
        status.ending_reason = None;
        return None;
    }
    status.weights = Weights::of_canary(0, applied(case, 0));
    let why = format!("{reason}: it takes no traffic until spec.desiredOutcome says Promote or Abort");
    Some(Stand::Paused(Reason::AnalysisFailed, why))
}

/// Time that it was held does not count.
fn resume(status: &mut RolloutStatus, now: Timestamp) {
    let Some(since) = status.pause_start_time.take() else { return };
    let held = SignedDuration::from_millis(now.as_millisecond() - since.as_millisecond());
    let later = |time: Timestamp| time.checked_add(held).unwrap_or(now).min(now);
    status.last_progress_time = status.last_progress_time.map(later);
    status.step_start_time = status.step_start_time.map(later);
}

fn awaiting_evaluation(case: &Case<'_>) -> Option<String> {
    let name = &case.rollout.spec.evaluation_ref.as_ref()?.name;
    match &case.observed.evaluation {
        None => Some(format!("there is no Evaluation {name}")),
        Some(evaluation) if !evaluation.is_finished() => Some(format!("Evaluation {name} has no verdict yet")),
        Some(_) => None,
    }
}

fn arm(arms: &[ArmStatistics], name: &str) -> ArmStatistics {
    let found = arms.iter().find(|arm| arm.served_name == name).cloned();
    found.unwrap_or_else(|| ArmStatistics { served_name: name.to_owned(), ..ArmStatistics::default() })
}

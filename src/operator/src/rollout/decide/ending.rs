//! How a rollout ends, and how it gets there.

use genesis_api::Rollout;
use genesis_api::conditions::RolloutReason as Reason;
use genesis_api::evaluation::EvaluationPhase;
use genesis_api::names::REVISION_LABEL;
use genesis_api::rollout::{CompletionStatus, DesiredOutcome, RolloutStatus, Weights};
use genesis_core::promotion::Verdict;
use kube::ResourceExt;

use super::{Case, RolloutAction, Stand, applied};
use crate::plan::shortened;
use crate::record;
use crate::rollout::observe::Traffic;
use crate::serving::Standing;

/// An end that a person or another object asks for. The first one that holds, in this order.
///
/// Once the steps are done the model may have taken the candidate over already; only a pin, which the model itself
/// heeds, can stop it from then on.
pub(super) fn asked_for(case: &Case<'_>, status: &RolloutStatus) -> Option<(CompletionStatus, Reason, String)> {
    let spec = &case.rollout.spec;
    let pinned_elsewhere =
        case.model.spec.pinned_adapter.as_ref().is_some_and(|pinned| pinned.digest != spec.candidate.digest);
    if pinned_elsewhere && !is_champion(case) && status.ending_as.is_none_or(|end| end == CompletionStatus::Promoted) {
        return Some((CompletionStatus::Aborted, Reason::Pinned, "the model pins another adapter".to_owned()));
    }
    if status.ending_as.is_some() {
        return None;
    }
    if spec.desired_outcome == DesiredOutcome::Abort {
        return Some((CompletionStatus::Aborted, Reason::RequestedAbort, "spec.desiredOutcome is Abort".to_owned()));
    }
    if let Some(newer) = case.observed.others.iter().find(|other| order(other) > order(case.rollout)) {
        let why = format!("Rollout {} is newer", newer.name_any());
        return Some((CompletionStatus::Superseded, Reason::Superseded, why));
    }
    not_passed(case).map(|why| (CompletionStatus::Aborted, Reason::EvaluationNotPassed, why))
}

/// Which of two rollouts is newer. Creation times have seconds only; within one the loop's own number decides.
pub(super) fn order(rollout: &Rollout) -> (i64, i64, String) {
    let created = rollout.creation_timestamp().map_or(0, |time| time.0.as_second());
    let revision = rollout.labels().get(REVISION_LABEL).and_then(|text| text.parse().ok()).unwrap_or(0);
    (created, revision, rollout.name_any())
}

/// Why the Evaluation that it names forbids it, once that Evaluation has ended.
fn not_passed(case: &Case<'_>) -> Option<String> {
    let evaluation = case.observed.evaluation.as_ref()?;
    if evaluation.spec.candidate.digest != case.rollout.spec.candidate.digest {
        return Some(format!("Evaluation {} was of another adapter", evaluation.name_any()));
    }
    let status = evaluation.status.as_ref().filter(|status| status.phase.is_finished())?;
    let passed = status.phase == EvaluationPhase::Complete && status.verdict == Some(Verdict::Pass);
    (!passed).then(|| format!("Evaluation {} did not pass: {}", evaluation.name_any(), status.message))
}

/// Writes down how it is going to end. From here on it does not change its mind.
pub(super) fn decide_on(case: &Case<'_>, status: &mut RolloutStatus, end: CompletionStatus, reason: Reason, why: &str) {
    status.last_progress_time = Some(case.now);
    status.ending_as = Some(end);
    status.ending_reason = Some(<&str>::from(reason).to_owned());
    status.message = shortened(why);
    status.pause_start_time = None;
}

/// All traffic stays with the candidate until the model has taken it over: then the gateway's stable is the candidate,
/// and the end of the rollout moves no request.
///
/// Until then nobody else looks after the candidate: pods that restart or are added are given it here. It cannot turn
/// back any more, because the model may be taking it over at this moment; when that takes too long, people are told.
pub(super) fn hand_over(case: &Case<'_>, status: &mut RolloutStatus, actions: &mut Vec<RolloutAction>) -> Stand {
    status.weights = Weights::of_canary(100, applied(case, 100));
    if !is_champion(case) {
        actions.extend(case.loads());
        return Stand::Promoting(overdue(case, status).map(|waited| {
            let why = match &case.standing {
                Standing::ProvedOnAll => "the model has not taken it over".to_owned(),
                Standing::NoReplica => "no replica is ready".to_owned(),
                Standing::Underway(why) | Standing::Disproved(why) => why.clone(),
            };
            format!("it has earned all traffic, but for {waited} s: {why}")
        }));
    }
    finish(case, status, CompletionStatus::Promoted, actions);
    Stand::Ended(CompletionStatus::Promoted, format!("{} is the model's current adapter", case.name))
}

/// Seconds since it last got on, where they are more than it is given.
pub(super) fn overdue(case: &Case<'_>, status: &RolloutStatus) -> Option<i64> {
    let waited = case.now.as_second() - status.last_progress_time?.as_second();
    (waited > case.rollout.spec.progress_deadline_seconds).then_some(waited)
}

/// First all traffic goes back to the stable and the gateway says so; then what was learned from a candidate that hurt
/// is taken back; then it ends. Nothing is unloaded before: the model does that a while after the end.
pub(super) fn give_back(
    case: &Case<'_>,
    status: &mut RolloutStatus,
    end: CompletionStatus,
    actions: &mut Vec<RolloutAction>,
) -> Stand {
    let took_traffic = status.start_time.is_some();
    let reason = ending_reason(status);
    let why = status.message.clone();
    status.weights = Weights::of_canary(0, applied(case, 0));
    // Without a gateway there is nobody who could still send something.
    let moved = status.weights.verified || !took_traffic || case.observed.traffic == Traffic::NoGateway;
    if !moved {
        return Stand::GivingBack(reason, why);
    }
    // Being slow teaches nothing wrong: what was learned is taken back only from a candidate that hurt, or was another.
    if end == CompletionStatus::RolledBack && took_traffic && matches!(reason, Reason::Harm | Reason::ProofFailed) {
        actions.push(RolloutAction::Revert(case.rollout.spec.candidate.digest.clone()));
    }
    finish(case, status, end, actions);
    Stand::Ended(end, why)
}

fn finish(case: &Case<'_>, status: &mut RolloutStatus, end: CompletionStatus, actions: &mut Vec<RolloutAction>) {
    actions.extend(record::of_rollout(case.rollout, case.model, end).map(RolloutAction::Record));
    status.completion_status = Some(end);
    status.completion_time = Some(case.now);
}

/// Whether the model's current adapter is the candidate.
pub(super) fn is_champion(case: &Case<'_>) -> bool {
    let current = case.model.status.as_ref().and_then(|status| status.current_adapter.as_ref());
    current.is_some_and(|current| current.adapter.digest == case.rollout.spec.candidate.digest)
}

/// The reason that was written down when the end was decided.
fn ending_reason(status: &RolloutStatus) -> Reason {
    let known = [
        Reason::RequestedAbort,
        Reason::Pinned,
        Reason::Superseded,
        Reason::EvaluationNotPassed,
        Reason::Harm,
        Reason::ProgressDeadlineExceeded,
        Reason::ProofFailed,
    ];
    let written = status.ending_reason.as_deref();
    known.into_iter().find(|reason| written == Some(<&str>::from(*reason))).unwrap_or(Reason::RollingBack)
}

/// What happens when a candidate hurts, cannot be proved, or does not get on.
pub(super) fn fail(
    case: &Case<'_>,
    status: &mut RolloutStatus,
    reason: Reason,
    why: String,
    actions: &mut Vec<RolloutAction>,
) -> Stand {
    use genesis_api::genesis_model::OnFailure;
    match case.rollout.spec.on_failure {
        OnFailure::Rollback => {
            decide_on(case, status, CompletionStatus::RolledBack, reason, &why);
            give_back(case, status, CompletionStatus::RolledBack, actions)
        }
        OnFailure::Pause => {
            status.ending_reason = Some(<&str>::from(reason).to_owned());
            status.weights = Weights::of_canary(0, applied(case, 0));
            status.pause_start_time = status.pause_start_time.or(Some(case.now));
            Stand::Paused(Reason::AnalysisFailed, why)
        }
    }
}

/// What is wrong with the proof, if something is.
pub(super) fn disproved(case: &Case<'_>) -> Option<String> {
    match &case.standing {
        Standing::Disproved(why) => Some(why.clone()),
        Standing::NoReplica | Standing::ProvedOnAll | Standing::Underway(_) => None,
    }
}

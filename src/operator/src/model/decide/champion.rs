use genesis_api::genesis_model::CurrentAdapter;
use genesis_api::rollout::CompletionStatus;
use genesis_api::{AdapterReference, Decimal, Rollout};
use jiff::Timestamp;
use kube::ResourceExt;

use crate::model::children::revision_of;
use crate::model::observe::Observed;
use crate::plan::Notice;
use crate::serving::{Standing, standing};

/// Who answers what no canary takes. There is one, or none: then the base answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Champion {
    /// The champion.
    pub(crate) current: Option<CurrentAdapter>,
    /// The one before it.
    pub(crate) previous: Option<CurrentAdapter>,
    /// What people should hear of.
    pub(crate) notices: Vec<Notice>,
}

impl Champion {
    /// The champion's adapter.
    pub(crate) fn reference(&self) -> Option<&AdapterReference> {
        self.current.as_ref().map(|current| &current.adapter)
    }

    /// Whether this adapter is the champion.
    pub(crate) fn is(&self, adapter: &AdapterReference) -> bool {
        self.reference().is_some_and(|current| current.digest == adapter.digest)
    }

    fn succeeded_by(self, next: CurrentAdapter, notice: Notice) -> Self {
        Self { current: Some(next), previous: self.current, notices: vec![notice] }
    }
}

/// A pinned adapter is champion as soon as every ready replica has proved it. Without one, a Rollout whose candidate
/// has earned all traffic hands it over; it ends only after that, so traffic never falls back in between.
pub(crate) fn decide(observed: &Observed, now: Timestamp) -> Champion {
    let status = observed.model.status.as_ref();
    let before = Champion {
        current: status.and_then(|status| status.current_adapter.clone()),
        previous: status.and_then(|status| status.previous_adapter.clone()),
        notices: Vec::new(),
    };
    if let Some(pinned) = &observed.model.spec.pinned_adapter {
        return pin(observed, before, pinned, now);
    }
    let Some(winner) = observed.rollouts.iter().find(|rollout| hands_over(rollout)) else { return before };
    if before.is(&winner.spec.candidate) {
        return before;
    }
    let next = promoted(observed, winner, now);
    let notice =
        Notice::normal("CandidatePromoted", format!("{} takes all traffic; {}", next.name, score_in_words(&next)));
    before.succeeded_by(next, notice)
}

fn pin(observed: &Observed, before: Champion, pinned: &AdapterReference, now: Timestamp) -> Champion {
    let name = pinned.served_name(&observed.model.spec.served_model_name);
    if before.is(pinned) || standing(&observed.replicas, &name) != Standing::ProvedOnAll {
        return before;
    }
    let notice =
        Notice::normal("AdapterPinned", format!("{name} takes all traffic because spec.pinnedAdapter names it"));
    let next = CurrentAdapter {
        name,
        adapter: pinned.clone(),
        revision: 0,
        promoted_time: Some(now),
        rollout_name: None,
        score: None,
    };
    before.succeeded_by(next, notice)
}

/// Whether a Rollout's candidate has earned all traffic, proved on every replica, and waits to be taken over.
fn hands_over(rollout: &Rollout) -> bool {
    let status = rollout.status.as_ref();
    status.is_some_and(|status| {
        status.completion_status.is_none()
            && status.ending_as == Some(CompletionStatus::Promoted)
            && status.served_digest.as_ref() == Some(&rollout.spec.candidate.digest)
    })
}

fn promoted(observed: &Observed, rollout: &Rollout, now: Timestamp) -> CurrentAdapter {
    CurrentAdapter {
        name: rollout.spec.candidate.served_name(&observed.model.spec.served_model_name),
        adapter: rollout.spec.candidate.clone(),
        revision: revision_of(rollout).unwrap_or(0),
        promoted_time: Some(now),
        rollout_name: Some(rollout.name_any()),
        score: score(observed, rollout),
    }
}

/// The candidate's pass@1 in the deciding suite of its Evaluation.
fn score(observed: &Observed, rollout: &Rollout) -> Option<Decimal> {
    let name = &rollout.spec.evaluation_ref.as_ref()?.name;
    let evaluation = observed.evaluations.iter().find(|evaluation| evaluation.name_any() == *name)?;
    Some(evaluation.status.as_ref()?.results.first()?.candidate.clone())
}

fn score_in_words(adapter: &CurrentAdapter) -> String {
    adapter
        .score
        .as_ref()
        .map_or_else(|| "it was not evaluated".to_owned(), |score| format!("pass@1 {}", score.as_str()))
}

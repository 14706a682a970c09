use std::collections::BTreeSet;

use genesis_api::genesis_model::{HistoryEntry, TurnOutcome};
use jiff::Timestamp;
use kube::ResourceExt;

use super::turns::numbered;
use super::{Champion, Child, ModelAction, Turn};
use crate::model::observe::Observed;
use crate::plan::{Notice, shortened};

/// The ended turns, and what follows from those that ended just now.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct History {
    /// The newest first.
    pub(crate) entries: Vec<HistoryEntry>,
    /// Turns in a row without a promotion.
    pub(crate) consecutive_rejections: i32,
    /// Generation at which that began to count.
    pub(crate) rejections_generation: Option<i64>,
    /// End of the last turn.
    pub(crate) last_training_time: Option<Timestamp>,
    /// A turn ended just now. A new one waits until that is written down.
    pub(crate) closed_now: bool,
    /// What people should hear of.
    pub(crate) notices: Vec<Notice>,
}

/// Enters the turns that are over.
pub(super) fn close(observed: &Observed, champion: &Champion, over: &[Turn<'_>], now: Timestamp) -> History {
    let model = &observed.model;
    let status = model.status.clone().unwrap_or_default();
    // A change of the spec is a person's answer to rejections: they count anew.
    let same = status.rejections_generation == model.metadata.generation;
    let mut history = History {
        entries: status.history,
        consecutive_rejections: if same { status.consecutive_rejections } else { 0 },
        rejections_generation: model.metadata.generation,
        last_training_time: status.last_training_time,
        ..History::default()
    };
    for turn in over {
        let Some(ending) = turn.ending(champion) else { continue };
        history.consecutive_rejections = match ending.outcome {
            TurnOutcome::Promoted => 0,
            TurnOutcome::Withdrawn => history.consecutive_rejections,
            TurnOutcome::Rejected | TurnOutcome::RolledBack | TurnOutcome::Failed => history.consecutive_rejections + 1,
        };
        history.last_training_time = Some(now);
        history.closed_now = true;
        history.notices.push(notice(turn.revision, ending.outcome, &ending.message));
        let entry = HistoryEntry {
            revision: turn.revision,
            outcome: ending.outcome,
            time: Some(now),
            adapter: ending.adapter,
            message: shortened(&ending.message),
        };
        history.entries.insert(0, entry);
    }
    history.entries.sort_by_key(|entry| std::cmp::Reverse(entry.revision));
    trim(observed, &mut history.entries);
    history
}

/// Keeps the newest entries, and older ones only as long as their objects are there: a turn whose entry is gone
/// while its objects are not would begin again.
fn trim(observed: &Observed, entries: &mut Vec<HistoryEntry>) {
    let limit = observed.model.spec.revision_history_limit.max(1).unsigned_abs() as usize;
    let alive = revisions_alive(observed);
    let mut place = 0;
    entries.retain(|entry| {
        place += 1;
        place <= limit || alive.contains(&entry.revision)
    });
}

fn revisions_alive(observed: &Observed) -> BTreeSet<i64> {
    let uid = observed.model.metadata.uid.as_deref();
    let runs = numbered(&observed.runs, uid).map(|(_, revision)| revision);
    let evaluations = numbered(&observed.evaluations, uid).map(|(_, revision)| revision);
    let rollouts = numbered(&observed.rollouts, uid).map(|(_, revision)| revision);
    runs.chain(evaluations).chain(rollouts).collect()
}

/// Deletes the children of ended turns beyond the limits. What a person created is never touched.
pub(super) fn expired(observed: &Observed, history: &History) -> Vec<ModelAction> {
    let spec = &observed.model.spec;
    let (mut promoted, mut others) = (spec.successful_runs_history_limit, spec.failed_runs_history_limit);
    let mut kept = BTreeSet::new();
    for entry in &history.entries {
        let left = if entry.outcome == TurnOutcome::Promoted { &mut promoted } else { &mut others };
        if *left > 0 {
            *left -= 1;
            kept.insert(entry.revision);
        }
    }
    // An ending that is not written down yet must be found again after a crash, with its objects.
    let written = observed.model.status.as_ref().map(|status| status.history.as_slice()).unwrap_or_default();
    let gone: BTreeSet<i64> =
        written.iter().map(|entry| entry.revision).filter(|revision| !kept.contains(revision)).collect();
    let uid = observed.model.metadata.uid.as_deref();
    let delete = |child| move |name| ModelAction::Delete { child, name };
    let rollouts = named(numbered(&observed.rollouts, uid), &gone).map(delete(Child::Rollout));
    let evaluations = named(numbered(&observed.evaluations, uid), &gone).map(delete(Child::Evaluation));
    let runs = named(numbered(&observed.runs, uid), &gone).map(delete(Child::TrainingRun));
    rollouts.chain(evaluations).chain(runs).collect()
}

fn named<'a, K: ResourceExt + 'a>(
    children: impl Iterator<Item = (&'a K, i64)>,
    gone: &BTreeSet<i64>,
) -> impl Iterator<Item = String> {
    children.filter(|(_, revision)| gone.contains(revision)).map(|(child, _)| child.name_any())
}

fn notice(revision: i64, outcome: TurnOutcome, message: &str) -> Notice {
    let text = format!("turn {revision}: {message}");
    match outcome {
        TurnOutcome::Promoted => Notice::normal("TurnPromoted", text),
        TurnOutcome::Rejected => Notice::normal("CandidateRejected", text),
        TurnOutcome::Withdrawn => Notice::normal("CandidateWithdrawn", text),
        TurnOutcome::RolledBack => Notice::warning("CandidateRolledBack", text),
        TurnOutcome::Failed => Notice::warning("TurnFailed", text),
    }
}

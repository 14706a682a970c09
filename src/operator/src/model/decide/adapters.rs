use std::collections::BTreeSet;

use genesis_api::AdapterReference;
use genesis_core::AdapterRef;
use jiff::Timestamp;

use super::{Champion, Turn};
use crate::model::observe::Observed;
use crate::serving::{AdapterChange, load_where_missing};

/// Seconds for which an adapter stays loaded after its Evaluation or Rollout has ended: what it was asked is answered.
const LINGER_SECONDS: i64 = 30;

/// Loads what every replica must have, and unloads what nobody needs any more.
///
/// Evaluations and Rollouts load their candidates themselves; here it is only seen to that these stay, and go when they
/// are done. What a person loaded by hand is left alone.
pub(super) fn changes(
    observed: &Observed,
    champion: &Champion,
    under_way: &[Turn<'_>],
    now: Timestamp,
) -> Vec<AdapterChange> {
    let served = &observed.model.spec.served_model_name;
    let wanted: Vec<&AdapterReference> =
        observed.model.spec.pinned_adapter.iter().chain(champion.reference()).collect();
    let mut keep: BTreeSet<String> = wanted.iter().map(|adapter| adapter.served_name(served)).collect();
    keep.extend(champion.previous.iter().map(|previous| previous.name.clone()));
    keep.extend(under_way.iter().filter_map(Turn::candidate).map(|adapter| adapter.served_name(served)));
    keep.extend(in_use(observed, now).iter().map(|adapter| adapter.served_name(served)));

    let ours: BTreeSet<String> = known(observed).iter().map(|adapter| adapter.served_name(served)).collect();
    let unload = observed.replicas.iter().flat_map(|replica| {
        let unneeded = replica.loaded.keys().filter(|name| ours.contains(*name) && !keep.contains(*name));
        unneeded.map(|name| AdapterChange::Unload { address: replica.address.clone(), name: name.clone() })
    });
    let mut changes: Vec<AdapterChange> = unload.collect();
    let mut seen = BTreeSet::new();
    for adapter in wanted {
        if seen.insert(adapter.digest.clone()) {
            changes.extend(load_where_missing(&observed.replicas, served, &AdapterRef::from(adapter.clone())));
        }
    }
    changes
}

/// Adapters of Evaluations and Rollouts that are at work, or were a moment ago; a person's own among them.
fn in_use(observed: &Observed, now: Timestamp) -> Vec<AdapterReference> {
    let fresh = |time: Option<Timestamp>| time.is_some_and(|time| now.as_second() - time.as_second() < LINGER_SECONDS);
    let evaluations = observed.evaluations.iter().filter(|evaluation| {
        !evaluation.is_finished() || fresh(evaluation.status.as_ref().and_then(|status| status.completion_time))
    });
    let rollouts = observed.rollouts.iter().filter(|rollout| {
        !rollout.is_finished() || fresh(rollout.status.as_ref().and_then(|status| status.completion_time))
    });
    let judged = evaluations.flat_map(|evaluation| evaluation.spec.baseline.iter().chain([&evaluation.spec.candidate]));
    let rolled = rollouts.flat_map(|rollout| rollout.spec.stable.iter().chain([&rollout.spec.candidate]));
    judged.chain(rolled).cloned().collect()
}

/// Adapters that Genesis has loaded at some time: of ended turns, and of every Evaluation and Rollout.
fn known(observed: &Observed) -> Vec<AdapterReference> {
    let status = observed.model.status.as_ref();
    let history = status.map(|status| status.history.as_slice()).unwrap_or_default();
    let ended = history.iter().filter_map(|entry| entry.adapter.as_ref());
    let judged =
        observed.evaluations.iter().flat_map(|found| found.spec.baseline.iter().chain([&found.spec.candidate]));
    let rolled = observed.rollouts.iter().flat_map(|found| found.spec.stable.iter().chain([&found.spec.candidate]));
    ended.chain(judged).chain(rolled).cloned().collect()
}

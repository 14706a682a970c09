//! How many pods there are to be.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use super::{Case, Phase, Pod, PodKey, PoolAction};
use crate::warm_pool::{place_name, place_of};

/// Pods asked for in one look at most: a failure is seen before many have failed.
const BURST: usize = 8;
/// Seconds before the next pod after one that failed; doubled for each further one.
const FIRST_BACKOFF_SECONDS: i64 = 2;
/// Longest of these pauses.
const LONGEST_BACKOFF_SECONDS: i64 = 300;

pub(super) struct Refill {
    pub(super) actions: Vec<PoolAction>,
    pub(super) failed: usize,
    pub(super) waiting: Option<String>,
    pub(super) look_again: Option<Duration>,
}

/// Deletes what is too many, and creates what is missing.
pub(super) fn refill(case: &Case<'_>, taken: &BTreeSet<PodKey>, unmet: usize) -> Refill {
    let pool = &case.observed.pool;
    let failures = failures(case);
    let mut actions: Vec<PoolAction> = outdated(case, taken, &failures).map(delete).collect();
    let target = pool.size.max(unmet);
    let mut waiting: Vec<&Pod> = case.idle().filter(|pod| !taken.contains(&pod.key)).collect();
    let there = waiting.len() + case.expected.pending();
    if there > target {
        // Those that are not ready go first, then those in the last places.
        waiting.sort_by_key(|pod| (pod.phase == Phase::Ready, Reverse(place_of(&pool.tenant.model, &pod.key.name))));
        actions.extend(waiting.into_iter().take(there - target).map(delete));
    }
    // Pods in doubt are counted already: asking again only tells what became of them.
    let doubtful = case.expected.in_doubt().filter_map(|name| place_of(&pool.tenant.model, name));
    actions.extend(doubtful.map(|place| create(case, place)));
    let missing = target.saturating_sub(there);
    let (held_up, look_again) = held_up(case, &failures);
    let waits = held_up.filter(|_| missing > 0);
    if waits.is_none() {
        let places = free_places(case, failures.len()).take(missing.min(room(case)).min(BURST));
        actions.extend(places.map(|place| create(case, place)));
    }
    let look_again = look_again.filter(|_| waits.is_some());
    Refill { actions, failed: failures.len(), waiting: waits, look_again }
}

/// Most pods that there may be: those that wait, and those that claims want.
fn limit(case: &Case<'_>) -> usize {
    case.observed.pool.size + case.open.iter().map(|claim| claim.wanted).sum::<usize>()
}

/// Pods that there may be still. One that is being terminated, or is not shown yet, takes room like any other.
fn room(case: &Case<'_>) -> usize {
    let there = case.pods().filter(|pod| !matches!(pod.phase, Phase::Over(_))).count();
    limit(case).saturating_sub(there + case.expected.pending())
}

/// Places that nobody has, the first ones first. There are as many as there may be pods, and one for each failed one:
/// however often and by whom a place is filled, there are no more pods than places.
fn free_places(case: &Case<'_>, failed: usize) -> impl Iterator<Item = usize> {
    let names: BTreeSet<&str> = case.observed.pods.iter().map(|pod| pod.key.name.as_str()).collect();
    let model = &case.observed.pool.tenant.model;
    (0..limit(case) + failed).filter(move |place| {
        let name = place_name(model, *place);
        !names.contains(name.as_str()) && !case.expected.awaits(&name)
    })
}

/// Pods of the template of now that are over, and newer than any that became ready: failures in a row. They stay, so
/// that they are counted again after a restart, and a person can look at them.
fn failures<'a>(case: &Case<'a>) -> Vec<&'a Pod> {
    let of_now = |pod: &&Pod| pod.template == case.observed.pool.template && !pod.deleted;
    let success = case.pods().filter(of_now).filter(|pod| pod.phase == Phase::Ready).map(|pod| pod.created).max();
    let over = case.pooled().filter(of_now).filter(|pod| matches!(pod.phase, Phase::Over(_)));
    over.filter(|pod| success.is_none_or(|success| pod.created > success)).collect()
}

/// The pool's own pods that nobody waits for any more.
fn outdated<'a>(case: &Case<'a>, taken: &BTreeSet<PodKey>, failures: &[&Pod]) -> impl Iterator<Item = &'a Pod> {
    case.pooled().filter(move |pod| {
        let over = matches!(pod.phase, Phase::Over(_));
        let counted = failures.iter().any(|failed| failed.key == pod.key);
        let old = pod.template != case.observed.pool.template;
        let leaves = pod.deleted || case.expected.is_leaving(&pod.key.uid);
        !leaves && ((over && !counted) || (old && !taken.contains(&pod.key)))
    })
}

/// Why nothing may be created now, and when to look again.
fn held_up(case: &Case<'_>, failures: &[&Pod]) -> (Option<String>, Option<Duration>) {
    let times = failures.iter().filter_map(|pod| if let Phase::Over(at) = pod.phase { Some(at) } else { None });
    let Some(last) = times.max() else { return (None, None) };
    let failed = failures.len();
    if failed >= case.observed.pool.failure_cap {
        let why = format!(
            "{failed} pods failed one after the other: change the template, or delete one of them to try again"
        );
        return (Some(why), None);
    }
    let doublings = u32::try_from(failed - 1).unwrap_or(u32::MAX).min(16);
    let pause = FIRST_BACKOFF_SECONDS.saturating_mul(1 << doublings).min(LONGEST_BACKOFF_SECONDS);
    let left = last.as_second() + pause - case.now.as_second();
    let left = u64::try_from(left).ok().filter(|left| *left > 0);
    (left.map(|left| format!("{failed} pods failed; the next one is made in {left} s")), left.map(Duration::from_secs))
}

fn create(case: &Case<'_>, place: usize) -> PoolAction {
    PoolAction::Create { place, name: place_name(&case.observed.pool.tenant.model, place) }
}

fn delete(pod: &Pod) -> PoolAction {
    PoolAction::Delete { pod: pod.key.clone(), version: pod.version }
}

//! Which pod goes to which claim, and what becomes of it afterwards.

use std::collections::BTreeSet;

use super::{Case, Claim, Owner, Phase, Pod, PodKey, PoolAction};

/// What was assigned in this look.
pub(super) struct Assigned {
    pub(super) actions: Vec<PoolAction>,
    /// Pods that are some claim's now, or will be.
    pub(super) taken: BTreeSet<PodKey>,
    /// Pods that claims still wait for.
    pub(super) unmet: usize,
}

/// How a pod that a claim's status names stands.
enum Link<'a> {
    /// The claim owns it, or will.
    Holds,
    /// The pool still owns it: the second write is due.
    Due(&'a Pod),
    /// It cannot become the claim's any more.
    Lost,
    /// It is not shown, or another one of its name is. Either it is gone, or the view is older than the pod: then the
    /// one that is shown was there before it.
    Unseen,
}

fn link<'a>(case: &Case<'a>, claim: &Claim, key: &PodKey) -> Link<'a> {
    let Some(pod) = case.observed.pods.iter().find(|pod| pod.key == *key) else { return Link::Unseen };
    if !case.lives(pod) {
        return Link::Lost;
    }
    match &pod.owner {
        Owner::Claim(uid) if *uid == claim.key.uid => Link::Holds,
        Owner::Pool(uid) if *uid == case.observed.pool.uid && pod.tenant == claim.tenant => Link::Due(pod),
        Owner::Claim(_) | Owner::Pool(_) | Owner::Stranger => Link::Lost,
    }
}

/// The second write of every assignment that lacks it.
pub(super) fn completions(case: &Case<'_>) -> Vec<PoolAction> {
    let mut actions = Vec::new();
    for claim in &case.open {
        for key in &claim.assigned {
            if let Link::Due(pod) = link(case, claim, key) {
                let claim = claim.key.uid.clone();
                actions.push(PoolAction::Adopt { pod: pod.key.clone(), version: pod.version, claim });
            }
        }
    }
    actions
}

/// The first write of every assignment that is due: pods that are lost go, ready ones come, in one write for each claim.
pub(super) fn assign(case: &Case<'_>) -> Assigned {
    let promised = case.promised();
    let free = |pod: &&Pod| pod.phase == Phase::Ready && !promised.contains(&pod.key);
    let mut ready: Vec<&Pod> = case.idle().filter(free).collect();
    // The oldest first, so that two that look choose the same one and one of them hears of a conflict at once.
    ready.sort_by(|a, b| (a.created, &a.key).cmp(&(b.created, &b.key)));
    let mut ready = ready.into_iter();
    let mut assigned = Assigned { actions: Vec::new(), taken: promised.into_iter().cloned().collect(), unmet: 0 };
    for claim in &case.open {
        let kept = claim.assigned.iter().filter(|key| matches!(link(case, claim, key), Link::Holds | Link::Due(_)));
        let unseen = claim.assigned.iter().filter(|key| matches!(link(case, claim, key), Link::Unseen));
        let (mut pods, absent): (Vec<PodKey>, Vec<PodKey>) = (kept.cloned().collect(), unseen.cloned().collect());
        let missing = claim.wanted.saturating_sub(pods.len());
        let new: Vec<PodKey> = ready.by_ref().take(missing).map(|pod| pod.key.clone()).collect();
        assigned.unmet += missing - new.len();
        assigned.taken.extend(new.iter().cloned());
        pods.extend(new);
        if pods != claim.assigned {
            assigned.actions.push(PoolAction::Assign { claim: claim.key.clone(), pods, absent });
        }
    }
    assigned
}

/// Deletes the pods of claims that have ended or are not there, also one that came to its claim after the end; and pods
/// that are over, which take a place and serve nobody.
pub(super) fn releases(case: &Case<'_>) -> Vec<PoolAction> {
    let mut actions = Vec::new();
    for pod in case.pods().filter(|pod| !pod.deleted && !case.expected.is_leaving(&pod.key.uid)) {
        let Owner::Claim(uid) = &pod.owner else { continue };
        let absent = match case.observed.claims.iter().find(|claim| claim.key.uid == *uid) {
            Some(claim) if claim.over || claim.tenant != pod.tenant => None,
            Some(_) | None if matches!(pod.phase, Phase::Over(_)) => None,
            Some(_) => continue,
            None => Some(uid.clone()),
        };
        actions.push(PoolAction::Release { pod: pod.key.clone(), absent });
    }
    actions
}

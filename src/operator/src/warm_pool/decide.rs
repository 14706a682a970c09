//! What to do about a pool. Pure.

mod handover;
mod refill;

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::{Claim, Expectations, Observed, Owner, Phase, Pod, PodKey, PoolAction, PoolPlan, PoolStatus};

/// What the parts of a decision share.
struct Case<'a> {
    observed: &'a Observed,
    /// The claims of the pool's tenant that have not ended, the oldest first.
    open: Vec<&'a Claim>,
    /// What is not shown yet.
    expected: Expectations,
    now: Timestamp,
}

/// 1. An assignment that was written down is completed, whatever else there would be to choose.
/// 2. What a claim lacks it is assigned, the oldest claim first: two claims never wait for one another's pods.
/// 3. Pods of claims that have ended are deleted. They are never handed on.
/// 4. The pool's own pods that are too many, of an older template or over are deleted.
/// 5. What is missing is created: no more than there is room for, and not at once after a failure.
pub fn decide(observed: &Observed, now: Timestamp) -> PoolPlan {
    let mut open: Vec<&Claim> = observed.claims.iter().filter(|claim| !claim.over && ours(observed, claim)).collect();
    open.sort_by(|a, b| (a.created, &a.key.name).cmp(&(b.created, &b.key.name)));
    let expected = observed.expectations.after(&observed.pods, observed.version);
    let case = Case { observed, open, expected, now };

    let mut actions = handover::completions(&case);
    let assigned = handover::assign(&case);
    actions.extend(assigned.actions);
    actions.extend(handover::releases(&case));
    let refill = refill::refill(&case, &assigned.taken, assigned.unmet);
    actions.extend(refill.actions);
    let status = PoolStatus {
        ready: case.idle().filter(|pod| pod.phase == Phase::Ready && !assigned.taken.contains(&pod.key)).count(),
        starting: case.idle().filter(|pod| pod.phase == Phase::Starting).count() + case.expected.pending(),
        held: case.open.iter().flat_map(|claim| case.held_by(claim)).count(),
        failed: refill.failed,
        unmet: assigned.unmet,
        waiting: refill.waiting,
    };
    PoolPlan { actions, status, notices: Vec::new(), look_again: refill.look_again }
}

fn ours(observed: &Observed, claim: &Claim) -> bool {
    claim.tenant == observed.pool.tenant
}

impl<'a> Case<'a> {
    /// The pods of the pool's tenant that the pool or one of its claims has made its own. A stranger's are nobody's
    /// business here; they only keep their names.
    fn pods(&self) -> impl Iterator<Item = &'a Pod> {
        let pool = &self.observed.pool;
        self.observed.pods.iter().filter(|pod| pod.tenant == pool.tenant && pod.owner != Owner::Stranger)
    }

    /// The pool's own pods.
    fn pooled(&self) -> impl Iterator<Item = &'a Pod> {
        let pool = &self.observed.pool;
        self.pods().filter(|pod| matches!(&pod.owner, Owner::Pool(uid) if *uid == pool.uid))
    }

    /// Those of them that wait, or will, for a claim.
    fn idle(&self) -> impl Iterator<Item = &'a Pod> {
        let template = &self.observed.pool.template;
        self.pooled().filter(move |pod| self.lives(pod) && pod.template == *template)
    }

    /// The pods that a claim has.
    fn held_by(&self, claim: &Claim) -> impl Iterator<Item = &'a Pod> {
        self.pods().filter(|pod| self.lives(pod) && matches!(&pod.owner, Owner::Claim(uid) if *uid == claim.key.uid))
    }

    /// Neither over nor leaving.
    fn lives(&self, pod: &Pod) -> bool {
        !pod.deleted && !self.expected.is_leaving(&pod.key.uid) && !matches!(pod.phase, Phase::Over(_))
    }

    /// Pods that the status of some open claim names.
    fn promised(&self) -> BTreeSet<&'a PodKey> {
        self.open.iter().flat_map(|claim| &claim.assigned).collect()
    }
}

#[cfg(test)]
mod tests;

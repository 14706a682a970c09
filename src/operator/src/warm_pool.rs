//! A pool of warm sandbox pods, handed out to Evaluations.
//!
//! Starting a pod costs seconds, so `size` of them wait ready for one GenesisModel. An Evaluation, here a claim, gets
//! its pods for its lifetime and for itself alone; afterwards they are deleted, never handed on. [`decide`] is pure; the
//! one who carries its plan out keeps these rules, on which the proofs of `cargo dev protocols` rest:
//!
//! - A handover is two writes. First the claim's status names the pod ([`PoolAction::Assign`], compare and swap): one
//!   claim cannot be given more than it wants, however stale the eyes that look. Then the pod's owner becomes the claim
//!   ([`PoolAction::Adopt`], with uid and resourceVersion): one pod cannot be given to two claims.
//! - Only facts that cannot be undone end an assignment: a pod that is deleted, over, or another claim's. A conflict says
//!   nothing but that one must look again. That a pod is not shown, or another one of its name, says nothing before it
//!   was read.
//! - Pods have the names of places ([`place_name`]): who creates one that is there already creates nothing.
//! - What was asked for and is not shown yet counts ([`Expectations`]), and so does what is being terminated.

pub mod decide;
mod expectations;
mod types;

pub use expectations::Expectations;
pub use types::{Claim, ClaimKey, Observed, Owner, Phase, Pod, PodKey, Pool, PoolAction, PoolPlan, PoolStatus, Tenant};

/// Name of the pod in one place of a pool.
pub fn place_name(pool: &str, place: usize) -> String {
    format!("{pool}-warm-{place}")
}

/// The place that a pod's name stands for.
pub(crate) fn place_of(pool: &str, name: &str) -> Option<usize> {
    name.strip_prefix(pool)?.strip_prefix("-warm-")?.parse().ok()
}

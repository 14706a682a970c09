use jiff::Timestamp;

use super::Expectations;
use crate::plan::Plan;

/// Who may share a sandbox: one GenesisModel in one namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tenant {
    /// Its namespace.
    pub namespace: String,
    /// Name of the GenesisModel.
    pub model: String,
}

/// What the pool is to be.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pool {
    /// Whom it serves.
    pub tenant: Tenant,
    /// Uid of the GenesisModel: a pod that another object made is not the pool's, whatever its labels say.
    pub uid: String,
    /// Hash of the template that pods are made from now.
    pub template: String,
    /// Pods that wait ready.
    pub size: usize,
    /// Pods that fail one after the other before nothing is made any more.
    pub failure_cap: usize,
}

/// Names one pod, and no other one of the same name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodKey {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
}

/// Whose a pod is, by its controller reference.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// A pool's, with the uid of its GenesisModel.
    Pool(String),
    /// A claim's, with its uid.
    Claim(String),
    /// Somebody else's, or nobody's.
    Stranger,
}

/// How far a pod is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Not ready yet, however long that takes.
    Starting,
    /// Ready.
    Ready,
    /// Failed or ended, at this time. It does not come back.
    Over(Timestamp),
}

/// A pod as the cache shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pod {
    /// Name and uid.
    pub key: PodKey,
    /// Its resourceVersion.
    pub version: u64,
    /// By its labels.
    pub tenant: Tenant,
    /// Hash of the template it was made from.
    pub template: String,
    /// Whose it is.
    pub owner: Owner,
    /// How far it is.
    pub phase: Phase,
    /// It is being terminated.
    pub deleted: bool,
    /// When it was created.
    pub created: Timestamp,
}

/// Names one version of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ClaimKey {
    /// Its name.
    pub name: String,
    /// Its uid.
    pub uid: String,
    /// Its resourceVersion.
    pub version: u64,
}

/// An Evaluation that wants pods.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Claim {
    /// Name, uid and version.
    pub key: ClaimKey,
    /// Whose pods it may have.
    pub tenant: Tenant,
    /// Since when it waits.
    pub created: Timestamp,
    /// Pods it wants.
    pub wanted: usize,
    /// It has ended or is being deleted. Neither is ever taken back.
    pub over: bool,
    /// The pods that its status names.
    pub assigned: Vec<PodKey>,
}

/// Everything a decision is taken from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Observed {
    /// The pool as the spec has it.
    pub pool: Pool,
    /// The pods with the pool's labels, whoever owns them.
    pub pods: Vec<Pod>,
    /// resourceVersion of the list of pods: what was written before it is in it.
    pub version: u64,
    /// The claims of the pool's namespace.
    pub claims: Vec<Claim>,
    /// What this process has asked for.
    pub expectations: Expectations,
}

/// What can be done for a pool.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum PoolAction {
    /// Write into the claim's status which pods it has: compare and swap.
    Assign {
        /// The claim, at the version that was read.
        claim: ClaimKey,
        /// All its pods from now on.
        pods: Vec<PodKey>,
        /// Pods it had that were not shown. Read each of them first: if one is there, with this uid, write nothing.
        absent: Vec<PodKey>,
    },
    /// Make the claim the owner of a pod that its status names, if the pod has this uid and this version.
    Adopt {
        /// The pod.
        pod: PodKey,
        /// Its version.
        version: u64,
        /// Uid of the claim.
        claim: String,
    },
    /// Create the pod of a place. That one of this name is there already is no error.
    Create {
        /// The place.
        place: usize,
        /// Its name.
        name: String,
    },
    /// Delete a pod that is the pool's own, if it has this uid and this version: a claim may be adopting it.
    Delete {
        /// The pod.
        pod: PodKey,
        /// Its version.
        version: u64,
    },
    /// Delete a pod whose claim needs it no more, if it has this uid.
    Release {
        /// The pod.
        pod: PodKey,
        /// The claim, where it was not shown. Read it first: if it is there and has not ended, delete nothing.
        absent: Option<String>,
    },
}

/// How the pool stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PoolStatus {
    /// Pods that wait ready.
    pub ready: usize,
    /// Pods that are not ready yet, those that are not shown yet included.
    pub starting: usize,
    /// Pods that claims have.
    pub held: usize,
    /// Pods that failed after the newest one that became ready.
    pub failed: usize,
    /// Pods that claims wait for.
    pub unmet: usize,
    /// Why nothing is made although pods are missing.
    pub waiting: Option<String>,
}

/// A plan for a pool.
pub type PoolPlan = Plan<PoolStatus, PoolAction>;

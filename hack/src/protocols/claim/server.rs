//! The pods and claims that an API server holds, and its answers to the writes of a pool.

use std::sync::Arc;

use genesis_operator::warm_pool::{Claim, ClaimKey, Owner, Phase, Pod, PodKey, Pool, Tenant, place_name};
use jiff::Timestamp;

/// When everything happens.
pub(super) const NOW: Timestamp = Timestamp::UNIX_EPOCH;
/// When everything is decided: every pause is over.
pub(super) const LATER: Timestamp = Timestamp::constant(10_000, 0);
/// Uid of the pool.
pub(super) const POOL: &str = "pool";

/// All there is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Server {
    pub(super) pods: Vec<Pod>,
    pub(super) claims: Vec<Claim>,
    /// Pods that each place has had: a uid is given once.
    made: Vec<u8>,
    /// A pod changed hands, or was taken from a claim that has not ended.
    pub(super) broken: Option<&'static str>,
}

/// What a cache shows.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct View {
    pub(super) pods: Vec<Pod>,
    pub(super) claims: Vec<Claim>,
}

/// What a write comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Done,
    Exists,
    Conflict,
    Gone,
}

pub(super) fn tenant(model: &str) -> Tenant {
    Tenant { namespace: "ns".into(), model: model.into() }
}

pub(super) fn pool(size: usize) -> Pool {
    Pool { tenant: tenant("coder"), uid: POOL.into(), template: "t".into(), size, failure_cap: 2 }
}

impl Server {
    /// Claims that want so many pods each, no pod of the pool, and one of another tenant.
    pub(super) fn new(wanted: &[usize]) -> Self {
        let foreign = Pod { tenant: tenant("other"), owner: Owner::Pool("other".into()), ..pod("other", 0) };
        let mut server = Self { pods: vec![foreign], claims: Vec::new(), made: Vec::new(), broken: None };
        wanted.iter().for_each(|wanted| server.arrive(*wanted));
        server
    }

    /// A claim that wants so many pods.
    pub(super) fn arrive(&mut self, wanted: usize) {
        let name = format!("c{}", self.claims.len());
        self.claims.push(Claim {
            key: ClaimKey { name: name.clone(), uid: name, version: 0 },
            tenant: tenant("coder"),
            created: NOW,
            wanted,
            over: false,
            assigned: Vec::new(),
        });
    }

    /// What a cache shows of it.
    pub(super) fn view(&self) -> Arc<View> {
        Arc::new(View { pods: self.pods.clone(), claims: self.claims.clone() })
    }

    pub(super) fn pod(&self, name: &str) -> Option<&Pod> {
        self.pods.iter().find(|pod| pod.key.name == name)
    }

    fn pod_mut(&mut self, key: &PodKey) -> Option<&mut Pod> {
        self.pods.iter_mut().find(|pod| pod.key == *key)
    }

    /// Creates the pod of a place. Where names are made up by the server it takes another place.
    pub(super) fn create(&mut self, place: usize, made_up: bool) -> Answer {
        let free = |place: &usize| self.pod(&place_name("coder", *place)).is_none();
        let Some(place) = (place..).take(if made_up { usize::MAX } else { 1 }).find(free) else {
            return Answer::Exists;
        };
        if self.made.len() <= place {
            self.made.resize(place + 1, 0);
        }
        self.made[place] += 1;
        self.pods.push(pod(&place_name("coder", place), self.made[place]));
        self.pods.sort_by(|a, b| a.key.cmp(&b.key));
        Answer::Done
    }

    /// Writes the pods of a claim; compares its version unless the writer does not ask for that.
    pub(super) fn assign(&mut self, claim: &ClaimKey, pods: &[PodKey], compare: bool) -> Answer {
        let Some(found) = self.claims.iter_mut().find(|found| found.key.uid == claim.uid) else { return Answer::Gone };
        if compare && found.key.version != claim.version {
            return Answer::Conflict;
        }
        found.assigned = pods.to_vec();
        found.key.version += 1;
        Answer::Done
    }

    /// Makes a claim the owner of a pod.
    pub(super) fn adopt(&mut self, key: &PodKey, version: u64, claim: &str) -> Answer {
        let Some(pod) = self.pod_mut(key) else { return Answer::Gone };
        if pod.version != version {
            return Answer::Conflict;
        }
        let changes_hands = matches!(&pod.owner, Owner::Claim(other) if other != claim);
        pod.owner = Owner::Claim(claim.to_owned());
        pod.version += 1;
        if changes_hands {
            self.broken = Some("a pod changed hands");
        }
        Answer::Done
    }

    /// Begins to terminate a pod.
    pub(super) fn delete(&mut self, key: &PodKey, version: Option<u64>) -> Answer {
        let Some(pod) = self.pod_mut(key) else { return Answer::Gone };
        if version.is_some_and(|version| version != pod.version) {
            return Answer::Conflict;
        }
        if !pod.deleted {
            pod.deleted = true;
            pod.version += 1;
        }
        let serves = pod.phase == Phase::Ready;
        let Owner::Claim(owner) = pod.owner.clone() else { return Answer::Done };
        if serves && self.claims.iter().any(|claim| claim.key.uid == owner && !claim.over) {
            self.broken = Some("the pod of a claim that goes on was deleted");
        }
        Answer::Done
    }

    /// The node has ended a pod that was being terminated.
    pub(super) fn forget(&mut self, index: usize) {
        self.pods.remove(index);
    }

    /// A claim has ended.
    pub(super) fn end(&mut self, index: usize) {
        self.claims[index].over = true;
        self.claims[index].key.version += 1;
    }

    /// A pod has failed.
    pub(super) fn fail(&mut self, index: usize) {
        self.pods[index].phase = Phase::Over(NOW);
        self.pods[index].version += 1;
    }

    pub(super) fn is_open(&self, claim: &str) -> bool {
        self.claims.iter().any(|found| found.key.uid == claim && !found.over)
    }
}

/// A pod is ready as soon as it is made: that only lets more happen.
fn pod(name: &str, serial: u8) -> Pod {
    Pod {
        key: PodKey { name: name.to_owned(), uid: format!("{name}.{serial}") },
        version: 0,
        tenant: tenant("coder"),
        template: "t".into(),
        owner: Owner::Pool(POOL.into()),
        phase: Phase::Ready,
        deleted: false,
        created: NOW,
    }
}

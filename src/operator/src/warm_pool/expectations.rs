use std::collections::{BTreeMap, BTreeSet};

use super::Pod;

/// What this process has asked for and a cache may not show yet.
///
/// It is forgotten when the process ends. Then the names of places keep a successor from creating twice.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Expectations {
    /// Names of pods, with the version at which they were created; without one while nobody knows whether they were.
    creations: BTreeMap<String, Option<u64>>,
    /// Uids of pods that are being deleted.
    deletions: BTreeSet<String>,
}

impl Expectations {
    /// A pod is about to be created.
    pub fn creating(&mut self, name: &str) {
        self.creations.insert(name.to_owned(), None);
    }

    /// It was created, with this resourceVersion.
    pub fn created(&mut self, name: &str, version: u64) {
        self.creations.insert(name.to_owned(), Some(version));
    }

    /// The server has refused to create it.
    pub fn refused(&mut self, name: &str) {
        self.creations.remove(name);
    }

    /// The server has accepted that a pod is deleted.
    pub fn deleted(&mut self, uid: &str) {
        self.deletions.insert(uid.to_owned());
    }

    /// What is still expected after a look at everything up to `version`. A list that is newer than a creation and
    /// does not show the pod says that it is gone again.
    #[must_use]
    pub fn after(&self, pods: &[Pod], version: u64) -> Self {
        let shown = |name: &str| pods.iter().any(|pod| pod.key.name == name);
        let still = |uid: &str| pods.iter().any(|pod| pod.key.uid == uid && !pod.deleted);
        let open = |name: &str, at: Option<u64>| !shown(name) && at.is_none_or(|at| at > version);
        Self {
            creations: self.creations.iter().filter(|(name, at)| open(name, **at)).map(own).collect(),
            deletions: self.deletions.iter().filter(|uid| still(uid)).cloned().collect(),
        }
    }

    /// Pods that are not shown yet.
    pub(super) fn pending(&self) -> usize {
        self.creations.len()
    }

    /// Whether a pod of this name may come.
    pub(super) fn awaits(&self, name: &str) -> bool {
        self.creations.contains_key(name)
    }

    /// Names of pods of which nobody knows whether they were created: asking again tells.
    pub(super) fn in_doubt(&self) -> impl Iterator<Item = &str> {
        self.creations.iter().filter(|(_, at)| at.is_none()).map(|(name, _)| name.as_str())
    }

    /// Whether a pod that looks alive is being deleted.
    pub(super) fn is_leaving(&self, uid: &str) -> bool {
        self.deletions.contains(uid)
    }
}

fn own((name, at): (&String, &Option<u64>)) -> (String, Option<u64>) {
    (name.clone(), *at)
}

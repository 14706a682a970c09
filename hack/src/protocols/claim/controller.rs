//! One who looks, decides with the product's own function, and carries the plan out write by write.

use std::sync::Arc;

use genesis_operator::warm_pool::decide::decide;
use genesis_operator::warm_pool::{Expectations, Observed, PodKey, PoolAction};

use super::server::{Answer, LATER, Server, View, pool};

/// A known bug that is brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display)]
pub enum Bug {
    /// kubernetes-sigs/agent-sandbox #418: a claim's pod is written down without comparing the claim's version, so who
    /// decides on an old view gives it a second one.
    #[strum(to_string = "agent-sandbox #418: a claim's pods are written without compare and swap")]
    TwoPodsForOneClaim,
    /// #1215: what was asked for and what is being terminated is not counted, and the server makes up the names.
    #[strum(to_string = "agent-sandbox #1215: no expectations, terminating pods do not count, names are made up")]
    OverCreation,
    /// #1277 (with #1229): a conflict while the pod is taken counts as if it were gone, and the claim takes another.
    #[strum(to_string = "agent-sandbox #1277: a conflict ends an assignment that was written down")]
    AbandonedAdoption,
    /// What a cache does not show is taken for gone: a pod that is newer than the view, or its claim.
    #[strum(to_string = "what is not shown is taken for gone")]
    UnseenIsGone,
}

/// What is old in a look at an old view. Pods and claims come to a cache each in their own time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Old {
    /// Everything.
    Both,
    /// The pods.
    Pods,
    /// The claims.
    Claims,
}

/// A controller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Controller {
    /// What its cache shows; nothing before the first look.
    pub(super) view: Option<Arc<View>>,
    expectations: Expectations,
    /// Writes that were decided, the next one first.
    pub(super) pending: Vec<PoolAction>,
}

/// A view has version 0, and what is created after it has 1: a later view contains it.
const OF_THE_VIEW: u64 = 0;

impl Controller {
    /// Looks at everything as it is now, and decides.
    pub(super) fn look(&mut self, server: &Server, size: usize, bug: Option<Bug>) {
        self.expectations = self.expectations.after(&server.pods, OF_THE_VIEW + 1);
        self.decide(server.view(), size, bug);
    }

    /// Looks while some of what its cache shows is as old as its last look.
    pub(super) fn look_at_old(&mut self, old: Old, server: &Server, size: usize, bug: Option<Bug>) {
        let Some(view) = self.view.clone() else { return };
        let view = match old {
            Old::Both => view,
            Old::Pods => Arc::new(View { pods: view.pods.clone(), claims: server.claims.clone() }),
            Old::Claims => {
                self.expectations = self.expectations.after(&server.pods, OF_THE_VIEW + 1);
                Arc::new(View { pods: server.pods.clone(), claims: view.claims.clone() })
            }
        };
        self.decide(view, size, bug);
    }

    fn decide(&mut self, view: Arc<View>, size: usize, bug: Option<Bug>) {
        let mut observed = Observed {
            pool: pool(size),
            pods: view.pods.clone(),
            version: OF_THE_VIEW,
            claims: view.claims.clone(),
            expectations: self.expectations.clone(),
        };
        if bug == Some(Bug::OverCreation) {
            observed.pods.retain(|pod| !pod.deleted);
            observed.expectations = Expectations::default();
        }
        self.pending = decide(&observed, LATER).actions;
        self.view = Some(view);
    }

    /// Does the next write. If its answer is lost, or says that the view is old, the rest is not done.
    pub(super) fn write(&mut self, server: &mut Server, bug: Option<Bug>, answer_is_lost: bool) {
        if self.pending.is_empty() {
            return;
        }
        let answer = match self.pending.remove(0) {
            PoolAction::Create { place, name } => self.create(server, place, &name, bug, answer_is_lost),
            PoolAction::Assign { claim, pods, absent } => {
                if bug != Some(Bug::UnseenIsGone) && absent.iter().any(|key| is_there(server, key)) {
                    Answer::Conflict
                } else {
                    server.assign(&claim, &pods, bug != Some(Bug::TwoPodsForOneClaim))
                }
            }
            PoolAction::Adopt { pod, version, claim } => {
                let answer = server.adopt(&pod, version, &claim);
                if answer == Answer::Conflict && bug == Some(Bug::AbandonedAdoption) {
                    abandon(server, &claim, &pod);
                }
                answer
            }
            PoolAction::Delete { pod, version } => self.delete(server, &pod, Some(version)),
            PoolAction::Release { pod, absent } => {
                if bug != Some(Bug::UnseenIsGone) && absent.is_some_and(|claim| server.is_open(&claim)) {
                    Answer::Conflict
                } else {
                    self.delete(server, &pod, None)
                }
            }
        };
        if answer_is_lost || matches!(answer, Answer::Conflict | Answer::Gone) {
            self.pending.clear();
        }
    }

    fn create(&mut self, server: &mut Server, place: usize, name: &str, bug: Option<Bug>, lost: bool) -> Answer {
        self.expectations.creating(name);
        let answer = server.create(place, bug == Some(Bug::OverCreation));
        if answer == Answer::Done && !lost {
            self.expectations.created(name, OF_THE_VIEW + 1);
        }
        answer
    }

    fn delete(&mut self, server: &mut Server, pod: &PodKey, version: Option<u64>) -> Answer {
        let answer = server.delete(pod, version);
        if answer == Answer::Done {
            self.expectations.deleted(&pod.uid);
        }
        answer
    }

    /// Ends, and another one takes its place: it remembers nothing, and its cache may be as old as this one's.
    pub(super) fn crash(&mut self) {
        self.pending.clear();
        self.expectations = Expectations::default();
    }
}

fn is_there(server: &Server, key: &PodKey) -> bool {
    server.pod(&key.name).is_some_and(|pod| pod.key.uid == key.uid && !pod.deleted)
}

fn abandon(server: &mut Server, claim: &str, pod: &PodKey) {
    if let Some(claim) = server.claims.iter_mut().find(|found| found.key.uid == claim) {
        claim.assigned.retain(|key| key != pod);
        claim.key.version += 1;
    }
}

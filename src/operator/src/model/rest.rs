//! Models at rest.
//!
//! Gateway and inference servers tell nobody of a change: they are asked again and again. With many models it is too much
//! to read everything else from the API server as often, which does tell. So when a whole look found nothing to do, a
//! model rests: as long as no watch tells of a change to anything of it, and gateway and servers answer as before, the
//! next looks end there. Nothing is ever done on what is remembered: whatever differs leads to a whole look. One comes
//! now and then in any case, for what depends on time alone, and for a Service, which is not watched.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use genesis_api::GenesisModel;
use genesis_api::conditions::{ConditionType, ModelReason, find};
use genesis_api::genesis_model::GenesisModelStatus;
use kube::ResourceExt;

use super::decide::ModelPlan;
use super::observe::{self, Learning};
use crate::context::Context;
use crate::serving::{self, Replica};

/// Looks in a row that may end early; up to twice as many, so that those of many models do not fall together.
const LOOKS: u64 = 12;

/// Which models rest, by namespace and name.
#[derive(Debug, Default)]
pub(crate) struct Resting(Mutex<HashMap<(String, String), Entry>>);

#[derive(Debug, Default)]
struct Entry {
    /// Times that a watch told of a change.
    changes: u64,
    rest: Option<Rest>,
}

#[derive(Debug)]
struct Rest {
    version: Option<String>,
    looks_left: u64,
    answers: Arc<Answers>,
}

/// What nobody tells of.
#[derive(Debug, PartialEq)]
struct Answers {
    replicas: Vec<Replica>,
    learning: Learning,
}

impl Resting {
    /// A watch told of something that belongs to this model.
    pub(crate) fn changed(&self, namespace: &str, name: &str) {
        if let Some(entry) = self.lock().get_mut(&(namespace.to_owned(), name.to_owned())) {
            entry.changes += 1;
            entry.rest = None;
        }
    }

    /// A whole look begins; how many changes there were before.
    pub(super) fn begin(&self, model: &GenesisModel) -> u64 {
        let mut entries = self.lock();
        let entry = entries.entry(key(model)).or_default();
        entry.rest = None;
        entry.changes
    }

    /// A whole look has found nothing to do. That counts for nothing if something changed while it lasted.
    pub(super) fn rests(&self, model: &GenesisModel, changes: u64, replicas: Vec<Replica>, learning: Learning) {
        let answers = Arc::new(Answers { replicas, learning });
        let rest = Rest { version: model.resource_version(), looks_left: LOOKS + share(model) % LOOKS, answers };
        if let Some(entry) = self.lock().get_mut(&key(model)).filter(|entry| entry.changes == changes) {
            entry.rest = Some(rest);
        }
    }

    /// The model is gone.
    pub(super) fn forget(&self, model: &GenesisModel) {
        self.lock().remove(&key(model));
    }

    /// What was answered before, if the model rests. Each call uses up a look.
    fn take_look(&self, model: &GenesisModel) -> Option<Arc<Answers>> {
        let mut entries = self.lock();
        let rest = entries.get_mut(&key(model))?.rest.as_mut()?;
        rest.looks_left = rest.looks_left.checked_sub(1)?;
        (rest.version == model.resource_version()).then(|| rest.answers.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(model: &GenesisModel) -> (String, String) {
    (model.namespace().unwrap_or_default(), model.name_any())
}

/// A number of the model's own.
fn share(model: &GenesisModel) -> u64 {
    let mut hasher = DefaultHasher::new();
    model.uid().hash(&mut hasher);
    hasher.finish()
}

/// Whether a model rests and nothing speaks against its resting on.
pub(super) async fn goes_on(ctx: &Context, model: &GenesisModel) -> bool {
    let Some(before) = ctx.resting.take_look(model) else { return false };
    let wanted = observe::wanted(model);
    let (replicas, learning) = futures::join!(
        serving::observe_again(ctx, &before.replicas, &model.spec.served_model_name, &wanted),
        observe::learning(ctx, model),
    );
    *before == Answers { replicas, learning }
}

/// Whether a whole look found nothing to do and nothing new to write down. A loop that cools down waits for the time.
pub(super) fn is_rest(model: &GenesisModel, plan: &ModelPlan, next: &GenesisModelStatus) -> bool {
    let loop_active = find(&next.conditions, ConditionType::LoopActive);
    let cools_down = loop_active.is_some_and(|found| found.reason == <&str>::from(ModelReason::CoolingDown));
    plan.actions.is_empty() && plan.notices.is_empty() && model.status.as_ref() == Some(next) && !cools_down
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::testing::model;

    fn rest(resting: &Resting, model: &GenesisModel, changes: u64) {
        resting.rests(model, changes, Vec::new(), Learning::NoGateway);
    }

    #[test]
    fn a_model_rests_until_something_changes() {
        let (resting, model) = (Resting::default(), model());
        assert!(resting.take_look(&model).is_none(), "it was never looked at");
        let changes = resting.begin(&model);
        rest(&resting, &model, changes);
        assert!(resting.take_look(&model).is_some());
        resting.changed("ns", "another");
        assert!(resting.take_look(&model).is_some());
        resting.changed("ns", "coder");
        assert!(resting.take_look(&model).is_none());

        let changes = resting.begin(&model);
        rest(&resting, &model, changes);
        let mut edited = model.clone();
        edited.metadata.resource_version = Some("2".into());
        assert!(resting.take_look(&edited).is_none(), "it is another one than was looked at");
    }

    #[test]
    fn a_change_during_a_look_is_not_missed() {
        let (resting, model) = (Resting::default(), model());
        let changes = resting.begin(&model);
        resting.changed("ns", "coder");
        rest(&resting, &model, changes);
        assert!(resting.take_look(&model).is_none());
        resting.forget(&model);
        assert!(resting.lock().is_empty());
    }

    #[test]
    fn a_whole_look_comes_now_and_then() {
        let (resting, model) = (Resting::default(), model());
        let changes = resting.begin(&model);
        rest(&resting, &model, changes);
        let early = (0..100).filter(|_| resting.take_look(&model).is_some()).count();
        assert!((12..24).contains(&early), "{early}");
    }
}

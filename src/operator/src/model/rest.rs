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
pub(crate) struct Resting(Mutex<HashMap<(String, String), State>>);

/// Any change takes it away.
#[derive(Debug)]
enum State {
    /// A whole look lasts.
    Looking,
    /// The last whole look found nothing to do.
    Resting(Rest),
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
        self.lock().remove(&(namespace.to_owned(), name.to_owned()));
    }

    /// A whole look begins.
    pub(super) fn begin(&self, model: &GenesisModel) {
        self.lock().insert(key(model), State::Looking);
    }

    /// A whole look has ended; with answers, if it found nothing to do. They count for nothing if something changed
    /// while it lasted.
    pub(super) fn end(&self, model: &GenesisModel, found: Option<(Vec<Replica>, Learning)>) {
        let mut states = self.lock();
        let undisturbed = states.remove(&key(model)).is_some();
        if let Some((replicas, learning)) = found.filter(|_| undisturbed) {
            let answers = Arc::new(Answers { replicas, learning });
            let looks_left = LOOKS + share(model) % LOOKS;
            states.insert(key(model), State::Resting(Rest { version: model.resource_version(), looks_left, answers }));
        }
    }

    /// What was answered before, if the model rests. Each call uses up a look.
    fn take_look(&self, model: &GenesisModel) -> Option<Arc<Answers>> {
        let mut states = self.lock();
        let State::Resting(rest) = states.get_mut(&key(model))? else { return None };
        rest.looks_left = rest.looks_left.checked_sub(1)?;
        (rest.version == model.resource_version()).then(|| rest.answers.clone())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<(String, String), State>> {
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

    fn rest(resting: &Resting, model: &GenesisModel) {
        resting.begin(model);
        resting.end(model, Some((Vec::new(), Learning::NoGateway)));
    }

    #[test]
    fn a_model_rests_until_something_changes() {
        let (resting, model) = (Resting::default(), model());
        assert!(resting.take_look(&model).is_none(), "it was never looked at");
        rest(&resting, &model);
        assert!(resting.take_look(&model).is_some());
        resting.changed("ns", "another");
        assert!(resting.take_look(&model).is_some());
        resting.changed("ns", "coder");
        assert!(resting.take_look(&model).is_none());

        rest(&resting, &model);
        let mut edited = model.clone();
        edited.metadata.resource_version = Some("2".into());
        assert!(resting.take_look(&edited).is_none(), "it is another one than was looked at");
    }

    #[test]
    fn a_change_during_a_look_is_not_missed() {
        let (resting, model) = (Resting::default(), model());
        resting.begin(&model);
        assert!(resting.take_look(&model).is_none());
        resting.changed("ns", "coder");
        resting.end(&model, Some((Vec::new(), Learning::NoGateway)));
        assert!(resting.take_look(&model).is_none());
        resting.begin(&model);
        resting.end(&model, None);
        assert!(resting.lock().is_empty(), "nothing is kept of a model that does not rest");
    }

    #[test]
    fn a_whole_look_comes_now_and_then() {
        let (resting, model) = (Resting::default(), model());
        rest(&resting, &model);
        let early = (0..100).filter(|_| resting.take_look(&model).is_some()).count();
        assert!((12..24).contains(&early), "{early}");
    }
}

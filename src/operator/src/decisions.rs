//! The decisions behind a promotion, for those who check them without a cluster. All of them are pure.

use genesis_api::genesis_model::CurrentAdapter;
use jiff::Timestamp;

pub use crate::config::Settings;
pub use crate::model::observe::{Learning, Observed as ModelObserved};
pub use crate::rollout::decide::{RolloutAction, RolloutPlan, decide as rollout};
pub use crate::rollout::observe::{Observed as RolloutObserved, Traffic};
pub use crate::serving::{AdapterChange, AdapterState, Replica};

/// Whom a model's reconciler writes down as champion, and as the one before.
pub fn champion(observed: &ModelObserved, now: Timestamp) -> (Option<CurrentAdapter>, Option<CurrentAdapter>) {
    let champion = crate::model::decide::champion(observed, now);
    (champion.current, champion.previous)
}

//! The only writer for a Rollout. Its weights are written with the status.

use kube::ResourceExt;

use super::decide::RolloutAction;
use super::observe::Observed;
use crate::context::Context;
use crate::error::{ActError, asking_gateway};
use crate::model::act::change_adapter;
use crate::record;

/// Does what was decided, in order.
pub(super) async fn act(ctx: &Context, observed: &Observed, actions: &[RolloutAction]) -> Result<(), ActError> {
    let rollout = &observed.rollout;
    let namespace = rollout.namespace().unwrap_or_default();
    for action in actions {
        match action {
            RolloutAction::Adapter(change) => change_adapter(ctx, change).await,
            RolloutAction::Record(kept) => record::keep(ctx, &namespace, &rollout.spec.model_ref.name, kept).await?,
            RolloutAction::Revert(digest) => {
                if let Some(gateway) = &ctx.gateway {
                    let reverted = gateway.revert(&namespace, &rollout.spec.model_ref.name, digest).await;
                    reverted.map_err(asking_gateway("taking back what was learned from the candidate"))?;
                }
            }
        }
    }
    Ok(())
}

//! Rollout: a candidate earns its traffic step by step, or gives it back.

mod act;
pub(crate) mod decide;
mod describe;
pub(crate) mod observe;
#[cfg(test)]
pub(crate) mod testing;

use std::sync::Arc;
use std::time::Instant;

use genesis_api::Rollout;
use kube::runtime::controller::Action;

use crate::context::Context;
use crate::error::Error;
use crate::lean::Lean;
use crate::report;
use crate::status::{fresh, write, write_refusal};

/// 1. observe (client): the model, the other Rollouts, the Evaluation, how the candidate stands on each replica, what
///    the gateway routes and what live traffic says.
/// 2. decide (pure): load the candidate, the weights, the next step or the end.
/// 3. act (client): the only writer.
/// 4. status (client): compare and swap. The gateway routes by what is written here.
pub(crate) async fn reconcile(object: Arc<Lean<Rollout>>, ctx: Arc<Context>) -> Result<Action, Error> {
    let rollout = match &object.0 {
        Ok(rollout) => rollout,
        Err(invalid) => return Ok(report::invalid(&ctx, &*object, invalid).await),
    };
    // What has ended stays so, and is not read again: after a start there are thousands.
    if rollout.is_finished() {
        return Ok(Action::await_change());
    }
    let begun = Instant::now();
    let Some(rollout) = fresh(&ctx, rollout).await? else { return Ok(Action::await_change()) };
    if rollout.is_finished() {
        return Ok(Action::await_change());
    }
    let observed = observe::observe(&ctx, &rollout).await?;
    let plan = decide::decide(&observed, ctx.now());
    if let Err(error) = act::act(&ctx, &observed, &plan.actions).await {
        let before = rollout.status.clone().unwrap_or_default();
        return Err(write_refusal(&ctx, &rollout, before, error).await?);
    }
    write(&ctx, &rollout, plan.status.clone()).await?;
    report::notices(&ctx, &rollout, &plan.notices).await;
    Ok(plan.requeue_after(begun.elapsed(), ctx.settings.poll))
}

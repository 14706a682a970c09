//! GenesisModel: keeps a model serving, and turns its loop.

pub(crate) mod act;
mod children;
pub(crate) mod decide;
pub(crate) mod observe;
mod status;
mod workloads;

use std::sync::Arc;

use genesis_api::GenesisModel;
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;

use crate::context::Context;
use crate::error::Error;
use crate::report;
use crate::status::{fresh, write};

/// 1. observe (client): workloads, replicas with their adapters, children, what was learned.
/// 2. decide (pure): workloads to apply, adapters to load, the champion, the next step of each turn, the status.
/// 3. act (client): the only writer; what is refused goes into the status.
/// 4. status (client): compare and swap, so that two operators can never name two champions.
pub(crate) async fn reconcile(object: Arc<DeserializeGuard<GenesisModel>>, ctx: Arc<Context>) -> Result<Action, Error> {
    let model = match &object.0 {
        Ok(model) => model,
        Err(invalid) => return Ok(report::invalid(&ctx, &*object, invalid).await),
    };
    // What a deleted model owns is collected with it.
    let Some(model) = fresh(&ctx, model).await? else { return Ok(Action::await_change()) };
    let observed = observe::observe(&ctx, &model).await?;
    let plan = decide::decide(&observed, ctx.now());
    let acted = act::act(&ctx, &observed, &plan).await;
    let mut next = plan.status.clone();
    status::note_failures(&mut next, &model, &acted, ctx.now());
    write(&ctx, &model, next).await?;
    report::notices(&ctx, &model, &plan.notices).await;
    report::notices(&ctx, &model, &acted.notices).await;
    acted.failures.into_iter().next().map_or_else(|| Ok(plan.requeue()), |failure| Err(failure.into()))
}

#[cfg(test)]
pub(crate) mod testing;

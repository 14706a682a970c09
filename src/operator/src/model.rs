//! GenesisModel: keeps a model serving, and turns its loop.

pub(crate) mod act;
mod children;
pub(crate) mod decide;
pub(crate) mod observe;
mod rest;
mod status;
mod workloads;

use std::sync::Arc;

use genesis_api::GenesisModel;
use kube::core::DeserializeGuard;
use kube::runtime::controller::Action;

pub(crate) use self::rest::Resting;
use crate::context::Context;
use crate::error::Error;
use crate::report;
use crate::status::{fresh, write};

/// A model at rest is not looked at as a whole: see [`rest`]. Otherwise:
///
/// 1. observe (client): workloads, replicas with their adapters, children, what was learned.
/// 2. decide (pure): workloads to apply, adapters to load, the champion, the next step of each turn, the status.
/// 3. act (client): the only writer; what is refused goes into the status.
/// 4. status (client): compare and swap, so that two operators can never name two champions.
pub(crate) async fn reconcile(object: Arc<DeserializeGuard<GenesisModel>>, ctx: Arc<Context>) -> Result<Action, Error> {
    let model = match &object.0 {
        Ok(model) => model,
        Err(invalid) => return Ok(report::invalid(&ctx, &*object, invalid).await),
    };
    if rest::goes_on(&ctx, model).await {
        return Ok(Action::requeue(ctx.settings.poll));
    }
    let changes = ctx.resting.begin(model);
    // What a deleted model owns is collected with it.
    let Some(model) = fresh(&ctx, model).await? else {
        ctx.resting.forget(model);
        return Ok(Action::await_change());
    };
    let observed = observe::observe(&ctx, &model).await?;
    let plan = decide::decide(&observed, ctx.now());
    let acted = act::act(&ctx, &observed, &plan).await;
    let mut next = plan.status.clone();
    status::note_failures(&mut next, &model, &acted, ctx.now());
    if rest::is_rest(&model, &plan, &next) {
        ctx.resting.rests(&model, changes, observed.replicas, observed.learning);
    }
    write(&ctx, &model, next).await?;
    report::notices(&ctx, &model, &plan.notices).await;
    report::notices(&ctx, &model, &acted.notices).await;
    acted.failures.into_iter().next().map_or_else(|| Ok(plan.requeue()), |failure| Err(failure.into()))
}

#[cfg(test)]
pub(crate) mod testing;

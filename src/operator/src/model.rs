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
use kube::runtime::controller::Action;

use self::observe::Learning;
pub(crate) use self::rest::Resting;
use crate::context::Context;
use crate::error::Error;
use crate::lean::Lean;
use crate::report;
use crate::serving::Replica;
use crate::status::{fresh, write};

/// A model at rest is not looked at as a whole: see [`rest`]. Otherwise:
///
/// 1. observe (client): workloads, replicas with their adapters, children, what was learned.
/// 2. decide (pure): workloads to apply, adapters to load, the champion, the next step of each turn, the status.
/// 3. act (client): the only writer; what is refused goes into the status.
/// 4. status (client): compare and swap, so that two operators can never name two champions.
pub(crate) async fn reconcile(object: Arc<Lean<GenesisModel>>, ctx: Arc<Context>) -> Result<Action, Error> {
    let model = match &object.0 {
        Ok(model) => model,
        Err(invalid) => return Ok(report::invalid(&ctx, &*object, invalid).await),
    };
    if rest::goes_on(&ctx, model).await {
        return Ok(Action::requeue(ctx.settings.poll));
    }
    ctx.resting.begin(model);
    let looked = Box::pin(look(&ctx, model)).await;
    let found = looked.as_ref().ok().and_then(|looked| looked.nothing_to_do.clone());
    ctx.resting.end(model, found);
    looked.map(|looked| looked.action)
}

/// What a whole look came to.
struct Looked {
    action: Action,
    /// What was answered, where there was nothing to do and nothing to write down.
    nothing_to_do: Option<(Vec<Replica>, Learning)>,
}

async fn look(ctx: &Context, model: &GenesisModel) -> Result<Looked, Error> {
    // What a deleted model owns is collected with it.
    let Some(model) = fresh(ctx, model).await? else {
        return Ok(Looked { action: Action::await_change(), nothing_to_do: None });
    };
    let observed = observe::observe(ctx, &model).await?;
    let plan = decide::decide(&observed, ctx.now());
    let acted = act::act(ctx, &observed, &plan).await;
    let mut next = plan.status.clone();
    status::note_failures(&mut next, &model, &acted, ctx.now());
    let rests = rest::is_rest(&model, &plan, &next);
    write(ctx, &model, next).await?;
    report::notices(ctx, &model, &plan.notices).await;
    report::notices(ctx, &model, &acted.notices).await;
    if let Some(failure) = acted.failures.into_iter().next() {
        return Err(failure.into());
    }
    let nothing_to_do = rests.then_some((observed.replicas, observed.learning));
    Ok(Looked { action: plan.requeue(), nothing_to_do })
}

#[cfg(test)]
pub(crate) mod testing;

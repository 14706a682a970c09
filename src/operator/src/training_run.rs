//! TrainingRun: one Job, one adapter.

mod act;
pub(crate) mod decide;
pub(crate) mod event;
mod job;
pub(crate) mod observe;

use std::sync::Arc;

use genesis_api::{TrainingRun, TrainingRunStatus};
use kube::runtime::controller::Action;

use self::act::Freeze;
pub(crate) use self::job::passed_through;
use crate::context::Context;
use crate::error::Error;
use crate::lean::Lean;
use crate::lifecycle;
use crate::report;
use crate::status::{fresh, write, write_refusal};

/// 1. observe (client): the Job, and whether the adapter in the store is the one that was told of.
/// 2. decide (pure): freeze a dataset, create, hold or delete the Job, the status.
/// 3. act (client): the only writer; the gateway's answer goes into the status.
/// 4. status (client): compare and swap. The trainer's events are written by the internal server, the same way.
pub(crate) async fn reconcile(object: Arc<Lean<TrainingRun>>, ctx: Arc<Context>) -> Result<Action, Error> {
    let run = match &object.0 {
        Ok(run) => run,
        Err(invalid) => return Ok(report::invalid(&ctx, &*object, invalid).await),
    };
    // What has ended stays so, and is not read again: after a start there are thousands.
    if let Some(status) = run.status.as_ref().filter(|status| status.phase.is_finished()) {
        let (model, ttl) = (&run.spec.model_ref.name, run.spec.ttl_seconds_after_finished);
        return lifecycle::collect(&ctx, run, model, status.completion_time, ttl).await;
    }
    let Some(run) = fresh(&ctx, run).await? else { return Ok(Action::await_change()) };
    if run.is_finished() {
        // The event that tells of it is on its way.
        return Ok(Action::await_change());
    }
    let observed = observe::observe(&ctx, &run).await?;
    let mut plan = decide::decide(&observed, ctx.now());
    match act::act(&ctx, &observed, &plan.actions).await {
        Ok(Freeze::NotAsked) => {}
        Ok(Freeze::Done(dataset)) => plan.status.dataset = Some(dataset),
        Ok(Freeze::Failed(why)) => decide::freeze_failed(&mut plan.status, &run, &why, ctx.now()),
        Err(error) => {
            // Its time runs, whatever is refused.
            let before = run.status.clone().unwrap_or_default();
            let status = TrainingRunStatus { start_time: plan.status.start_time, ..before };
            return Err(write_refusal(&ctx, &run, status, error).await?);
        }
    }
    write(&ctx, &run, plan.status.clone()).await?;
    report::notices(&ctx, &run, &plan.notices).await;
    Ok(plan.requeue())
}

#[cfg(test)]
pub(crate) fn job_name(run: &TrainingRun) -> String {
    genesis_api::names::training_job_name(&kube::ResourceExt::name_any(run))
}

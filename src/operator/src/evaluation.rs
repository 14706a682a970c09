//! Evaluation: one verdict on one candidate.

mod act;
mod conclude;
pub(crate) mod decide;
pub(crate) mod event;
mod job;
pub(crate) mod observe;
#[cfg(test)]
pub(crate) mod testing;

use std::sync::Arc;
use std::time::Instant;

use genesis_api::{Evaluation, EvaluationStatus};
use kube::runtime::controller::Action;

use crate::context::Context;
use crate::error::Error;
use crate::lean::Lean;
use crate::lifecycle;
use crate::report;
use crate::status::{fresh, write, write_refusal};

/// 1. observe (client): serving and sandbox pods, how both adapters stand on each, the Job of the present attempt.
/// 2. decide (pure): load adapters, create or delete the Job, the status.
/// 3. act (client): the only writer.
/// 4. status (client): compare and swap. The evaluator's events are written by the internal server, the same way.
pub(crate) async fn reconcile(object: Arc<Lean<Evaluation>>, ctx: Arc<Context>) -> Result<Action, Error> {
    let evaluation = match &object.0 {
        Ok(evaluation) => evaluation,
        Err(invalid) => return Ok(report::invalid(&ctx, &*object, invalid).await),
    };
    // What has ended stays so, and is not read again: after a start there are thousands.
    if let Some(status) = evaluation.status.as_ref().filter(|status| status.phase.is_finished()) {
        let (model, ttl) = (&evaluation.spec.model_ref.name, evaluation.spec.ttl_seconds_after_finished);
        return lifecycle::collect(&ctx, evaluation, model, status.completion_time, ttl).await;
    }
    let begun = Instant::now();
    let Some(evaluation) = fresh(&ctx, evaluation).await? else { return Ok(Action::await_change()) };
    if evaluation.is_finished() {
        // The event that tells of it is on its way.
        return Ok(Action::await_change());
    }
    let observed = observe::observe(&ctx, &evaluation).await?;
    let plan = decide::decide(&observed, ctx.now());
    if let Err(error) = act::act(&ctx, &observed, &plan.actions).await {
        // Its time runs, whatever is refused.
        let before = evaluation.status.clone().unwrap_or_default();
        let status = EvaluationStatus { start_time: plan.status.start_time, ..before };
        return Err(write_refusal(&ctx, &evaluation, status, error).await?);
    }
    write(&ctx, &evaluation, plan.status.clone()).await?;
    report::notices(&ctx, &evaluation, &plan.notices).await;
    Ok(plan.requeue_after(begun.elapsed(), ctx.settings.poll))
}

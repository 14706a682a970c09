//! What the ledger is told of a turn: where an adapter came from, how it was judged, when it became champion.
//!
//! Each is told before the status says the same, and told again until the gateway has kept it: a repeat changes nothing.

use genesis_api::rollout::CompletionStatus;
use genesis_api::{
    AdapterReference, Evaluation, EvaluationStatus, GenesisModel, Rollout, TrainingRun, TrainingRunStatus,
};
use genesis_core::AdapterRef;
use genesis_core::wire::{AdapterRecord, ArtifactRef, ChampionChange, EvaluationRecord, PromotionRecord};
use kube::ResourceExt;

use crate::context::Context;
use crate::error::{ActError, asking_gateway};

/// One thing to be kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Record {
    /// A training has ended with an adapter.
    Adapter(AdapterRecord),
    /// An evaluation has ended with a verdict.
    Evaluation(EvaluationRecord),
    /// The champion has changed, or was kept after a roll-back.
    Promotion(PromotionRecord),
}

/// Has the gateway keep it. Without a gateway there is no ledger.
pub(crate) async fn keep(ctx: &Context, namespace: &str, model: &str, record: &Record) -> Result<(), ActError> {
    let Some(gateway) = &ctx.gateway else { return Ok(()) };
    gateway.record(namespace, model, record).await.map_err(asking_gateway("recording what the turn came to"))
}

/// The adapter of a run that is complete.
pub(crate) fn of_run(run: &TrainingRun, status: &TrainingRunStatus) -> Option<Record> {
    let trained = status.adapter.as_ref()?;
    Some(Record::Adapter(AdapterRecord {
        adapter: trained.adapter.clone().into(),
        training_run: run.name_any(),
        dataset: status.dataset.as_ref().map(|dataset| dataset.digest.clone()),
    }))
}

/// The verdict of an evaluation that has one.
pub(crate) fn of_evaluation(evaluation: &Evaluation, status: &EvaluationStatus) -> Option<Record> {
    let (verdict, report) = (status.verdict?, status.report.as_ref()?);
    Some(Record::Evaluation(EvaluationRecord {
        name: evaluation.name_any(),
        uid: evaluation.uid().unwrap_or_default(),
        candidate: evaluation.spec.candidate.clone().into(),
        champion: evaluation.spec.baseline.clone().map(AdapterRef::from),
        verdict,
        report: ArtifactRef { uri: report.uri.clone(), digest: report.digest.clone() },
    }))
}

/// The end of a rollout that changed who is champion, or was taken back.
pub(crate) fn of_rollout(rollout: &Rollout, model: &GenesisModel, end: CompletionStatus) -> Option<Record> {
    let candidate = AdapterRef::from(rollout.spec.candidate.clone());
    let status = model.status.as_ref();
    let current = status.and_then(|status| status.current_adapter.as_ref()).map(|it| it.adapter.clone().into());
    let before = status.and_then(|status| status.previous_adapter.as_ref()).map(|it| it.adapter.clone().into());
    let (change, adapter, previous) = match end {
        CompletionStatus::Promoted => (ChampionChange::Promoted, Some(candidate), before),
        CompletionStatus::RolledBack => (ChampionChange::RolledBack, current, Some(candidate)),
        CompletionStatus::Aborted | CompletionStatus::Superseded => return None,
    };
    let (name, uid) = (rollout.name_any(), rollout.uid().unwrap_or_default());
    Some(Record::Promotion(PromotionRecord { name, uid, change, adapter, previous }))
}

/// A pin that has become champion. Each generation of the model can pin anew.
pub(crate) fn of_pin(model: &GenesisModel, pinned: &AdapterReference, previous: Option<&AdapterReference>) -> Record {
    Record::Promotion(PromotionRecord {
        name: format!("{}@{}", model.name_any(), model.metadata.generation.unwrap_or(0)),
        uid: model.uid().unwrap_or_default(),
        change: ChampionChange::Pinned,
        adapter: Some(pinned.clone().into()),
        previous: previous.cloned().map(AdapterRef::from),
    })
}

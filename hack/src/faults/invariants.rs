//! What must hold at every moment of a run, whatever the fault.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Result;
use genesis_api::rollout::CompletionStatus;
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use genesis_core::Digest;
use genesis_core::promotion::Verdict;
use kube::api::ListParams;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;

use super::stage::Stage;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(15);

/// Looks again and again until something is broken; what is.
pub(super) async fn watch(stage: &Stage) -> String {
    let mut memory = Memory::default();
    loop {
        match look(stage, &mut memory).await {
            Ok(Ok(())) => {}
            Ok(Err(broken)) => return broken,
            Err(error) => return format!("the state cannot be read: {error:#}"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// What was seen before.
#[derive(Default)]
struct Memory {
    champion: Option<Digest>,
    ended: BTreeMap<String, String>,
}

async fn look(stage: &Stage, memory: &mut Memory) -> Result<Result<(), String>> {
    let all = ListParams::default();
    let client = || stage.client.clone();
    // The model first: what it names must be there in a later look at the others.
    let model = Api::<GenesisModel>::namespaced(client(), "default").get("coder").await?;
    let rollouts = Api::<Rollout>::namespaced(client(), "default").list(&all).await?.items;
    let evaluations = Api::<Evaluation>::namespaced(client(), "default").list(&all).await?.items;
    let runs = Api::<TrainingRun>::namespaced(client(), "default").list(&all).await?.items;
    Ok(one_turn(&runs, &evaluations, &rollouts)
        .and_then(|()| only_proved_and_passed_go_live(stage, &rollouts, &evaluations))
        .and_then(|()| memory.a_champion_has_earned_it(&model, &rollouts))
        .and_then(|()| memory.what_has_ended_stays("TrainingRun", &runs, |run| run.is_finished(), |run| &run.status))
        .and_then(|()| {
            memory.what_has_ended_stays("Evaluation", &evaluations, |found| found.is_finished(), |found| &found.status)
        })
        .and_then(|()| {
            memory.what_has_ended_stays("Rollout", &rollouts, |found| found.is_finished(), |found| &found.status)
        }))
}

/// So much is learned that one turn begins, and no second one.
fn one_turn(runs: &[TrainingRun], evaluations: &[Evaluation], rollouts: &[Rollout]) -> Result<(), String> {
    let counts = (runs.len(), evaluations.len(), rollouts.len());
    if counts.0 > 1 || counts.1 > 1 || counts.2 > 1 {
        return Err(format!("more than one turn: {counts:?} TrainingRuns, Evaluations, Rollouts"));
    }
    Ok(())
}

/// Traffic goes to a candidate that passed, and that is served.
fn only_proved_and_passed_go_live(
    stage: &Stage,
    rollouts: &[Rollout],
    evaluations: &[Evaluation],
) -> Result<(), String> {
    for rollout in rollouts {
        let verdict = evaluations.first().and_then(|evaluation| evaluation.status.as_ref()?.verdict);
        if verdict != Some(Verdict::Pass) {
            return Err(format!("{} goes live with the verdict {verdict:?}", rollout.name_any()));
        }
        let candidate = &rollout.spec.candidate;
        if rollout.canary_weight() > 0 && !stage.inference.has(&candidate.served_name("coder"), &candidate.digest) {
            return Err(format!("{} sends traffic to a candidate that is not loaded", rollout.name_any()));
        }
        let weights = rollout.status.as_ref().map(|status| status.weights).unwrap_or_default();
        if weights.canary + weights.stable != 100 && rollout.status.is_some() {
            return Err(format!("{}: the weights are {weights:?}", rollout.name_any()));
        }
    }
    Ok(())
}

impl Memory {
    fn a_champion_has_earned_it(&mut self, model: &GenesisModel, rollouts: &[Rollout]) -> Result<(), String> {
        let status = model.status.as_ref();
        let champion = status.and_then(|status| status.current_adapter.as_ref()).map(|it| it.adapter.digest.clone());
        if champion == self.champion {
            return Ok(());
        }
        let Some(digest) = champion else { return Err("the champion is gone".to_owned()) };
        let earned = rollouts.iter().any(|rollout| {
            let status = rollout.status.as_ref();
            rollout.spec.candidate.digest == digest
                && status.and_then(|status| status.ending_as) == Some(CompletionStatus::Promoted)
        });
        if !earned {
            return Err(format!("{} became champion without a Rollout", digest.short()));
        }
        self.champion = Some(digest);
        Ok(())
    }

    /// The status of an object that has ended does not change any more.
    fn what_has_ended_stays<K: Resource<DynamicType = ()>, S: Serialize>(
        &mut self,
        kind: &str,
        objects: &[K],
        ended: impl Fn(&K) -> bool,
        status: impl Fn(&K) -> &S,
    ) -> Result<(), String> {
        for object in objects.iter().filter(|object| ended(object)) {
            let now = serde_json::to_string(status(object)).map_err(|error| error.to_string())?;
            let before = self.ended.entry(format!("{kind} {}", object.name_any())).or_insert_with(|| now.clone());
            if *before != now {
                return Err(format!("{kind} {} has ended, and changed:\n{before}\n{now}", object.name_any()));
            }
        }
        Ok(())
    }
}

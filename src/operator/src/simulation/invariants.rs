//! What must hold whatever happens.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use genesis_api::rollout::CompletionStatus;
use genesis_core::Digest;
use genesis_core::promotion::Verdict;
use kube::ResourceExt;

use super::look::Decided;
use super::world::World;
use crate::apply::is_owned_by;
use crate::model::decide::ModelAction;
use crate::serving::{Standing, standing};

/// Remembers what was seen, to tell what has changed.
#[derive(Default)]
pub(super) struct Invariants {
    /// Decided, and not carried out yet.
    pub(super) pending: VecDeque<Decided>,
    champion: Option<Digest>,
    ended: BTreeMap<String, String>,
    broken: Option<String>,
}

impl Invariants {
    /// What must hold for a decision, at the moment at which it is taken.
    pub(super) fn decided(&mut self, world: &World, decided: &Decided) {
        let broken = match decided {
            Decided::Model(plan, _) => plan.actions.iter().find_map(|action| wrong_creation(world, action)),
            Decided::Rollout(name, plan, _) => {
                let weights = plan.status.weights;
                let observed = world.rollout_observed(name);
                let proved = observed.is_some_and(|observed| {
                    let served = observed.rollout.spec.candidate.served_name("coder");
                    standing(&observed.replicas, &served) == Standing::ProvedOnAll
                });
                // The weights of a rollout that has ended are a record, and route nothing.
                let routes = plan.status.completion_status.is_none();
                if weights.canary + weights.stable != 100 {
                    Some(format!("{name}: weights {weights:?}"))
                } else if weights.canary > 0 && !proved && routes {
                    Some(format!("{name}: {} % to a candidate that is not proved", weights.canary))
                } else {
                    None
                }
            }
            Decided::Run(..) | Decided::Evaluation(..) => None,
        };
        self.broken = self.broken.take().or(broken);
    }

    /// What must hold at any moment.
    pub(super) fn check(&mut self, world: &World) -> Result<(), String> {
        if let Some(broken) = self.broken.take() {
            return Err(broken);
        }
        one_canary(world)?;
        passed_or_a_persons(world)?;
        unlearned_before_the_end(world)?;
        failures_are_bounded(world)?;
        self.a_champion_has_earned_it(world)?;
        self.what_has_ended_stays(world)
    }

    /// A new champion is pinned, or comes from a Rollout that finished its steps.
    fn a_champion_has_earned_it(&mut self, world: &World) -> Result<(), String> {
        let champion = world.champion().map(|champion| champion.adapter.digest.clone());
        if champion == self.champion {
            return Ok(());
        }
        self.champion.clone_from(&champion);
        let Some(digest) = champion else { return Err("the champion is gone".to_owned()) };
        let pinned = world.model.spec.pinned_adapter.as_ref().is_some_and(|pinned| pinned.digest == digest);
        let earned = world.rollouts.iter().any(|rollout| {
            let status = rollout.status.as_ref();
            rollout.spec.candidate.digest == digest
                && status.and_then(|status| status.ending_as) == Some(CompletionStatus::Promoted)
        });
        if pinned || earned { Ok(()) } else { Err(format!("{} became champion without a Rollout", digest.short())) }
    }

    /// The status of an object that has ended does not change any more.
    fn what_has_ended_stays(&mut self, world: &World) -> Result<(), String> {
        let runs =
            world.runs.iter().filter(|run| run.is_finished()).map(|run| (run.uid(), format!("{:?}", run.status)));
        let evaluations = world
            .evaluations
            .iter()
            .filter(|found| found.is_finished())
            .map(|found| (found.uid(), format!("{:?}", found.status)));
        let rollouts = world
            .rollouts
            .iter()
            .filter(|found| found.is_finished())
            .map(|found| (found.uid(), format!("{:?}", found.status)));
        for (uid, status) in runs.chain(evaluations).chain(rollouts) {
            let uid = uid.unwrap_or_default();
            let before = self.ended.entry(uid.clone()).or_insert_with(|| status.clone());
            if *before != status {
                return Err(format!("{uid} has ended, and changed:\n{before}\n{status}"));
            }
        }
        Ok(())
    }
}

/// A suspended or pinned loop begins nothing; a turn that has ended does not begin again.
fn wrong_creation(world: &World, action: &ModelAction) -> Option<String> {
    let (name, labels) = match action {
        ModelAction::CreateRun(run) => (run.name_any(), run.labels().clone()),
        ModelAction::CreateEvaluation(evaluation) => (evaluation.name_any(), evaluation.labels().clone()),
        ModelAction::CreateRollout(rollout) => (rollout.name_any(), rollout.labels().clone()),
        _ => return None,
    };
    if world.model.spec.suspend || world.model.spec.pinned_adapter.is_some() {
        return Some(format!("{name} is created while the loop is held"));
    }
    let revision: i64 = labels.get(genesis_api::names::REVISION_LABEL)?.parse().ok()?;
    let over =
        world.model.status.as_ref().is_some_and(|status| status.history.iter().any(|entry| entry.revision == revision));
    over.then(|| format!("{name} is created for a turn that has ended"))
}

/// Never two candidates with traffic.
fn one_canary(world: &World) -> Result<(), String> {
    let taking: BTreeSet<String> =
        world.rollouts.iter().filter(|rollout| rollout.canary_weight() > 0).map(ResourceExt::name_any).collect();
    if taking.len() > 1 { Err(format!("several candidates take traffic: {taking:?}")) } else { Ok(()) }
}

/// A Rollout of the loop's own exists only for a candidate that passed.
fn passed_or_a_persons(world: &World) -> Result<(), String> {
    let uid = world.model.metadata.uid.as_deref();
    for rollout in world.rollouts.iter().filter(|rollout| is_owned_by(*rollout, uid)) {
        let name = rollout.spec.evaluation_ref.as_ref().map(|named| named.name.clone()).unwrap_or_default();
        // An Evaluation that was deleted with its turn has been looked at before.
        let Some(evaluation) = world.evaluations.iter().find(|evaluation| evaluation.name_any() == name) else {
            continue;
        };
        let verdict = evaluation.status.as_ref().and_then(|status| status.verdict);
        if verdict != Some(Verdict::Pass) || evaluation.spec.candidate != rollout.spec.candidate {
            return Err(format!("{} goes live with the verdict {verdict:?}", rollout.name_any()));
        }
    }
    Ok(())
}

/// Nothing is tried more often than its limit allows.
fn failures_are_bounded(world: &World) -> Result<(), String> {
    let runs = world.runs.iter().filter_map(|run| {
        let counted = run.status.as_ref()?.attempts_count_towards_limit;
        (counted > run.spec.backoff_limit + 1).then(|| format!("{} failed {counted} times", run.name_any()))
    });
    let evaluations = world.evaluations.iter().filter_map(|evaluation| {
        let counted = evaluation.status.as_ref()?.failed_attempts;
        let name = evaluation.name_any();
        (counted > evaluation.spec.backoff_limit + 1).then(|| format!("{name} failed {counted} times"))
    });
    runs.chain(evaluations).next().map_or(Ok(()), Err)
}

/// Once the world comes to rest, a Rollout whose end is decided gets there.
pub(super) fn decided_ends_come(world: &World) -> Result<(), String> {
    let waiting = world.rollouts.iter().find(|rollout| {
        !rollout.is_finished() && rollout.status.as_ref().is_some_and(|status| status.ending_as.is_some())
    });
    waiting.map_or(Ok(()), |rollout| Err(format!("{} does not end: {:?}", rollout.name_any(), rollout.status)))
}

/// What was learned from a candidate that hurt is taken back before its Rollout ends.
fn unlearned_before_the_end(world: &World) -> Result<(), String> {
    for rollout in &world.rollouts {
        let Some(status) = &rollout.status else { continue };
        let harmful = matches!(status.ending_reason.as_deref(), Some("Harm" | "ProofFailed"));
        let rolled_back = status.completion_status == Some(CompletionStatus::RolledBack);
        let hurt = harmful && rolled_back && status.start_time.is_some();
        if hurt && !world.reverted.contains(&rollout.spec.candidate.digest) {
            return Err(format!("{} ended before its learnings were taken back", rollout.name_any()));
        }
    }
    Ok(())
}

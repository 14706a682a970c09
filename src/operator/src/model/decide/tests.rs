use genesis_api::conditions::{ConditionType, Conditions, ModelReason, find};
use genesis_api::genesis_model::PromotionPolicy;
use genesis_api::names::{APPROVED_ANNOTATION, IMPROVE_ANNOTATION};
use genesis_api::{Evaluation, GenesisModel};
use genesis_core::wire::ChampionChange;
use kube::ResourceExt;
use serde_json::json;

use super::*;
use crate::config::Settings;
use crate::model::observe::Learning;
use crate::model::testing::{adapter, at, model, observed, settings};
use crate::serving::AdapterState;

fn loop_reason(plan: &ModelPlan) -> String {
    find(&plan.status.conditions, ConditionType::LoopActive)
        .map(|condition| condition.reason.clone())
        .unwrap_or_default()
}

fn created_run(plan: &ModelPlan) -> Option<&TrainingRun> {
    plan.actions.iter().find_map(|action| match action {
        ModelAction::CreateRun(run) => Some(&**run),
        _ => None,
    })
}

#[test]
fn workloads_are_applied_once_and_again_when_someone_changes_them() {
    let first = decide(&observed(model(), 0), at(0));
    assert_eq!(first.actions.len(), 3, "two Deployments and a Service");
    let mut seen = observed(model(), 0);
    for action in first.actions {
        match action {
            ModelAction::ApplyDeployment(found) if found.name_any() == "coder-serving" => seen.serving = Some(*found),
            ModelAction::ApplyDeployment(found) => seen.sandbox = Some(*found),
            ModelAction::ApplyService(found) => seen.service = Some(*found),
            other => panic!("{other:?}"),
        }
    }
    assert!(decide(&seen, at(1)).actions.is_empty());
    seen.serving.as_mut().unwrap().spec.as_mut().unwrap().replicas = Some(5);
    assert!(matches!(decide(&seen, at(2)).actions.as_slice(), [ModelAction::ApplyDeployment(_)]));
}

#[test]
fn what_is_no_longer_asked_for_is_taken_out_of_the_workload() {
    let mut narrow = model();
    narrow.spec.serving.pod.node_selector.insert("gpu".into(), "true".into());
    let mut seen = observed(narrow, 0);
    for action in decide(&seen, at(0)).actions {
        match action {
            ModelAction::ApplyDeployment(found) if found.name_any() == "coder-serving" => seen.serving = Some(*found),
            ModelAction::ApplyDeployment(found) => seen.sandbox = Some(*found),
            ModelAction::ApplyService(found) => seen.service = Some(*found),
            other => panic!("{other:?}"),
        }
    }
    assert!(decide(&seen, at(1)).actions.is_empty());
    seen.model.spec.serving.pod.node_selector.clear();
    let plan = decide(&seen, at(2));
    let [ModelAction::ApplyDeployment(applied)] = plan.actions.as_slice() else { panic!("{:?}", plan.actions) };
    assert_eq!(applied.spec.as_ref().unwrap().template.spec.as_ref().unwrap().node_selector, None);
}

#[test]
fn a_trigger_begins_a_turn_with_a_name_of_its_number() {
    let below = decide(&observed(model(), 99), at(0));
    assert_eq!((created_run(&below), loop_reason(&below).as_str()), (None, "Idle"));
    let reached = decide(&observed(model(), 100), at(0));
    let run = created_run(&reached).unwrap();
    assert_eq!(run.name_any(), "coder-r1");
    assert!(run.spec.trigger.as_deref().unwrap().starts_with("LearningThreshold: 100 of 100 new learnings"));
    assert_eq!((reached.status.revision, loop_reason(&reached).as_str()), (1, "Training"));

    // A person's object has the name: the next number is taken, and the person's object is left alone.
    let mut taken = observed(model(), 100);
    let mut foreign = TrainingRun::new("coder-r1", run.spec.clone());
    foreign.metadata.namespace = Some("ns".into());
    taken.runs = vec![foreign];
    assert_eq!(created_run(&decide(&taken, at(0))).map(ResourceExt::name_any), Some("coder-r2".into()));
}

#[test]
fn a_loop_that_is_held_or_cannot_ask_begins_nothing() {
    let mut suspended = model();
    suspended.spec.suspend = true;
    let mut pinned = model();
    pinned.spec.pinned_adapter = Some(adapter(1));
    let cases = vec![
        (observed(suspended, 1_000), "Suspended"),
        (observed(pinned, 1_000), "Pinned"),
        (Observed { learning: Learning::NoGateway, ..observed(model(), 0) }, "NoGateway"),
        (Observed { learning: Learning::Unreachable("refused".into()), ..observed(model(), 0) }, "GatewayUnreachable"),
    ];
    for (observed, expected) in cases {
        let plan = decide(&observed, at(0));
        assert_eq!((created_run(&plan), loop_reason(&plan).as_str()), (None, expected));
        assert_eq!(
            find(&plan.status.conditions, ConditionType::Ready).unwrap().status,
            "True",
            "{expected}: serving goes on"
        );
    }
}

#[test]
fn a_pin_that_takes_all_traffic_is_told_until_it_is_kept() {
    let mut pinned = model();
    pinned.spec.pinned_adapter = Some(adapter(1));
    pinned.status.get_or_insert_default();
    let mut seen = observed(pinned, 0);
    let told = |seen: &Observed| {
        let kept = decide(seen, at(0)).actions.into_iter().find_map(|action| match action {
            ModelAction::Record(Record::Promotion(kept)) => Some(kept),
            _ => None,
        });
        kept.map(|kept| (kept.change, kept.adapter.map(|adapter| adapter.digest)))
    };
    assert_eq!(told(&seen), None, "it is not proved yet");
    for replica in &mut seen.replicas {
        replica.wanted.insert(adapter(1).served_name("coder"), AdapterState::Proved);
    }
    let expected = Some((ChampionChange::Pinned, Some(adapter(1).digest)));
    assert_eq!(told(&seen), expected);
    let status = decide(&seen, at(0)).status;
    seen.model.status = Some(status);
    assert_eq!(told(&seen), None, "once");
    let conditions = &mut seen.model.status.as_mut().unwrap().conditions;
    Conditions::edit(conditions, None, at(1)).set(ConditionType::Stalled, true, ModelReason::ActFailed, "refused");
    assert_eq!(told(&seen), expected, "and again while some write was refused");
}

#[test]
fn a_request_is_served_once() {
    let mut asked = model();
    asked.annotations_mut().insert(IMPROVE_ANNOTATION.into(), "1".into());
    let plan = decide(&observed(asked.clone(), 3), at(0));
    assert!(created_run(&plan).unwrap().spec.trigger.as_deref().unwrap().starts_with("requested"));
    asked.status = Some(plan.status);
    assert_eq!(created_run(&decide(&observed(asked, 3), at(1))), None, "its number was given out");
    let mut nothing = model();
    nothing.annotations_mut().insert(IMPROVE_ANNOTATION.into(), "1".into());
    assert_eq!(loop_reason(&decide(&observed(nothing, 0), at(0))), "TooFewVerifiedRows");
}

/// A model whose first turn has an Evaluation with this verdict.
fn judged(model: GenesisModel, verdict: &str, approved: bool) -> Observed {
    let mut observed = observed(model, 0);
    let mut evaluation: Evaluation = crate::model::children::evaluation(&observed.model, 1, None, &adapter(1));
    evaluation.status =
        Some(serde_json::from_value(json!({ "phase": "Complete", "verdict": verdict, "conditions": [] })).unwrap());
    if approved {
        evaluation.annotations_mut().insert(APPROVED_ANNOTATION.into(), "true".into());
    }
    observed.evaluations = vec![evaluation];
    observed
}

#[test]
fn only_a_pass_goes_live_and_with_manual_policy_only_after_a_person_agreed() {
    let goes_live = |observed: &Observed| {
        decide(observed, at(0)).actions.iter().any(|action| matches!(action, ModelAction::CreateRollout(_)))
    };
    assert!(goes_live(&judged(model(), "Pass", false)));
    assert!(!goes_live(&judged(model(), "Fail", true)) && !goes_live(&judged(model(), "Inconclusive", true)));
    let mut manual = model();
    manual.spec.promotion_policy = PromotionPolicy::Manual;
    assert!(!goes_live(&judged(manual.clone(), "Pass", false)));
    assert_eq!(loop_reason(&decide(&judged(manual.clone(), "Pass", false), at(0))), "AwaitingApproval");
    assert!(goes_live(&judged(manual, "Pass", true)));
}

#[test]
fn a_verdict_against_a_former_champion_counts_for_nothing() {
    let mut observed = judged(model(), "Pass", false);
    let current = serde_json::json!({ "name": "coder-x", "uri": adapter(9).uri, "digest": adapter(9).digest });
    observed.model.status.get_or_insert_default().current_adapter = Some(serde_json::from_value(current).unwrap());
    let plan = decide(&observed, at(0));
    assert!(plan.actions.iter().all(|action| !matches!(action, ModelAction::CreateRollout(_))));
    assert_eq!(plan.status.history[0].outcome.to_string(), "Withdrawn");
}

#[test]
fn the_champion_is_loaded_where_it_is_missing_and_a_persons_adapter_stays() {
    let mut served = model();
    let name = adapter(1).served_name("coder");
    let current = json!({ "name": name, "uri": adapter(1).uri, "digest": adapter(1).digest });
    served.status.get_or_insert_default().current_adapter = Some(serde_json::from_value(current).unwrap());
    let mut observed = observed(served, 0);
    let by_hand = adapter(5).served_name("coder");
    observed.replicas[0].loaded.insert(by_hand, Some(adapter(5).digest));
    observed.replicas[0].wanted.insert(name.clone(), AdapterState::Missing);
    let plan = decide(&observed, at(0));
    let changes: Vec<&AdapterChange> = plan
        .actions
        .iter()
        .filter_map(|action| match action {
            ModelAction::Adapter(change) => Some(change),
            _ => None,
        })
        .collect();
    assert!(matches!(changes.as_slice(), [AdapterChange::Load { name: loaded, .. }] if *loaded == name), "{changes:?}");
    assert_eq!(find(&plan.status.conditions, ConditionType::AdapterLoaded).unwrap().reason, "PartiallyLoaded");
    assert_eq!((plan.status.ready_replicas, plan.status.updated_replicas), (1, 0));
}

#[test]
fn the_workloads_of_a_model() {
    let mut full = model();
    full.spec.storage.claim_name = Some("artifacts".into());
    full.spec.sandbox.pod.runtime_class_name = Some("gvisor".into());
    let settings = settings();
    insta::assert_yaml_snapshot!("serving_deployment", workloads::serving(&full, &settings));
    insta::assert_yaml_snapshot!("serving_service", workloads::service(&full));
    insta::assert_yaml_snapshot!("sandbox_deployment", workloads::sandbox(&full, &settings));
}

#[test]
fn sandboxes_prove_gvisor_wherever_a_runtime_class_is_named() {
    let class_and_arguments = |model: &GenesisModel, settings: &Settings| {
        let pod = workloads::sandbox(model, settings).spec.unwrap().template.spec.unwrap();
        (pod.runtime_class_name.clone(), pod.containers[0].args.clone().unwrap_or_default().join(" "))
    };
    let (mut own, mut told) = (model(), (*settings()).clone());
    let (class, arguments) = class_and_arguments(&own, &told);
    assert_eq!((class, arguments.contains("--require")), (None, false));
    told.sandbox_runtime_class = Some("gvisor".into());
    let (class, arguments) = class_and_arguments(&own, &told);
    assert_eq!((class.as_deref(), arguments.ends_with("--require gvisor")), (Some("gvisor"), true));
    own.spec.sandbox.pod.runtime_class_name = Some("runsc-kvm".into());
    let (class, arguments) = class_and_arguments(&own, &told);
    assert_eq!((class.as_deref(), arguments.ends_with("--require gvisor")), (Some("runsc-kvm"), true));
    let serving = workloads::serving(&own, &told).spec.unwrap().template.spec.unwrap();
    assert_eq!(serving.runtime_class_name, None);
}

#[test]
fn a_server_with_a_gpu_gives_it_back_before_the_next_one_asks_for_it() {
    let surge = |model: &GenesisModel| {
        let strategy = workloads::serving(model, &settings()).spec.unwrap().strategy;
        strategy.and_then(|strategy| strategy.rolling_update?.max_surge)
    };
    let mut with_gpu = model();
    assert_eq!(surge(&with_gpu), None);
    let limits = [("nvidia.com/gpu".to_owned(), "1".to_owned())].into();
    with_gpu.spec.serving.pod.resources = Some(genesis_api::Resources { limits, ..Default::default() });
    assert!(matches!(surge(&with_gpu), Some(k8s_openapi::apimachinery::pkg::util::intstr::IntOrString::Int(0))));
}

#[test]
fn the_children_of_a_turn() {
    let run = children::training_run(&model(), 3, "LearningThreshold: 100 of 100 new learnings");
    insta::assert_yaml_snapshot!("training_run", run);
    let evaluation = children::evaluation(&model(), 3, None, &adapter(1));
    insta::assert_yaml_snapshot!("rollout", children::rollout(&model(), 3, &evaluation));
    insta::assert_yaml_snapshot!("evaluation", evaluation);
}

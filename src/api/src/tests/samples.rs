//! The samples that a person begins with.

use std::path::Path;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::{minimal, problems};
use crate::{Evaluation, GenesisModel, Rollout, TrainingRun};

fn sample(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../manifests/samples").join(name);
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn read<K: DeserializeOwned>(object: Value) -> K {
    serde_json::from_value(object).unwrap()
}

#[test]
fn every_sample_is_valid() {
    for name in [
        "genesismodel-minimal.yaml",
        "genesismodel-full.yaml",
        "trainingrun.yaml",
        "evaluation.yaml",
        "rollout.yaml",
        "seedling.yaml",
    ] {
        assert_eq!(problems(&sample(name), None), Vec::<String>::new(), "{name}");
    }
}

#[test]
fn the_full_sample_shows_every_field_that_a_minimal_one_gets_by_default() {
    let full: GenesisModel = read(sample("genesismodel-full.yaml"));
    let written = sample("genesismodel-full.yaml");
    let read_back = serde_json::to_value(&full).unwrap();
    assert_eq!(written["spec"], read_back["spec"], "the sample leaves a field out or writes one that is not read");
}

#[test]
fn a_minimal_object_reads_with_the_defaults_of_the_brief() {
    let model: GenesisModel = read(minimal("GenesisModel"));
    let triggers = &model.spec.triggers;
    assert_eq!(
        (triggers.min_new_learnings, triggers.max_age_seconds, triggers.quality_floor_basis_points),
        (100, 604_800, 9_000)
    );
    assert_eq!(model.spec.evaluation_template.gate.min_improvement_basis_points, 100);
    assert_eq!(model.champion_name(), "coder");
    let run: TrainingRun = read(minimal("TrainingRun"));
    assert!(run.spec.dataset.uri.is_none() && !run.is_finished());
    let evaluation: Evaluation = read(minimal("Evaluation"));
    assert!(evaluation.spec.baseline.is_none() && !evaluation.is_finished());
    let rollout: Rollout = read(minimal("Rollout"));
    assert_eq!((rollout.canary_weight(), rollout.spec.steps.len()), (0, 3));
}

#[test]
fn defaults_in_the_schema_are_those_of_the_types() {
    let model: GenesisModel = read(minimal("GenesisModel"));
    let spec = serde_json::to_value(&model.spec).unwrap();
    let schema = super::schema("GenesisModel")["properties"]["spec"]["properties"].clone();
    for field in ["serving", "sandbox", "generation", "triggers", "trainingTemplate", "rolloutTemplate"] {
        assert_eq!(schema[field]["default"], spec[field], "{field}");
    }
}

//! Objects that must be taken, and objects that must be refused by name.

use serde_json::{Value, json};

use super::{digest, minimal, problems};

/// The object with the value at a JSON pointer replaced; `null` removes it.
fn with(mut object: Value, pointer: &str, value: Value) -> Value {
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    let mut at = &mut object;
    for part in parent.split('/').skip(1) {
        at = match at {
            Value::Array(items) => &mut items[part.parse::<usize>().unwrap()],
            other => &mut other[part],
        };
    }
    if value.is_null() {
        at.as_object_mut().unwrap().remove(field);
    } else {
        at[field] = value;
    }
    object
}

#[test]
fn the_least_that_is_needed_is_enough() {
    for kind in ["GenesisModel", "TrainingRun", "Evaluation", "Rollout"] {
        assert_eq!(problems(&minimal(kind), None), Vec::<String>::new(), "{kind}");
    }
}

#[test]
fn what_is_wrong_is_refused_with_its_path_or_reason() {
    let file_suite = json!([{ "name": "dev", "uri": "file:///suites/dev.json" }]);
    let falling = json!([{ "weight": 50 }, { "weight": 10 }, { "weight": 100 }]);
    let cases = [
        ("GenesisModel", "/spec/baseModel", json!(null), "spec.baseModel: is required"),
        ("GenesisModel", "/spec/evaluationTemplate", json!(null), "spec.evaluationTemplate: is required"),
        ("GenesisModel", "/spec/evaluationTemplate/suites", json!([]), "0 items is less than 1"),
        ("GenesisModel", "/spec/evaluationTemplate/suites", file_suite.clone(), "needs its digest"),
        ("GenesisModel", "/spec/surprise", json!(1), "spec.surprise: is unknown"),
        ("GenesisModel", "/spec/baseModel/uri", json!("http://example/model"), "does not match"),
        ("GenesisModel", "/spec/storage/uri", json!("/tmp"), "does not match"),
        (
            "GenesisModel",
            "/spec/serving",
            json!({ "resources": { "limits": { "nvidia.com/gpu": "one" } } }),
            "does not match",
        ),
        ("GenesisModel", "/spec/suspend", json!("yes"), "must be of type"),
        ("GenesisModel", "/spec/promotionPolicy", json!("Sometimes"), "is not one of"),
        ("GenesisModel", "/spec/triggers", json!({ "minNewLearnings": 0 }), "minNewLearnings: 0 is less than 1"),
        ("GenesisModel", "/spec/generation", json!({ "maxPatterns": 4 }), "maxPatterns: 4 is more than"),
        ("GenesisModel", "/spec/generation", json!({ "creativeTemperature": 0.8 }), "must be of type"),
        ("GenesisModel", "/spec/generation", json!({ "creativeTemperature": "warm" }), "does not match"),
        (
            "GenesisModel",
            "/spec/trainingTemplate",
            json!({ "lora": { "rank": 128 } }),
            "larger than serving.maxLoraRank",
        ),
        ("GenesisModel", "/spec/rolloutTemplate", json!({ "steps": falling.clone() }), "must not fall"),
        ("GenesisModel", "/spec/pinnedAdapter", json!({ "uri": "file:///a", "digest": "sha256:12" }), "does not match"),
        ("GenesisModel", "/metadata/name", json!("Coder"), "1 to 40 lower-case"),
        ("GenesisModel", "/metadata/name", json!("a".repeat(41)), "1 to 40 lower-case"),
        ("TrainingRun", "/spec/dataset", json!({ "uri": "file:///rows.jsonl" }), "go together"),
        ("TrainingRun", "/spec/dataset", json!({ "recipe": "Invented" }), "is not one of"),
        ("TrainingRun", "/spec/hyperparameters", json!({ "learningRate": "fast" }), "does not match"),
        ("TrainingRun", "/spec/seed", json!(-1), "-1 is less than 0"),
        ("Evaluation", "/spec/suites", file_suite, "needs its digest"),
        ("Evaluation", "/spec/gate", json!({ "confidencePercent": 100 }), "100 is more than"),
        ("Evaluation", "/spec/candidate", json!(null), "spec.candidate: is required"),
        ("Rollout", "/spec/steps", falling, "must not fall"),
        ("Rollout", "/spec/steps", json!([{ "weight": 50 }]), "the last one must be 100"),
        ("Rollout", "/spec/steps", json!([{ "weight": 0 }, { "weight": 100 }]), "0 is less than 1"),
        ("Rollout", "/spec/desiredOutcome", json!("Perhaps"), "is not one of"),
    ];
    for (kind, pointer, value, expected) in cases {
        let found = problems(&with(minimal(kind), pointer, value.clone()), None);
        assert!(found.iter().any(|problem| problem.contains(expected)), "{kind} {pointer}={value}: {found:?}");
    }
}

#[test]
fn a_file_suite_with_its_digest_is_taken() {
    let suite = json!([{ "name": "dev", "uri": "file:///suites/dev.json", "digest": digest('b') }]);
    assert!(problems(&with(minimal("Evaluation"), "/spec/suites", suite), None).is_empty());
}

#[test]
fn what_may_change_changes_and_the_rest_does_not() {
    let other = json!({ "uri": "file:///store/adapters/b", "digest": digest('b') });
    let cases = [
        ("GenesisModel", "/spec/suspend", json!(true), true),
        ("GenesisModel", "/spec/triggers", json!({ "minNewLearnings": 5 }), true),
        ("GenesisModel", "/spec/pinnedAdapter", other.clone(), true),
        ("GenesisModel", "/spec/servedModelName", json!("writer"), false),
        ("GenesisModel", "/spec/baseModel", json!({ "uri": "builtin://other" }), false),
        ("TrainingRun", "/spec/suspend", json!(true), true),
        ("TrainingRun", "/spec/seed", json!(8), false),
        ("TrainingRun", "/spec/lora", json!({ "rank": 4 }), false),
        ("TrainingRun", "/spec/dataset", json!({ "seed": 1 }), false),
        ("TrainingRun", "/spec/trigger", json!("later"), false),
        ("TrainingRun", "/spec/ttlSecondsAfterFinished", json!(5), false),
        ("Evaluation", "/spec/suspend", json!(true), true),
        ("Evaluation", "/spec/candidate", other.clone(), false),
        ("Evaluation", "/spec/baseline", other.clone(), false),
        ("Evaluation", "/spec/gate", json!({ "minTasks": 1 }), false),
        ("Rollout", "/spec/paused", json!(true), true),
        ("Rollout", "/spec/desiredOutcome", json!("Promote"), true),
        ("Rollout", "/spec/stable", other.clone(), false),
        ("Rollout", "/spec/candidate", other, false),
        ("Rollout", "/spec/steps", json!([{ "weight": 100 }]), false),
        ("Rollout", "/spec/evaluationRef", json!({ "name": "x" }), false),
    ];
    for (kind, pointer, value, allowed) in cases {
        let old = minimal(kind);
        let found = problems(&with(old.clone(), pointer, value.clone()), Some(&old));
        assert_eq!(found.is_empty(), allowed, "{kind} {pointer}={value}: {found:?}");
        assert!(allowed || found.iter().any(|problem| problem.contains("cannot be changed")), "{found:?}");
    }
}

#[test]
fn an_abort_cannot_be_taken_back() {
    let aborted = with(minimal("Rollout"), "/spec/desiredOutcome", json!("Abort"));
    let promoted = with(minimal("Rollout"), "/spec/desiredOutcome", json!("Promote"));
    assert!(problems(&aborted, Some(&promoted)).is_empty());
    assert!(problems(&promoted, Some(&aborted)).iter().any(|problem| problem.contains("cannot be taken back")));
}

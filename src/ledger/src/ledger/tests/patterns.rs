//! Versions, standings and relations.

use genesis_core::confidence::Exposure;
use genesis_core::execution::Outcome;
use genesis_core::learning::Relation;

use super::*;
use crate::types::pattern::{NewRelation, RelationRecord};

#[tokio::test]
async fn another_body_is_a_new_version_and_the_same_is_not() {
    let (_folder, ledger) = ledger().await;
    ledger.record_generation(generation("1", "a")).await.unwrap();
    ledger.record_generation(generation("2", "a")).await.unwrap();
    let same = ledger.pattern("acme", "pattern of a").await.unwrap().unwrap();
    assert_eq!((same.version, same.verified_tasks, same.standing.confidence), (1, 1, 0.5));
    let mut better = generation("3", "a");
    better.patterns[0].body = "better".into();
    let recorded = ledger.record_generation(better).await.unwrap();
    let changed = ledger.pattern("acme", "pattern of a").await.unwrap().unwrap();
    assert_eq!((changed.version, changed.body.as_str(), &changed.generation), (2, "better", &recorded.generation));
    assert!(changed.revision > same.revision);
    assert_eq!(changed.execution.as_deref(), Some("execution of right a"), "provenance down to the execution");
}

#[tokio::test]
async fn success_moves_confidence_and_both_arms_are_counted() {
    let (_folder, ledger) = ledger().await;
    ledger.record_generation(generation("first", "a")).await.unwrap();
    let mut new = plain("uses", "b");
    new.pattern_uses = vec![
        used("pattern of a", Exposure::Shown, Outcome::Pass),
        used("pattern of a", Exposure::Withheld, Outcome::Fail),
    ];
    ledger.record_generation(new).await.unwrap();
    let pattern = ledger.pattern("acme", "pattern of a").await.unwrap().unwrap();
    assert!((pattern.standing.confidence - 0.595).abs() < 1e-12, "0.5 + 0.95·0.1");
    assert_eq!((pattern.standing.shown_successes, pattern.standing.withheld_failures), (1.0, 1.0));
    assert_eq!((pattern.uses, pattern.successes, pattern.verified_tasks), (1, 1, 2));
}

#[tokio::test]
async fn the_most_trusted_come_first_and_relations_add_up() {
    let (_folder, ledger) = ledger().await;
    for task in ["a", "b", "c"] {
        ledger.record_generation(generation(task, task)).await.unwrap();
    }
    for (i, outcome) in [Outcome::Pass, Outcome::Pass, Outcome::Fail].into_iter().enumerate() {
        let mut new = plain(&format!("use {i}"), "d");
        let pattern = if outcome == Outcome::Pass { "pattern of b" } else { "pattern of a" };
        new.pattern_uses = vec![used(pattern, Exposure::Shown, outcome)];
        let (from, to) = ("pattern of a".to_owned(), "pattern of b".to_owned());
        new.relations = vec![NewRelation { from, to, kind: Relation::UsedTogether }];
        ledger.record_generation(new).await.unwrap();
    }
    let top: Vec<_> =
        ledger.top_patterns(&scope(), 10).await.unwrap().into_iter().map(|pattern| pattern.title).collect();
    assert_eq!(top, ["b", "c", "a"]);
    assert_eq!(ledger.top_patterns(&scope(), 1).await.unwrap().len(), 1);
    let relation = RelationRecord {
        from: "pattern of a".into(),
        to: "pattern of b".into(),
        kind: Relation::UsedTogether,
        observations: 3,
    };
    assert_eq!(ledger.relations_of("acme", "pattern of b").await.unwrap(), [relation]);
}

#[tokio::test]
async fn the_same_answer_to_another_task_verifies_the_pattern_on_it() {
    let (_folder, ledger) = ledger().await;
    ledger.record_generation(generation("1", "a")).await.unwrap();
    let mut again = generation("2", "a");
    again.task.as_mut().unwrap().id = "b".into();
    ledger.record_generation(again).await.unwrap();
    let pattern = ledger.pattern("acme", "pattern of a").await.unwrap().unwrap();
    assert_eq!((pattern.version, pattern.verified_tasks), (1, 2));
}

//! Retrieval over a whole ledger.

use super::*;
use crate::types::generation::NewGeneration;
use retrieval::RetrievalFilters;

async fn opened(ledger: &Ledger) -> Projections {
    Projections::open(ledger.clone(), ProjectionOptions::default()).await.unwrap()
}

fn ids(found: &[retrieval::ScoredPattern]) -> Vec<&str> {
    found.iter().map(|scored| scored.pattern.id.as_str()).collect()
}

fn about(key: &str, prompt: &str) -> NewGeneration {
    let mut new = generation(key, key);
    new.patterns[0].prompt = prompt.to_owned();
    new
}

#[tokio::test]
async fn similar_prompts_that_proved_themselves_come_first_and_at_most_three() {
    let (_folder, ledger) = ledger().await;
    for (key, prompt) in [
        ("squares", "sum the squares of numbers"),
        ("cubes", "sum the cubes of numbers"),
        ("fourth", "sum the fourth powers of numbers"),
        ("roots", "sum the roots of numbers"),
        ("words", "longest word of a text"),
    ] {
        ledger.record_generation(about(key, prompt)).await.unwrap();
    }
    let projections = opened(&ledger).await;
    let all = RetrievalFilters::default();
    let found = projections.retrieve("acme", "sum the squares of all numbers", 9, &all).await.unwrap();
    assert_eq!(found.len(), 3);
    assert_eq!(found[0].pattern.id, "pattern of squares");
    assert!(!ids(&found).contains(&"pattern of words"));
    for i in 0..10 {
        let mut new = plain(&format!("use {i}"), "other");
        new.pattern_uses = vec![
            used("pattern of squares", Exposure::Shown, Outcome::Fail),
            used("pattern of cubes", Exposure::Shown, Outcome::Pass),
        ];
        ledger.record_generation(new).await.unwrap();
    }
    projections.catch_up().await.unwrap();
    let found = projections.retrieve("acme", "sum the squares of all numbers", 3, &all).await.unwrap();
    assert_eq!(found[0].pattern.id, "pattern of cubes", "less alike, and proven");
    let score = found[0].similarity * found[0].lower_bound * found[0].relation_factor;
    assert!((found[0].score - score).abs() < 1e-12);
}

#[tokio::test]
async fn filters_tenants_and_retirement_keep_patterns_out() {
    let (_folder, ledger) = ledger().await;
    ledger.record_generation(about("squares", "sum the squares of numbers")).await.unwrap();
    ledger.record_generation(by("bad", about("cubes", "sum the cubes of numbers"))).await.unwrap();
    let projections = opened(&ledger).await;
    let query = "sum the squares of numbers";
    let retrieve = |tenant: &'static str, filters: RetrievalFilters| {
        let projections = &projections;
        async move { ids(&projections.retrieve(tenant, query, 3, &filters).await.unwrap()).join(",") }
    };
    let all = RetrievalFilters::default();
    assert_eq!(retrieve("acme", all.clone()).await, "pattern of squares,pattern of cubes");
    assert_eq!(retrieve("rival", all.clone()).await, "");
    let own = RetrievalFilters { excluded_task: Some("squares".into()), ..all.clone() };
    assert_eq!(retrieve("acme", own).await, "pattern of cubes");
    let quarantine = RetrievalFilters { min_verified_tasks: 2, ..all.clone() };
    assert_eq!(retrieve("acme", quarantine).await, "");
    ledger.revert_learnings(&scope(), &adapter("bad"), 9).await.unwrap();
    projections.catch_up().await.unwrap();
    assert_eq!(retrieve("acme", all).await, "pattern of squares");
}

#[tokio::test]
async fn patterns_that_are_not_allowed_do_not_hide_the_allowed_ones() {
    let (_folder, ledger) = ledger().await;
    for i in 0..60 {
        let mut new = about(&format!("near {i}"), &format!("sum the squares of numbers {i}"));
        new.task.as_mut().unwrap().id = "own".into();
        ledger.record_generation(new).await.unwrap();
    }
    ledger.record_generation(about("far", "sum the squares of the even numbers")).await.unwrap();
    let projections = opened(&ledger).await;
    let own = RetrievalFilters { excluded_task: Some("own".into()), ..RetrievalFilters::default() };
    let found = projections.retrieve("acme", "sum the squares of numbers", 3, &own).await.unwrap();
    assert_eq!(ids(&found), ["pattern of far"]);
}

#[tokio::test]
async fn the_graph_knows_who_earned_what() {
    let (_folder, ledger) = ledger().await;
    history(&ledger).await;
    let projections = opened(&ledger).await;
    let next = |tenant: &'static str, node: String| {
        let pool = projections.graph.pool().clone();
        async move {
            let sql = "SELECT target FROM graph_edges WHERE tenant = ?1 AND source = ?2 AND weight > 0 UNION \
                 SELECT source FROM graph_edges WHERE tenant = ?1 AND target = ?2 AND weight > 0 ORDER BY 1";
            sqlx::query_scalar::<_, String>(sql).bind(tenant).bind(node).fetch_all(&pool).await.unwrap()
        }
    };
    let earned = next("acme", format!("adapter:{}", adapter("bad"))).await;
    assert_eq!(earned.iter().filter(|node| node.starts_with("learning:")).count(), 2);
    assert!(earned.contains(&"pattern:pattern of poison".to_owned()));
    assert_eq!(next("acme", "pattern:pattern of alpha".into()).await, ["pattern:pattern of beta", "task:alpha"]);
    assert!(next("rival", "pattern:pattern of beta".into()).await.is_empty());
}

#[tokio::test]
async fn cached_patterns_follow_their_changes() {
    let (_folder, ledger) = ledger().await;
    ledger.record_generation(generation("alpha", "alpha")).await.unwrap();
    let projections = opened(&ledger).await;
    let cached = || async { projections.cache.get("acme", "pattern of alpha").await.unwrap().unwrap() };
    assert_eq!(cached().await.uses, 0);
    let mut new = plain("use", "beta");
    new.pattern_uses = vec![used("pattern of alpha", Exposure::Shown, Outcome::Pass)];
    ledger.record_generation(new).await.unwrap();
    projections.catch_up().await.unwrap();
    assert_eq!(cached().await.uses, 1);
    assert_eq!(projections.cache.get("acme", "unknown").await.unwrap(), None);
    assert_verified(&projections).await;
}

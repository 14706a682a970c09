//! Projections are what the ledger says, whatever happened on the way.

mod replay;
mod retrieving;

use genesis_core::confidence::Exposure;
use genesis_core::execution::Outcome;
use genesis_core::learning::Relation;
use sqlx::Row as _;

use super::*;
use crate::ledger::fixtures::*;
use crate::types::pattern::NewRelation;

/// Three patterns, uses, relations, a new version, an adapter that was reverted, and two tenants.
async fn history(ledger: &Ledger) {
    for task in ["alpha", "beta", "gamma"] {
        ledger.record_generation(generation(task, task)).await.unwrap();
    }
    let mut theirs = generation("theirs", "alpha");
    theirs.scope.tenant = "rival".into();
    ledger.record_generation(theirs).await.unwrap();
    for i in 0..6 {
        let mut new = plain(&format!("use {i}"), &format!("delta {i}"));
        let outcome = if i % 3 == 0 { Outcome::Fail } else { Outcome::Pass };
        new.pattern_uses = vec![
            used("pattern of alpha", Exposure::Shown, outcome),
            used("pattern of beta", Exposure::Withheld, outcome),
        ];
        let (from, to) = ("pattern of alpha".to_owned(), "pattern of beta".to_owned());
        new.relations = vec![NewRelation { from, to, kind: Relation::UsedTogether }];
        if i == 4 {
            new = by("bad", new);
        }
        ledger.record_generation(new).await.unwrap();
    }
    let mut better = generation("better", "beta");
    better.patterns[0].body = "better".into();
    better.patterns[0].prompt = "another prompt about squares".into();
    ledger.record_generation(better).await.unwrap();
    ledger.record_generation(by("bad", generation("poison", "poison"))).await.unwrap();
    ledger.revert_learnings(&scope(), &adapter("bad"), 9).await.unwrap();
}

/// Every row of the projections' tables, as text.
async fn dump(projections: &Projections) -> Vec<String> {
    let mut rows = Vec::new();
    for sql in [
        "SELECT name || '|' || fingerprint || '|' || position FROM projections ORDER BY 1",
        "SELECT tenant || '|' || id || '|' || kind || '|' || properties || '|' || sequence FROM graph_nodes ORDER BY 1",
        "SELECT tenant || '|' || source || '|' || kind || '|' || target || '|' || weight || '|' || sequence FROM graph_edges ORDER BY 1",
        "SELECT tenant || '|' || pattern || '|' || version || '|' || prompt || '|' || retired || '|' || sequence || '|' || hex(vector) FROM vectors ORDER BY 1",
    ] {
        let found = sqlx::query(sql).fetch_all(projections.graph.pool()).await.unwrap();
        rows.extend(found.iter().map(|row| row.get::<String, _>(0)));
    }
    rows
}

async fn assert_verified(projections: &Projections) {
    for verification in projections.verify().await.unwrap() {
        assert!(verification.matches(), "{verification:?}");
    }
}

//! Taking back what an adapter taught.

use genesis_core::AdapterRef;
use genesis_core::confidence::Exposure;
use genesis_core::execution::Outcome;
use genesis_core::learning::Relation;
use genesis_core::wire::{ChampionChange, PromotionRecord, Recipe};

use super::*;
use crate::types::generation::NewGeneration;
use crate::types::learning::Reverted;
use crate::types::pattern::{NewRelation, PatternRecord};

fn using(pattern: &str, outcome: Outcome, mut new: NewGeneration) -> NewGeneration {
    new.pattern_uses = vec![used(pattern, Exposure::Shown, outcome)];
    let (from, to) = ("pattern of a".to_owned(), "pattern of b".to_owned());
    new.relations = vec![NewRelation { from, to, kind: Relation::UsedTogether }];
    new
}

/// Two ledgers: one never saw the bad adapter, the other reverts it. They must agree.
#[tokio::test]
async fn a_reverted_ledger_is_as_if_the_adapter_had_never_taught() {
    let (_one, clean) = ledger().await;
    let (_other, dirty) = ledger().await;
    let good = [
        generation("1", "a"),
        generation("2", "b"),
        using("pattern of a", Outcome::Pass, plain("3", "c")),
        using("pattern of a", Outcome::Pass, plain("4", "d")),
    ];
    for (i, new) in good.into_iter().enumerate() {
        clean.record_generation(new.clone()).await.unwrap();
        dirty.record_generation(new).await.unwrap();
        let bad = using("pattern of a", Outcome::Fail, plain(&format!("bad {i}"), &format!("e{i}")));
        if i > 0 {
            dirty.record_generation(by("bad", bad)).await.unwrap();
        }
    }
    let mut rewritten = by("bad", generation("bad version", "b"));
    rewritten.patterns[0].body = "poison".into();
    dirty.record_generation(rewritten).await.unwrap();
    dirty.record_generation(by("bad", generation("bad pattern", "z"))).await.unwrap();
    assert_eq!(dirty.pattern("acme", "pattern of b").await.unwrap().unwrap().body, "poison");

    let reverted = dirty.revert_learnings(&scope(), &adapter("bad"), 9).await.unwrap();
    // Task b's answer was in the corpus already, so five of the adapter's generations made an entry of four.
    let want = Reverted { generations: 5, learnings: 5, corpus: 4, pattern_uses: 3, pattern_versions: 2 };
    assert_eq!(reverted, want);
    for id in ["pattern of a", "pattern of b"] {
        let (clean, dirty) =
            (clean.pattern("acme", id).await.unwrap().unwrap(), dirty.pattern("acme", id).await.unwrap().unwrap());
        let facts = |p: &PatternRecord| {
            (p.standing, p.uses, p.successes, p.verified_tasks, p.version, p.body.clone(), p.retired)
        };
        assert_eq!(facts(&clean), facts(&dirty), "{id}");
    }
    let relations = |ledger: Ledger| async move { ledger.relations_of("acme", "pattern of a").await.unwrap() };
    assert_eq!(relations(clean.clone()).await, relations(dirty.clone()).await);
    let (was, is) = (
        clean.learning_snapshot(&scope(), 0, 4).await.unwrap(),
        dirty.learning_snapshot(&scope(), 0, 4).await.unwrap(),
    );
    assert_eq!((was.total, was.new, was.verified_rows), (is.total, is.new, is.verified_rows));
    assert!(is.watermark > was.watermark, "the watermark does not move back");
    for recipe in [Recipe::Verified, Recipe::Unfiltered, Recipe::Shuffled] {
        let (was, is) = (
            clean.dataset_inputs(&scope(), recipe, None).await.unwrap(),
            dirty.dataset_inputs(&scope(), recipe, None).await.unwrap(),
        );
        assert_eq!(was.answers, is.answers, "{recipe}");
    }
    assert!(dirty.pattern("acme", "pattern of z").await.unwrap().unwrap().retired);
    assert_eq!(dirty.top_patterns(&scope(), 10).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_second_revert_changes_nothing() {
    let (_folder, ledger) = ledger().await;
    ledger.record_generation(by("bad", generation("1", "a"))).await.unwrap();
    let first = ledger.revert_learnings(&scope(), &adapter("bad"), 9).await.unwrap();
    let head = ledger.head().await.unwrap();
    assert_eq!(ledger.revert_learnings(&scope(), &adapter("bad"), 10).await.unwrap(), first);
    assert_eq!(ledger.head().await.unwrap(), head, "and tells nobody");
    let learning = &ledger.recent_learnings("acme", None, 10).await.unwrap()[0];
    assert!(learning.reverted && learning.adapter == Some(adapter("bad")), "kept, and marked");
}

#[tokio::test]
async fn what_a_reverted_adapter_still_answers_teaches_nothing() {
    let (_folder, ledger) = ledger().await;
    ledger.revert_learnings(&scope(), &adapter("bad"), 1).await.unwrap();
    let late = ledger.record_generation(by("bad", generation("late", "a"))).await.unwrap();
    assert_eq!(late.corpus_added, 0);
    let snapshot = ledger.learning_snapshot(&scope(), 0, 4).await.unwrap();
    assert_eq!((snapshot.total, snapshot.verified_rows, snapshot.executions), (0, 0, 2));
    assert!(ledger.top_patterns(&scope(), 10).await.unwrap().is_empty());
    assert!(ledger.dataset_inputs(&scope(), Recipe::Unfiltered, None).await.unwrap().answers.is_empty());
    assert_eq!(ledger.revert_learnings(&scope(), &adapter("bad"), 2).await.unwrap().learnings, 1);
}

#[tokio::test]
async fn what_was_reverted_does_not_speak_of_the_present_quality() {
    let (_folder, ledger) = ledger().await;
    let mut bad = by("bad", plain("1", "a"));
    bad.quality = Some(quality(0.1));
    ledger.record_generation(bad).await.unwrap();
    ledger.record_generation(plain("2", "b")).await.unwrap();
    ledger.revert_learnings(&scope(), &adapter("bad"), 9).await.unwrap();
    let snapshot = ledger.learning_snapshot(&scope(), 0, 4).await.unwrap();
    assert_eq!((snapshot.quality_average, snapshot.quality_samples), (0.95, 1));
}

#[tokio::test]
async fn a_pattern_stands_by_its_other_earners() {
    let (_folder, ledger) = ledger().await;
    ledger.record_generation(by("bad", generation("1", "a"))).await.unwrap();
    let second = ledger.record_generation(by("other", generation("2", "a"))).await.unwrap();
    let first = ledger.revert_learnings(&scope(), &adapter("bad"), 9).await.unwrap();
    assert_eq!(first.pattern_versions, 1);
    let left = ledger.pattern("acme", "pattern of a").await.unwrap().unwrap();
    assert_eq!((left.retired, left.version, &left.generation), (false, 1, &second.generation));
    assert_eq!((left.adapter, left.verified_tasks), (Some(adapter("other")), 1));
    assert_eq!(ledger.revert_learnings(&scope(), &adapter("bad"), 9).await.unwrap(), first);
    ledger.revert_learnings(&scope(), &adapter("other"), 9).await.unwrap();
    assert!(ledger.pattern("acme", "pattern of a").await.unwrap().unwrap().retired);
}

#[tokio::test]
async fn an_adapter_that_is_champion_again_teaches_again() {
    let (_folder, ledger) = ledger().await;
    ledger.record_generation(by("bad", generation("1", "a"))).await.unwrap();
    ledger.revert_learnings(&scope(), &adapter("bad"), 2).await.unwrap();
    let promoted = |name: &str| PromotionRecord {
        name: name.into(),
        uid: "u".into(),
        change: ChampionChange::Promoted,
        adapter: Some(AdapterRef { uri: "file:///bad".into(), digest: adapter("bad") }),
        previous: None,
    };
    ledger.record_promotion(&scope(), promoted("r1"), 3).await.unwrap();
    assert_eq!(ledger.record_generation(by("bad", generation("2", "b"))).await.unwrap().corpus_added, 1);
    let snapshot = ledger.learning_snapshot(&scope(), 0, 4).await.unwrap();
    assert_eq!((snapshot.total, snapshot.verified_rows), (1, 1), "what it earned before stays reverted");
    ledger.revert_learnings(&scope(), &adapter("bad"), 4).await.unwrap();
    assert_eq!(ledger.learning_snapshot(&scope(), 0, 4).await.unwrap().total, 0, "and can be reverted again");
    ledger.record_promotion(&scope(), promoted("r1"), 5).await.unwrap();
    let late = ledger.record_generation(by("bad", generation("3", "c"))).await.unwrap();
    assert_eq!(late.corpus_added, 0, "a repeat of an old promotion lifts nothing");
}

/// The adapter gave the answer first, the base model gave the same one later: it stays, in the base model's name.
#[tokio::test]
async fn an_answer_that_others_gave_too_stays_in_the_corpus() {
    let (_folder, ledger) = ledger().await;
    ledger.record_generation(by("bad", plain("1", "a"))).await.unwrap();
    assert_eq!(ledger.record_generation(plain("2", "a")).await.unwrap().corpus_added, 0);
    assert_eq!(ledger.record_generation(by("other", plain("3", "a"))).await.unwrap().corpus_added, 0);
    ledger.revert_learnings(&scope(), &adapter("bad"), 9).await.unwrap();
    assert_eq!(ledger.learning_snapshot(&scope(), 0, 4).await.unwrap().verified_rows, 1);
    ledger.revert_learnings(&scope(), &adapter("other"), 9).await.unwrap();
    assert_eq!(ledger.learning_snapshot(&scope(), 0, 4).await.unwrap().verified_rows, 1);
}

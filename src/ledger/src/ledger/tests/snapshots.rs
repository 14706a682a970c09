//! What the operator and a person read.

use genesis_core::dataset;
use genesis_core::execution::Outcome;
use genesis_core::wire::Recipe;

use super::*;
use crate::types::Scope;
use crate::types::generation::NewGeneration;
use crate::types::statistics::Bands;

/// An answer with this outcome and score, at this time.
fn answer(key: &str, outcome: Outcome, score: Option<f64>, at_ms: i64) -> NewGeneration {
    let mut new = plain(key, key);
    new.candidates.truncate(1);
    new.candidates[0] = candidate(key, outcome);
    new.learnings.clear();
    (new.answered, new.outcome, new.first_sample, new.quality) = (Some(0), outcome, outcome, score.map(quality));
    new.at_ms = at_ms;
    new
}

#[tokio::test]
async fn the_snapshot_counts_what_is_new_since_a_watermark() {
    let (_folder, ledger) = ledger().await;
    assert_eq!(
        ledger.learning_snapshot(&scope(), 0, 4).await.unwrap(),
        genesis_core::wire::LearningSnapshot::default()
    );
    for i in 0..5 {
        ledger.record_generation(plain(&format!("{i}"), &format!("{}", i / 2))).await.unwrap();
    }
    let mut other = plain("other", "x");
    other.scope.model = "team/other".into();
    ledger.record_generation(other).await.unwrap();
    let snapshot = ledger.learning_snapshot(&scope(), 3, 4).await.unwrap();
    assert_eq!((snapshot.total, snapshot.new, snapshot.watermark), (5, 2, 5));
    assert_eq!((snapshot.verified_rows, snapshot.executions), (3, 10), "one row for each distinct answer");
    assert_eq!(ledger.learning_snapshot(&Scope::new("acme", "team/other"), 5, 4).await.unwrap().new, 1);
}

#[tokio::test]
async fn the_quality_average_is_of_the_newest_tested_answers() {
    let folder = tempfile::tempdir().unwrap();
    let options = LedgerOptions { quality_window: 2, ..LedgerOptions::default() };
    let ledger = Ledger::open(&folder.path().join("ledger.db"), options).await.unwrap();
    for (i, (outcome, score)) in [
        (Outcome::Pass, Some(0.9)),
        (Outcome::Pass, Some(0.8)),
        (Outcome::Fail, Some(0.4)),
        (Outcome::Unverified, Some(0.6)),
        (Outcome::Infra, None),
    ]
    .into_iter()
    .enumerate()
    {
        ledger.record_generation(answer(&format!("{i}"), outcome, score, 0)).await.unwrap();
    }
    let snapshot = ledger.learning_snapshot(&scope(), 0, 4).await.unwrap();
    assert_eq!(snapshot.quality_samples, 2);
    assert!((snapshot.quality_average - 0.6).abs() < 1e-12);
}

#[tokio::test]
async fn arms_leave_out_infra_and_what_is_older() {
    let (_folder, ledger) = ledger().await;
    ledger.record_generation(answer("old", Outcome::Pass, Some(1.0), 10)).await.unwrap();
    for (key, outcome, score) in [
        ("1", Outcome::Pass, Some(0.9)),
        ("2", Outcome::Fail, Some(0.5)),
        ("3", Outcome::Unverified, Some(0.6)),
        ("4", Outcome::Infra, None),
    ] {
        ledger.record_generation(answer(key, outcome, score, 20)).await.unwrap();
    }
    // The best of several passed where the first did not: the arm counts the first.
    let mut best_of_two = by("new", plain("5", "5"));
    best_of_two.at_ms = 20;
    ledger.record_generation(best_of_two).await.unwrap();
    let arms = ledger.arm_statistics(&scope(), 20).await.unwrap();
    assert_eq!(arms.len(), 2);
    let (base, new) = (&arms[0], &arms[1]);
    assert_eq!(
        (base.served_name.as_str(), base.requests, base.verified, base.passed, base.infra),
        ("coder", 3, 2, 1, 1)
    );
    assert!((base.quality_sum - 2.0).abs() < 1e-12 && (base.quality_square_sum - 1.42).abs() < 1e-12);
    assert_eq!((new.requests, new.verified, new.passed), (1, 1, 0));
}

#[tokio::test]
async fn datasets_are_selected_from_distinct_verified_answers() {
    let (_folder, ledger) = ledger().await;
    for i in 0..6 {
        ledger.record_generation(plain(&format!("{i}"), &format!("t{}", i % 3))).await.unwrap();
    }
    ledger.record_generation(answer("untested", Outcome::Unverified, Some(0.6), 0)).await.unwrap();
    ledger.record_generation(answer("broken", Outcome::Infra, None, 0)).await.unwrap();
    let verified = ledger.dataset_inputs(&scope(), Recipe::Verified, None).await.unwrap();
    assert_eq!((verified.answers.len(), verified.watermark), (3, 6));
    assert!(verified.answers.iter().all(|answered| answered.verified && answered.row.answer.starts_with("right")));
    let all = ledger.dataset_inputs(&scope(), Recipe::Unfiltered, None).await.unwrap();
    assert_eq!(all.answers.len(), 13, "two of each of six, and the untested one");
    assert_eq!(all.answers.iter().filter(|answered| answered.verified).count(), 3);
    let control = dataset::select(&all.answers, Recipe::Unfiltered, 4, 1);
    assert_eq!(control.len(), dataset::select(&verified.answers, Recipe::Verified, 4, 1).len());
    let early = ledger.dataset_inputs(&scope(), Recipe::Unfiltered, Some(2)).await.unwrap();
    assert_eq!((early.answers.len(), early.watermark), (4, 2), "two of each of the first two");
    let early = ledger.dataset_inputs(&scope(), Recipe::Verified, Some(0)).await.unwrap();
    assert_eq!((early.answers.len(), early.watermark), (0, 0));
    let row = &verified.answers[0].row;
    assert_eq!((row.execution.as_str(), row.family.as_str()), ("execution of right t0", "family of t0"));
}

#[tokio::test]
async fn statistics_add_up() {
    let (_folder, ledger) = ledger().await;
    let empty = ledger.feedback_statistics(&scope()).await.unwrap();
    assert_eq!((empty.generations, empty.success_rate, empty.quality_average), (0, None, None));
    ledger.record_generation(generation("full", "a")).await.unwrap();
    for (key, outcome, score) in [
        ("1", Outcome::Pass, Some(0.8)),
        ("2", Outcome::Fail, Some(0.4)),
        ("3", Outcome::Unverified, Some(0.6)),
        ("4", Outcome::Infra, None),
    ] {
        ledger.record_generation(answer(key, outcome, score, 0)).await.unwrap();
    }
    let all = ledger.feedback_statistics(&scope()).await.unwrap();
    assert_eq!((all.generations, all.passed, all.failed, all.unverified, all.infra), (5, 2, 1, 1, 1));
    assert_eq!(all.bands, Bands { excellent: 1, good: 1, acceptable: 1, poor: 1 });
    assert_eq!((all.executions, all.learnings, all.corpus_entries, all.patterns), (6, 1, 2, 1));
    assert!((all.success_rate.unwrap() - 2.0 / 3.0).abs() < 1e-12);
    assert!((all.quality_average.unwrap() - (0.95 + 0.8 + 0.4 + 0.6) / 4.0).abs() < 1e-12);
    assert!((all.recent_quality_average.unwrap() - (0.95 + 0.8 + 0.4) / 3.0).abs() < 1e-12);
    assert_eq!(ledger.served_quality(&scope(), "coder").await.unwrap(), all.quality_average);
    assert_eq!(ledger.served_quality(&scope(), "nobody").await.unwrap(), None);
    let learning = &ledger.recent_learnings("acme", Some("team/coder"), 5).await.unwrap()[0];
    assert_eq!((learning.candidate, learning.execution.as_deref()), (0, Some("execution of wrong a")));
}

/// The same numbers counted from the rows themselves.
async fn recounted(ledger: &Ledger) -> (i64, i64, i64, i64, i64, i64, f64) {
    sqlx::query_as(
        "SELECT (SELECT COUNT(*) FROM learnings WHERE model = 'team/coder' AND reverted = 0), \
         (SELECT COUNT(*) FROM learnings WHERE model = 'team/coder' AND reverted = 1), \
         (SELECT COUNT(*) FROM corpus WHERE model = 'team/coder' AND reverted = 0), \
         COUNT(*), SUM(outcome = 'pass'), SUM(executions), AVG(quality) FROM generations WHERE model = 'team/coder'",
    )
    .fetch_one(ledger.readers())
    .await
    .unwrap()
}

#[tokio::test]
async fn running_sums_are_what_the_rows_add_up_to() {
    let (_folder, ledger) = ledger().await;
    for i in 0..6 {
        let new = generation(&format!("{i}"), &format!("t{}", i / 2));
        ledger.record_generation(if i % 2 == 0 { by("bad", new) } else { new }).await.unwrap();
    }
    ledger.record_generation(answer("infra", Outcome::Infra, None, 0)).await.unwrap();
    ledger.record_generation(generation("0", "t0")).await.unwrap();
    for reverted in [false, true] {
        if reverted {
            ledger.revert_learnings(&scope(), &adapter("bad"), 9).await.unwrap();
            ledger.record_generation(by("bad", generation("late", "late"))).await.unwrap();
        }
        let told = ledger.feedback_statistics(&scope()).await.unwrap();
        let sums = [
            told.learnings,
            told.learnings_reverted,
            told.corpus_entries,
            told.generations,
            told.passed,
            told.executions,
        ];
        let (learnings, marked, corpus, generations, passed, executions, average) = recounted(&ledger).await;
        let rows = [learnings, marked, corpus, generations, passed, executions];
        assert_eq!(sums.map(u64::cast_signed), rows);
        assert!((told.quality_average.unwrap() - average).abs() < 1e-12);
    }
}

#[tokio::test]
async fn what_is_asked_at_every_scrape_reads_no_generations() {
    let (_folder, ledger) = ledger().await;
    for sql in [query::SNAPSHOT, query::ANSWERS] {
        let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}"));
        let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(ledger.readers()).await.unwrap();
        assert!(plan.iter().all(|(.., step)| !step.contains("generations")), "{plan:#?}");
    }
    let explain = sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", query::RECENT_QUALITY));
    let plan: Vec<(i64, i64, i64, String)> = sqlx::query_as(explain).fetch_all(ledger.readers()).await.unwrap();
    assert!(plan.iter().any(|(.., step)| step.contains("generations_tested")), "{plan:#?}");
}

#[tokio::test]
async fn of_one_task_as_many_rows_count_as_a_dataset_takes() {
    let (_folder, ledger) = ledger().await;
    for i in 0..5 {
        let mut new = plain(&format!("{i}"), "t");
        new.candidates[1] = candidate(&format!("right {i}"), Outcome::Pass);
        ledger.record_generation(new).await.unwrap();
    }
    ledger.record_generation(plain("other", "u")).await.unwrap();
    let rows = |most| {
        let ledger = &ledger;
        async move { ledger.learning_snapshot(&scope(), 0, most).await.unwrap().verified_rows }
    };
    assert_eq!((rows(4).await, rows(1).await, rows(9).await), (5, 2, 6));
    let inputs = ledger.dataset_inputs(&scope(), Recipe::Verified, None).await.unwrap();
    assert_eq!(dataset::select(&inputs.answers, Recipe::Verified, 4, 1).len(), 5, "as many as a dataset takes");
}

#[tokio::test]
async fn patterns_are_told_of_the_model_that_earned_them() {
    let (_folder, ledger) = ledger().await;
    ledger.record_generation(generation("1", "a")).await.unwrap();
    let mut other = generation("2", "b");
    other.scope.model = "team/other".into();
    ledger.record_generation(other).await.unwrap();
    let told = ledger.top_patterns(&scope(), 9).await.unwrap();
    assert_eq!(told.iter().map(|pattern| pattern.title.as_str()).collect::<Vec<_>>(), ["a"]);
}

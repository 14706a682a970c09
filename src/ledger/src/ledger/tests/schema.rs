//! Opening databases: empty, present, and of a later release.

use sqlx::{ConnectOptions as _, Connection as _};

use super::*;
use crate::error::LedgerError;

#[tokio::test]
async fn an_empty_file_becomes_a_ledger_with_the_promised_durability() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let ledger = Ledger::open(&path, LedgerOptions::default()).await.unwrap();
    assert!(row_counts(&ledger).await.len() >= 15);
    let mut writer = open::options(&path).connect().await.unwrap();
    for (pragma, want) in [("PRAGMA journal_mode", "wal"), ("PRAGMA synchronous", "2"), ("PRAGMA foreign_keys", "1")] {
        let row = sqlx::query(pragma).fetch_one(&mut writer).await.unwrap();
        let got =
            sqlx::Row::try_get::<String, _>(&row, 0).unwrap_or_else(|_| sqlx::Row::get::<i64, _>(&row, 0).to_string());
        assert_eq!(got, want, "{pragma}");
    }
}

#[tokio::test]
async fn opening_again_changes_nothing() {
    let (folder, ledger) = ledger().await;
    ledger.record_generation(generation("1", "a")).await.unwrap();
    let before = row_counts(&ledger).await;
    ledger.close().await;
    let again = Ledger::open(&folder.path().join("ledger.db"), LedgerOptions::default()).await.unwrap();
    assert_eq!(row_counts(&again).await, before);
    assert_eq!(again.record_generation(generation("2", "b")).await.unwrap().sequence, 2);
}

/// Written by the first release: a generation, its learning, its corpus entry, its pattern, and a dataset.
const FIRST_RELEASE: &str = "
    INSERT INTO generations (id, tenant, model, idempotency_key, request, arm, served_name, task, family, language,
        prompt, outcome, quality, band, first_sample, executions, learnings, response, at_ms)
        VALUES ('g', 'acme', 'team/coder', 'k', 'r', 'stable', 'coder', 't', 'f', 'python', 'p', 'pass', 0.95,
        'excellent', 'pass', 2, 1, '{}', 1);
    INSERT INTO candidates VALUES (1, 0, 'acme', 'analytical', 'c', 's', 'n', '[]', '[]', 1, '{}', 'e', '{}', 'pass',
        0.95, 1);
    INSERT INTO learnings (tenant, model, kind, detail, generation, position, at_ms)
        VALUES ('acme', 'team/coder', 'wrong_value', '', 1, 0, 1);
    INSERT INTO corpus (tenant, model, task, normalised, generation, position)
        VALUES ('acme', 'team/coder', 't', 'n', 1, 0);
    INSERT INTO patterns (tenant, id, model, version, confidence, shown_successes, shown_failures, withheld_successes,
        withheld_failures, uses, successes, verified_tasks)
        VALUES ('acme', 'p', 'team/coder', 1, 0.5, 0, 0, 0, 0, 0, 0, 1);
    INSERT INTO pattern_versions (tenant, pattern, version, title, prompt, body, generation, position)
        VALUES ('acme', 'p', 1, 't', 'p', 'b', 1, 0);
    INSERT INTO datasets VALUES ('acme', 'team/coder', 'run-1', 'Verified', '7', 4, NULL, '{}', 1);
";

#[tokio::test]
async fn what_the_first_release_wrote_is_counted_and_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let mut connection = open::options(&path).connect().await.unwrap();
    open::MIGRATIONS.run_to(1, &mut connection).await.unwrap();
    sqlx::raw_sql(FIRST_RELEASE).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    let ledger = Ledger::open(&path, LedgerOptions::default()).await.unwrap();
    let told = ledger.feedback_statistics(&scope()).await.unwrap();
    assert_eq!((told.generations, told.passed, told.executions, told.bands.excellent), (1, 1, 2, 1));
    assert_eq!((told.learnings, told.corpus_entries, told.patterns, told.datasets), (1, 1, 1, 1));
    let earnings = row_counts(&ledger).await.into_iter().find(|(table, _)| table == "pattern_earnings");
    assert_eq!(earnings.unwrap().1, 1);
}

#[tokio::test]
async fn a_database_of_a_later_release_is_refused_and_left_as_it_is() {
    let (folder, ledger) = ledger().await;
    ledger.close().await;
    let path = folder.path().join("ledger.db");
    let mut connection = open::options(&path).connect().await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', 1, x'00', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    let before = std::fs::read(&path).unwrap();
    let Err(refused) = Ledger::open(&path, LedgerOptions::default()).await else { panic!("opened") };
    assert!(matches!(refused, LedgerError::NewerSchema { found: 9999, known: 3 }), "{refused}");
    assert!(refused.to_string().contains("run the newer release"));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

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
    assert!(matches!(refused, LedgerError::NewerSchema { found: 9999, known: 2 }), "{refused}");
    assert!(refused.to_string().contains("run the newer release"));
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

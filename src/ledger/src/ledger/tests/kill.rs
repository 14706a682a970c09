//! What a crash leaves: all of a generation or nothing of it.

use std::future::Future as _;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};
use std::task::{Context, Poll};

use genesis_core::confidence::Exposure;
use genesis_core::execution::Outcome;
use genesis_core::learning::Relation;
use sqlx::{ConnectOptions as _, Connection as _};

use super::*;
use crate::types::generation::NewGeneration;
use crate::types::pattern::NewRelation;

/// A generation that touches every table of the hot path.
fn full(key: &str) -> NewGeneration {
    let mut new = generation(key, "b");
    new.pattern_uses = vec![
        used("pattern of a", Exposure::Shown, Outcome::Pass),
        used("pattern of c", Exposure::Withheld, Outcome::Fail),
    ];
    let (from, to) = ("pattern of a".to_owned(), "pattern of c".to_owned());
    new.relations = vec![NewRelation { from, to, kind: Relation::UsedTogether }];
    new
}

/// Drops the write at its first await, its second, and so on to the last, each time with its connection, as a crash
/// does; then opens the database anew.
#[tokio::test]
async fn a_write_that_is_cut_off_anywhere_leaves_nothing() {
    let (folder, ledger) = ledger().await;
    for task in ["a", "c"] {
        ledger.record_generation(generation(task, task)).await.unwrap();
    }
    let before = row_counts(&ledger).await;
    let path = folder.path().join("ledger.db");
    let new = full("cut");
    let prepared = record::Prepared::new(new.clone()).unwrap();
    let mut points = 0;
    loop {
        let mut connection = open::options(&path).connect().await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
        let finished = {
            let mut write = Box::pin(record::apply(&mut connection, &prepared));
            let mut polls = 0;
            // Each poll that is pending is one statement on its way.
            std::future::poll_fn(|context: &mut Context<'_>| {
                let polled = write.as_mut().poll(context);
                polls += usize::from(polled.is_pending());
                if polled.is_ready() {
                    return Poll::Ready(true);
                }
                if polls > points { Poll::Ready(false) } else { Poll::Pending }
            })
            .await
        };
        connection.close_hard().await.unwrap();
        assert_eq!(row_counts(&ledger).await, before, "cut off after {points} awaits");
        points += 1;
        if finished {
            break;
        }
    }
    assert!(points > 10, "only {points} points were tried");
    assert!(!ledger.record_generation(new).await.unwrap().repeated, "the key is still free");
}

/// A refused unit takes nothing away from the others of its batch, and leaves nothing of itself.
#[tokio::test]
async fn a_refused_write_leaves_nothing_and_harms_nobody() {
    let (_folder, ledger) = ledger().await;
    let mut bad = generation("bad", "b");
    bad.pattern_uses = vec![used("unknown", Exposure::Shown, Outcome::Pass)];
    let refused = ledger.record_generation(bad).await.unwrap_err().to_string();
    assert!(refused.contains("\"unknown\" is not known"), "{refused}");
    let mut dangling = generation("dangling", "d");
    dangling.relations = vec![NewRelation { from: "x".into(), to: "y".into(), kind: Relation::AlternativeOf }];
    let refused = ledger.record_generation(dangling).await.unwrap_err().to_string();
    assert!(refused.contains("does not know both"), "{refused}");
    assert!(row_counts(&ledger).await.iter().all(|(_, count)| *count == 0));
    ledger.record_generation(generation("good", "a")).await.unwrap();
}

const CHILD: &str = "GENESIS_LEDGER_KILLED_CHILD";

/// Run by the next test in a process of its own: records without end and says what was confirmed.
#[tokio::test]
async fn child_that_is_killed() {
    let Ok(path) = std::env::var(CHILD) else { return };
    let ledger = Ledger::open(path.as_ref(), LedgerOptions::default()).await.unwrap();
    for i in 0.. {
        let writes = (0..8).map(|j| {
            let ledger = ledger.clone();
            async move {
                let key = format!("{i}-{j}");
                ledger.record_generation(generation(&key, &key)).await.unwrap();
                key
            }
        });
        for key in futures::future::join_all(writes).await {
            println!("confirmed {key}");
        }
        std::io::stdout().flush().unwrap();
    }
}

/// Kills a writing process with SIGKILL: every confirmed generation is there, and no half of another.
#[tokio::test]
async fn what_was_confirmed_survives_sigkill() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("ledger.db");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["ledger::tests::kill::child_that_is_killed", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut confirmed = Vec::new();
    for line in lines {
        if let Some((_, key)) = line.unwrap().split_once("confirmed ") {
            confirmed.push(key.to_owned());
            if confirmed.len() == 80 {
                child.kill().unwrap();
            }
        }
    }
    child.wait().unwrap();
    let ledger = Ledger::open(&path, LedgerOptions::default()).await.unwrap();
    for key in &confirmed {
        let recorded = ledger.record_generation(generation(key, key)).await.unwrap();
        assert!(recorded.repeated, "{key} was confirmed and is lost");
    }
    let counts = row_counts(&ledger).await;
    let count = |table: &str| counts.iter().find(|(name, _)| name == table).unwrap().1;
    let generations = count("generations");
    assert!(generations >= 80);
    assert_eq!((count("candidates"), count("learnings"), count("corpus")), (2 * generations, generations, generations));
    // A learning, a pattern and the generation itself: three events each.
    assert_eq!(count("outbox"), 3 * generations);
}

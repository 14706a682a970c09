//! Replays, restarts, rebuilding, and what verification finds.

use std::time::Duration;

use super::*;
use crate::embedding::EmbeddingError;
use crate::types::event::EventBody;

fn options(path: Option<&std::path::Path>) -> ProjectionOptions {
    ProjectionOptions { path: path.map(Into::into), ..ProjectionOptions::default() }
}

#[tokio::test]
async fn replaying_the_outbox_gives_the_same_bytes() {
    let (folder, ledger) = ledger().await;
    let path = folder.path().join("projections.db");
    let projections = Projections::open(ledger.clone(), options(Some(&path))).await.unwrap();
    history(&ledger).await;
    projections.catch_up().await.unwrap();
    let first = dump(&projections).await;
    assert!(first.len() > 30);
    // All events again, in steps of every size: skipped by their position.
    let events = ledger.events_after(0, 10_000).await.unwrap();
    for projection in &projections.all {
        for step in [1, 3, 1_000] {
            for chunk in events.chunks(step) {
                projection.apply(chunk).await.unwrap();
            }
        }
    }
    assert_eq!(dump(&projections).await, first);
    // All events again over what is there, as after the position was lost.
    sqlx::query("UPDATE projections SET position = 0").execute(projections.graph.pool()).await.unwrap();
    projections.catch_up().await.unwrap();
    assert_eq!(dump(&projections).await, first);
    // From nothing, one event at a time, in another place.
    projections.rebuild().await.unwrap();
    assert_eq!(dump(&projections).await, first);
    let other = Projections::open(ledger.clone(), options(None)).await.unwrap();
    assert_eq!(dump(&other).await, first);
    assert_verified(&projections).await;
    assert_verified(&other).await;
}

#[tokio::test]
async fn a_restart_goes_on_where_it_stopped() {
    let (folder, ledger) = ledger().await;
    let path = folder.path().join("projections.db");
    ledger.record_generation(generation("alpha", "alpha")).await.unwrap();
    let first = Projections::open(ledger.clone(), options(Some(&path))).await.unwrap();
    let position = first.graph.position().await.unwrap();
    drop(first);
    ledger.record_generation(generation("beta", "beta")).await.unwrap();
    let second = Projections::open(ledger.clone(), options(Some(&path))).await.unwrap();
    assert!(second.graph.position().await.unwrap() > position);
    assert_verified(&second).await;
    let found = second.retrieve("acme", "solve alpha", 3, &retrieval::RetrievalFilters::default()).await.unwrap();
    assert_eq!(found[0].pattern.title, "alpha", "an index from before the restart is searched");
}

#[tokio::test]
async fn verification_finds_a_changed_a_missing_and_a_superfluous_row_and_rebuilding_mends_them() {
    let (_folder, ledger) = ledger().await;
    history(&ledger).await;
    let projections = Projections::open(ledger.clone(), options(None)).await.unwrap();
    for damage in [
        "UPDATE graph_nodes SET properties = replace(properties, '0.5', '0.6') WHERE kind = 'pattern'",
        "DELETE FROM graph_edges WHERE kind = 'used_together'",
        "INSERT INTO graph_nodes VALUES ('acme', 'pattern:x', 'pattern', '{}', 1)",
        "DELETE FROM vectors WHERE pattern = 'pattern of alpha'",
        "UPDATE vectors SET prompt = 'x'",
    ] {
        sqlx::query(damage).execute(projections.graph.pool()).await.unwrap();
        let wrong: Vec<_> = projections.verify().await.unwrap().into_iter().filter(|v| !v.matches()).collect();
        assert_eq!(wrong.len(), 1, "{damage}");
        projections.rebuild().await.unwrap();
        assert_verified(&projections).await;
    }
}

#[tokio::test]
async fn a_ledger_restored_from_a_backup_makes_projections_anew() {
    let (folder, ledger) = ledger().await;
    let path = folder.path().join("projections.db");
    history(&ledger).await;
    drop(Projections::open(ledger, options(Some(&path))).await.unwrap());
    let (_other, restored) = crate::ledger::fixtures::ledger().await;
    restored.record_generation(generation("alpha", "alpha")).await.unwrap();
    let projections = Projections::open(restored, options(Some(&path))).await.unwrap();
    assert_verified(&projections).await;
}

#[tokio::test]
async fn the_relay_follows_and_ends_with_the_ledger() {
    let (_folder, ledger) = ledger().await;
    let projections = Arc::new(Projections::open(ledger.clone(), options(None)).await.unwrap());
    let relay = projections.start_relay();
    history(&ledger).await;
    let head = ledger.head().await.unwrap();
    tokio::time::timeout(Duration::from_secs(60), async {
        while projections.cache.position().await.unwrap() < head {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    assert_verified(&projections).await;
    let theirs = ledger.events_of("rival", 0, 100).await.unwrap();
    assert!(matches!(theirs.last().unwrap().body, EventBody::GenerationRecorded { .. }));
    ledger.close().await;
    tokio::time::timeout(Duration::from_secs(60), relay).await.unwrap().unwrap();
}

/// A projection that is behind when the ledger closes must not be fed for ever.
#[tokio::test]
async fn a_relay_that_fails_ends_with_the_ledger() {
    let (_folder, ledger) = ledger().await;
    let given = ProjectionOptions { embedder: Arc::new(Flaky(false.into())), ..ProjectionOptions::default() };
    let projections = Arc::new(Projections::open(ledger.clone(), given).await.unwrap());
    history(&ledger).await;
    let relay = projections.start_relay();
    ledger.close().await;
    tokio::time::timeout(Duration::from_secs(60), relay).await.unwrap().unwrap();
}

/// Fails until it is told to work.
struct Flaky(std::sync::atomic::AtomicBool);

#[async_trait]
impl Embedder for Flaky {
    fn name(&self) -> &'static str {
        "flaky"
    }

    fn dimensions(&self) -> usize {
        crate::embedding::LEXICAL_DIMENSIONS
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        if self.0.load(std::sync::atomic::Ordering::Acquire) {
            LexicalEmbedder.embed(texts).await
        } else {
            Err(EmbeddingError::Unavailable { embedder: "flaky".into(), reason: "connection refused".into() })
        }
    }
}

#[tokio::test]
async fn an_embedding_server_that_is_down_delays_its_index_and_nothing_else() {
    let (_folder, ledger) = ledger().await;
    let embedder = Arc::new(Flaky(false.into()));
    let given = ProjectionOptions { embedder: embedder.clone(), ..ProjectionOptions::default() };
    let projections = Projections::open(ledger.clone(), given).await.unwrap();
    history(&ledger).await;
    let failure = projections.catch_up().await.unwrap_err().to_string();
    assert!(failure.contains("flaky did not answer: connection refused"), "{failure}");
    let head = ledger.head().await.unwrap();
    assert_eq!((projections.graph.position().await.unwrap(), projections.vectors.position().await.unwrap()), (head, 0));
    embedder.0.store(true, std::sync::atomic::Ordering::Release);
    assert_verified(&projections).await;
}

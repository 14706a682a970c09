//! Nothing is read across tenants.

use genesis_core::wire::Recipe;

use super::*;
use crate::types::Scope;

#[tokio::test]
async fn two_tenants_share_keys_and_names_and_nothing_else() {
    let (_folder, ledger) = ledger().await;
    let mine = ledger.record_generation(generation("key", "a")).await.unwrap();
    let mut theirs = generation("key", "b");
    theirs.scope.tenant = "rival".into();
    let other = ledger.record_generation(theirs.clone()).await.unwrap();
    assert!(!other.repeated && other.generation != mine.generation, "keys are unique within a tenant");
    let rival = Scope::new("rival", "team/coder");
    assert_eq!(ledger.learning_snapshot(&rival, 0, 4).await.unwrap().total, 1);
    assert_eq!(ledger.pattern("rival", "pattern of a").await.unwrap(), None);
    assert_eq!(ledger.top_patterns(&rival, 10).await.unwrap().len(), 1);
    assert_eq!(ledger.recent_learnings("rival", None, 10).await.unwrap().len(), 1);
    assert_eq!(ledger.dataset_inputs(&rival, Recipe::Unfiltered, None).await.unwrap().answers.len(), 2);
    assert_eq!(ledger.feedback_statistics(&rival).await.unwrap().generations, 1);
    assert!(ledger.events_of("rival", 0, 100).await.unwrap().iter().all(|event| event.tenant == "rival"));
    ledger.record_generation(by("bad", plain("2", "c"))).await.unwrap();
    assert_eq!(ledger.revert_learnings(&rival, &adapter("bad"), 1).await.unwrap().generations, 0);
    assert_eq!(ledger.learning_snapshot(&scope(), 0, 4).await.unwrap().total, 2);
}

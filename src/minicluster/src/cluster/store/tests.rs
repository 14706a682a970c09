use std::fs;

use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::cluster::resource::GroupResource;

fn key(name: &str) -> ObjectKey {
    ObjectKey { resource: GroupResource::new("", "configmaps"), namespace: "d".into(), name: name.into() }
}

/// Revision and objects, as a comparable value.
fn contents(store: &Store) -> (u64, Vec<(String, serde_json::Value)>) {
    store.read(|state| {
        (state.revision(), state.objects().iter().map(|(k, o)| (k.name.clone(), o.as_ref().clone())).collect())
    })
}

/// Applies step `i` of a fixed, varied history.
fn step(store: &Store, choice: u8, i: usize) {
    let name = format!("o{}", choice % 4);
    store.write(|w| {
        if choice >= 200 {
            w.remove(&key(&name));
        } else {
            w.put(&key(&name), json!({ "metadata": { "name": name }, "data": { "step": i.to_string() } }));
        }
    });
}

#[tokio::test]
async fn a_reopened_store_has_everything_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    for i in 0..20 {
        step(&store, (i * 37 % 251) as u8, i);
    }
    store.durable(store.read(State::revision)).await.unwrap();
    let before = contents(&store);
    drop(store);
    assert_eq!(contents(&Store::open(dir.path()).unwrap()), before);
}

#[test]
fn two_processes_cannot_share_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let _store = Store::open(dir.path()).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Locked { .. })));
}

#[test]
fn damage_before_the_end_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    (0..3).for_each(|i| step(&store, i, i as usize));
    drop(store);
    let path = journal::journal_path(dir.path(), 0);
    let mut bytes = fs::read(&path).unwrap();
    bytes[30] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(Store::open(dir.path()), Err(StoreError::Corrupt { record: 1, .. })));
}

#[test]
fn a_snapshot_replaces_the_journal() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path()).unwrap();
    (0..10).for_each(|i| step(&store, i, i as usize));
    let before = contents(&store);
    let objects = store.read(|s| s.objects().clone());
    drop(store);
    let (_, mut journal) = Journal::open(dir.path()).unwrap();
    journal.compact(before.0, &objects).unwrap();
    drop(journal);
    assert!(!journal::journal_path(dir.path(), 0).exists());
    let reopened = Store::open(dir.path()).unwrap();
    assert_eq!(contents(&reopened), before);
    step(&reopened, 1, 99);
    let after = contents(&reopened);
    drop(reopened);
    assert_eq!(contents(&Store::open(dir.path()).unwrap()), after);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever prefix of the journal a crash leaves, recovery gives the state after some prefix of the writes, and
    /// the store can be written again.
    #[test]
    fn any_prefix_of_the_journal_is_a_prefix_of_the_writes(
        choices in proptest::collection::vec(any::<u8>(), 1..25), cut in 0.0..1.0f64,
    ) {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let mut states = vec![contents(&store)];
        for (i, choice) in choices.iter().enumerate() {
            step(&store, *choice, i);
            states.push(contents(&store));
        }
        drop(store);
        let path = journal::journal_path(dir.path(), 0);
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..(cut * bytes.len() as f64) as usize]).unwrap();
        let reopened = Store::open(dir.path()).unwrap();
        let recovered = contents(&reopened);
        prop_assert!(states.contains(&recovered));
        step(&reopened, 7, 1000);
        let after = contents(&reopened);
        prop_assert_eq!(after.0, recovered.0 + 1);
        drop(reopened);
        prop_assert_eq!(contents(&Store::open(dir.path()).unwrap()), after);
    }
}

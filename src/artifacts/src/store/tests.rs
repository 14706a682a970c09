use std::fs::File;
use std::time::{Duration, SystemTime};

use super::*;

fn store() -> (tempfile::TempDir, Store) {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::at(folder.path()).unwrap();
    (folder, store)
}

#[test]
fn the_same_bytes_are_one_artifact() {
    let (_folder, store) = store();
    let a = store.put(Kind::Dataset, b"rows").unwrap();
    assert_eq!(a, store.put(Kind::Dataset, b"rows").unwrap());
    assert_eq!(Store::read(&a.uri, &a.digest).unwrap(), b"rows");
}

#[test]
fn a_changed_file_is_refused_with_both_digests() {
    let (_folder, store) = store();
    let a = store.put(Kind::Report, b"true").unwrap();
    fs::write(path_of_uri(&a.uri).unwrap(), b"false").unwrap();
    assert!(matches!(Store::read(&a.uri, &a.digest), Err(Error::Digest { .. })));
}

#[test]
fn directories_are_verified_as_a_whole() {
    let (_folder, store) = store();
    let files: [(&str, &[u8]); 2] = [("adapter_config.json", b"{}"), ("adapter_model.safetensors", b"x")];
    let adapter = store.put_adapter(&files).unwrap();
    let path = Store::verify_directory(&adapter.uri, &adapter.digest).unwrap();
    let (digest, read) = read_directory(&path).unwrap();
    assert_eq!((digest, read["adapter_config.json"].as_slice()), (adapter.digest.clone(), b"{}".as_slice()));
    fs::write(path.join("adapter_config.json"), b"{ }").unwrap();
    assert!(matches!(Store::verify_directory(&adapter.uri, &adapter.digest), Err(Error::Digest { .. })));
}

#[test]
fn aliases_move_and_unknown_ones_are_named() {
    let (_folder, store) = store();
    let (a, b) = (store.put(Kind::Suite, b"a").unwrap(), store.put(Kind::Suite, b"b").unwrap());
    store.alias(Kind::Suite, "sealed", &a.digest).unwrap();
    store.alias(Kind::Suite, "sealed", &b.digest).unwrap();
    assert_eq!(store.resolve(Kind::Suite, "sealed").unwrap(), b);
    assert!(matches!(store.resolve(Kind::Suite, "dev"), Err(Error::UnknownAlias { .. })));
}

#[test]
fn names_cannot_leave_the_store() {
    let (_folder, store) = store();
    for name in ["", "..", "../x", "/etc/passwd", "a b", ".hidden"] {
        assert!(matches!(store.resolve(Kind::Suite, name), Err(Error::Name(_))), "{name:?}");
        assert!(matches!(store.put_directory(Kind::Adapter, &[(name, b"")]), Err(Error::Name(_))), "{name:?}");
    }
}

#[test]
fn a_damaged_artifact_is_set_aside_and_replaced() {
    let (folder, store) = store();
    let kept = store.put(Kind::Dataset, b"rows").unwrap();
    fs::write(path_of_uri(&kept.uri).unwrap(), b"rowz").unwrap();
    assert_eq!(store.put(Kind::Dataset, b"rows").unwrap(), kept);
    assert_eq!(Store::read(&kept.uri, &kept.digest).unwrap(), b"rows");

    let files: [(&str, &[u8]); 1] = [("adapter_config.json", b"{}")];
    let adapter = store.put_adapter(&files).unwrap();
    fs::write(path_of_uri(&adapter.uri).unwrap().join("adapter_config.json"), b"{ }").unwrap();
    assert_eq!(store.put_adapter(&files).unwrap(), adapter);
    assert!(Store::verify_directory(&adapter.uri, &adapter.digest).is_ok());

    for kind in ["datasets", "adapters"] {
        let names = names(&folder.path().join(kind));
        assert_eq!(names.iter().filter(|name| name.starts_with(".damaged-")).count(), 1, "{names:?}");
    }
}

#[test]
fn a_file_in_the_place_of_a_directory_is_damage() {
    let (_folder, store) = store();
    let files: [(&str, &[u8]); 1] = [("adapter_config.json", b"{}")];
    let adapter = store.put_adapter(&files).unwrap();
    let path = path_of_uri(&adapter.uri).unwrap();
    fs::remove_dir_all(&path).unwrap();
    fs::write(&path, b"").unwrap();
    store.put_adapter(&files).unwrap();
    assert!(Store::verify_directory(&adapter.uri, &adapter.digest).is_ok());
}

#[test]
fn a_name_that_is_none_writes_nothing() {
    let (folder, store) = store();
    assert!(matches!(store.alias(Kind::Suite, "../x", &Digest::of_bytes(b"a")), Err(Error::Name(_))));
    assert!(!folder.path().join("suites").exists());
}

#[test]
fn only_an_alias_that_is_not_there_is_unknown() {
    let (folder, store) = store();
    // A directory cannot be read as a file, whoever asks.
    fs::create_dir_all(folder.path().join("suites/aliases/sealed")).unwrap();
    let error = store.resolve(Kind::Suite, "sealed").unwrap_err();
    assert!(matches!(error, Error::Io { .. }), "{error}");
}

#[test]
fn a_failing_disk_may_recover_and_a_wrong_address_does_not() {
    let path = Path::new("/x");
    let failed = |kind| Error::io("read", path)(std::io::Error::from(kind)).is_io();
    assert!(failed(ErrorKind::TimedOut) && failed(ErrorKind::StorageFull) && failed(ErrorKind::Other));
    assert!(!failed(ErrorKind::NotFound) && !failed(ErrorKind::IsADirectory));
    assert!(!Error::Uri("x".into()).is_io());
}

#[test]
fn what_a_killed_process_left_behind_is_removed_by_age_alone() {
    let (folder, store) = store();
    store.put(Kind::Report, b"r").unwrap();
    let reports = folder.path().join("reports");
    let (old, new) = (reports.join(".staged-old"), reports.join(".staged-new"));
    fs::create_dir(&old).unwrap();
    fs::write(old.join("part"), b"").unwrap();
    fs::write(&new, b"").unwrap();
    let yesterday = SystemTime::UNIX_EPOCH + Duration::from_secs(1);
    File::open(&old).unwrap().set_modified(yesterday).unwrap();
    Store::at(folder.path()).unwrap();
    assert!(!old.exists() && new.exists(), "{:?}", names(&reports));
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

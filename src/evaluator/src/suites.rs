use genesis_artifacts::{Kind, Store};
use genesis_core::Digest;
use genesis_core::task::Suite;

use crate::Error;

/// Where a suite is: `file:///…` with its digest, or `store://suites/NAME`, an alias in the artifact store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuiteSource {
    /// Name in results.
    pub name: String,
    /// Address.
    pub uri: String,
    /// Digest of the file; needed for `file://`.
    pub digest: Option<Digest>,
}

/// Reads a suite and checks that it is the one that was meant.
pub fn load(store: &Store, source: &SuiteSource) -> Result<(Suite, Digest), Error> {
    let failed = |error| Error::Suite { name: source.name.clone(), source: error };
    let (uri, digest) = if let Some(alias) = source.uri.strip_prefix("store://suites/") {
        let found = store.resolve(Kind::Suite, alias).map_err(failed)?;
        (found.uri, source.digest.clone().unwrap_or(found.digest))
    } else {
        let missing =
            || Error::SuiteFormat { name: source.name.clone(), message: "a file:// suite needs its digest".into() };
        (source.uri.clone(), source.digest.clone().ok_or_else(missing)?)
    };
    let bytes = Store::read(&uri, &digest).map_err(failed)?;
    let suite = genesis_tasks::read_suite(&bytes)
        .map_err(|error| Error::SuiteFormat { name: source.name.clone(), message: error.to_string() })?;
    Ok((suite, digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_is_found_by_alias_and_a_damaged_one_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::at(folder.path()).unwrap();
        let source = SuiteSource { name: "sealed".into(), uri: "store://suites/sealed".into(), digest: None };
        assert!(matches!(load(&store, &source), Err(Error::Suite { .. })));
        let kept = store.put(Kind::Suite, br#"{"name":"sealed","seed":1,"tasks":[]}"#).unwrap();
        store.alias(Kind::Suite, "sealed", &kept.digest).unwrap();
        assert!(matches!(load(&store, &source), Err(Error::SuiteFormat { .. })), "an empty suite judges nothing");
        let other = SuiteSource { digest: Some(Digest::of_bytes(b"x")), ..source };
        assert!(matches!(load(&store, &other), Err(Error::Suite { .. })));
    }
}

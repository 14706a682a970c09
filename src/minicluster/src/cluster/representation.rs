//! How objects are shown: whole, metadata only, or as a table for people.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    ops::{
        Call,
        read::{Page, list_body, list_metadata},
    },
    table,
};

/// What the `Accept` header asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Representation {
    /// The object itself.
    Full,
    /// `PartialObjectMetadata`.
    Metadata,
    /// `Table` of `meta.k8s.io/v1`.
    Table,
}

impl Representation {
    /// The first representation in an `Accept` header that this server can give.
    pub fn of(accept: &str) -> Self {
        for kind in accept.split(',') {
            let json = kind.trim_start().starts_with("application/json");
            let asks = |name: &str| kind.split(';').any(|p| p.trim().strip_prefix("as=") == Some(name));
            if json && asks("Table") {
                return Self::Table;
            }
            if json && (asks("PartialObjectMetadata") || asks("PartialObjectMetadataList")) {
                return Self::Metadata;
            }
            if json && !kind.contains("as=") {
                return Self::Full;
            }
        }
        Self::Full
    }

    /// One stored object.
    pub fn one(self, call: &Call<'_>, stored: &Value) -> Value {
        match self {
            Self::Full => call.present(stored),
            Self::Metadata => partial(stored),
            Self::Table => table::of(call, &[stored], stored["metadata"].clone(), true, call.now),
        }
    }

    /// One object of a watch; only the first table of a watch has column definitions.
    pub fn event(self, call: &Call<'_>, stored: &Value, is_first: bool, now: Timestamp) -> Value {
        match self {
            Self::Table => {
                let metadata = json!({ "resourceVersion": stored["metadata"]["resourceVersion"] });
                table::of(call, &[stored], metadata, is_first, now)
            }
            _ => self.one(call, stored),
        }
    }

    /// A page of a list.
    pub fn list(self, call: &Call<'_>, page: &Page) -> Value {
        match self {
            Self::Full => list_body(call, page),
            Self::Metadata => json!({
                "kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1", "metadata": list_metadata(page),
                "items": page.objects.iter().map(|o| partial(o)).collect::<Vec<_>>(),
            }),
            Self::Table => {
                let objects: Vec<&Value> = page.objects.iter().map(AsRef::as_ref).collect();
                table::of(call, &objects, list_metadata(page), true, call.now)
            }
        }
    }
}

/// `PartialObjectMetadata` of an object.
pub fn partial(stored: &Value) -> Value {
    json!({ "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": stored["metadata"] })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_acceptable_kind_wins() {
        let kubectl = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
        assert_eq!(Representation::of(kubectl), Representation::Table);
        assert_eq!(Representation::of("application/json"), Representation::Full);
        assert_eq!(Representation::of("*/*"), Representation::Full);
        let partial = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
        assert_eq!(Representation::of(partial), Representation::Metadata);
    }
}

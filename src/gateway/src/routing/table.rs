//! All models, as they are at one moment.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::route::{ModelKey, ModelRoute};

/// Routes of all models the gateway sees. Replaced as a whole, never changed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RouteTable {
    models: BTreeMap<ModelKey, Arc<ModelRoute>>,
}

/// Why no model was found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoModel {
    /// There is none at all.
    #[error("no GenesisModel exists yet")]
    None,
    /// There are several and none was named.
    #[error("several models exist and the request names none: {}", .0.join(", "))]
    Ambiguous(Vec<String>),
    /// Several serve their base under the name that was asked for.
    #[error("several models serve {name:?}: {}", .candidates.join(", "))]
    Shared {
        /// What was asked for.
        name: String,
        /// Who serves it.
        candidates: Vec<String>,
    },
    /// The named one does not exist.
    #[error("there is no GenesisModel {wanted:?}; there is {}", .known.join(", "))]
    Unknown {
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: Vec<String>,
    },
}

impl RouteTable {
    /// A table of these routes.
    pub fn new(routes: impl IntoIterator<Item = ModelRoute>) -> Self {
        Self { models: routes.into_iter().map(|route| (route.key.clone(), Arc::new(route))).collect() }
    }

    /// The route of one model.
    pub fn get(&self, key: &ModelKey) -> Option<&Arc<ModelRoute>> {
        self.models.get(key)
    }

    /// All routes, by key.
    pub fn routes(&self) -> impl Iterator<Item = &Arc<ModelRoute>> {
        self.models.values()
    }

    /// The model a request means: the one it names, the default one, or the only one.
    pub fn resolve(&self, wanted: Option<&str>, default: Option<&ModelKey>) -> Result<Arc<ModelRoute>, NoModel> {
        if let Some(wanted) = wanted {
            return self
                .named(wanted)
                .ok_or_else(|| NoModel::Unknown { wanted: wanted.to_owned(), known: self.names() });
        }
        if let Some(route) = default.and_then(|key| self.get(key)) {
            return Ok(Arc::clone(route));
        }
        let mut all = self.routes();
        match (all.next(), all.next()) {
            (Some(only), None) => Ok(Arc::clone(only)),
            (None, _) => Err(NoModel::None),
            (Some(_), Some(_)) => Err(NoModel::Ambiguous(self.names())),
        }
    }

    /// The model that serves its base under this name (`model` of an OpenAI request): the only one, or of several the
    /// default one. `None`: none does.
    pub fn serving_as(&self, base: &str, default: Option<&ModelKey>) -> Result<Option<Arc<ModelRoute>>, NoModel> {
        let serving: Vec<&Arc<ModelRoute>> = self.routes().filter(|route| route.base == base).collect();
        let meant = match serving.as_slice() {
            [] => return Ok(None),
            [only] => Some(*only),
            several => several.iter().copied().find(|route| Some(&route.key) == default),
        };
        meant.cloned().map(Some).ok_or_else(|| NoModel::Shared {
            name: base.to_owned(),
            candidates: serving.iter().map(|route| route.key.to_string()).collect(),
        })
    }

    fn named(&self, id: &str) -> Option<Arc<ModelRoute>> {
        ModelKey::parse(id).and_then(|key| self.get(&key)).cloned()
    }

    fn names(&self) -> Vec<String> {
        self.models.keys().map(ModelKey::to_string).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routing::testing::route;

    fn named(name: &str) -> ModelRoute {
        ModelRoute { key: ModelKey::new("ns", name), ..route(None) }
    }

    #[test]
    fn the_only_model_needs_no_name() {
        let table = RouteTable::new([named("a")]);
        assert_eq!(table.resolve(None, None).unwrap().key, ModelKey::new("ns", "a"));
        assert_eq!(RouteTable::default().resolve(None, None), Err(NoModel::None));
    }

    #[test]
    fn of_several_the_named_or_the_default_one_is_taken() {
        let table = RouteTable::new([named("a"), named("b")]);
        assert_eq!(table.resolve(Some("ns/b"), None).unwrap().key.name, "b");
        assert_eq!(table.resolve(None, Some(&ModelKey::new("ns", "a"))).unwrap().key.name, "a");
        assert!(matches!(table.resolve(None, None), Err(NoModel::Ambiguous(names)) if names == ["ns/a", "ns/b"]));
        assert!(matches!(table.resolve(Some("b"), None), Err(NoModel::Unknown { .. })));
    }

    #[test]
    fn a_served_name_that_several_share_means_the_default_one_or_none() {
        let table = RouteTable::new([named("a"), named("b")]);
        assert_eq!(table.serving_as("other", None), Ok(None));
        let of = |table: &RouteTable, default: Option<ModelKey>| {
            table.serving_as("seedling", default.as_ref()).map(|route| route.unwrap().key.name.clone())
        };
        assert_eq!(of(&RouteTable::new([named("a")]), None).unwrap(), "a");
        assert_eq!(of(&table, Some(ModelKey::new("ns", "b"))).unwrap(), "b");
        let refused = of(&table, Some(ModelKey::new("ns", "c"))).unwrap_err();
        assert!(matches!(refused, NoModel::Shared { candidates, .. } if candidates == ["ns/a", "ns/b"]));
    }
}

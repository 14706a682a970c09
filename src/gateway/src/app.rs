//! What every handler shares.

use std::sync::Arc;

use genesis_ledger::Scope;
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::generate::Pipeline;
use crate::inference::ReplicatedModel;
use crate::operator::Operator;
use crate::routing::{ModelKey, ModelRoute, NoModel, RouteTable, Routes};

/// Shared by all handlers; clones share everything.
#[derive(Clone)]
pub struct App {
    /// Settings of the process.
    pub config: Arc<Config>,
    /// Models, adapters, weights, pods.
    pub routes: Routes,
    /// Generates.
    pub pipeline: Pipeline,
    /// Forwards what is not generated here.
    pub inference: ReplicatedModel,
    /// Starts improvement cycles.
    pub operator: Operator,
    /// Ends long answers when the process is to stop.
    pub shutdown: CancellationToken,
}

impl App {
    /// The routes as they are now.
    pub fn table(&self) -> Arc<RouteTable> {
        self.routes.table.borrow().clone()
    }

    /// The model a request means.
    pub fn resolve(&self, wanted: Option<&str>) -> Result<Arc<ModelRoute>, NoModel> {
        self.table().resolve(wanted, self.config.default_model.as_ref())
    }

    /// The model that an OpenAI request means by the served name of its base; `None`: no model has a base of that name.
    pub fn serving_as(&self, name: Option<&str>) -> Result<Option<Arc<ModelRoute>>, NoModel> {
        name.map_or(Ok(None), |name| self.table().serving_as(name, self.config.default_model.as_ref()))
    }
}

/// Whose rows a model's are: the namespace is the tenant.
pub fn scope(key: &ModelKey) -> Scope {
    Scope::new(key.namespace.clone(), key.to_string())
}

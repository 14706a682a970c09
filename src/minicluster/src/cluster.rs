//! The API server: objects, verbs and watches with the behaviour of Kubernetes 1.35, in process.
//!
//! ```no_run
//! # async fn example() -> Result<(), genesis_minicluster::cluster::ClusterError> {
//! let cluster = genesis_minicluster::cluster::Cluster::in_memory()?;
//! let client = cluster.client(); // an ordinary kube::Client
//! # Ok(()) }
//! ```

mod apply;
mod bootstrap;
mod builtin;
mod crd;
mod discovery;
mod dispatch;
mod error;
mod kubeconfig;
mod merge;
pub mod meta;
mod names;
mod ops;
mod registry;
mod representation;
mod request;
mod resource;
mod schema;
pub mod selector;
mod service;
mod shape;
pub mod state;
mod store;
mod table;
#[cfg(test)]
mod tests;
mod watch;

use std::{io, path::Path, sync::Arc};

use axum::serve::ListenerExt as _;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use self::{
    crd::CLEANUP_FINALIZER,
    error::ApiError,
    kubeconfig::kubeconfig,
    request::{Route, Target, Verb, route},
    resource::{GroupResource, ObjectKey, ResourceType},
    service::ApiService,
    store::{Store, StoreError},
};

/// Why a cluster cannot be opened or served.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// Its data cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The objects every cluster has cannot be created.
    #[error("cannot set up the cluster: {0}")]
    Bootstrap(#[from] ApiError),
    /// The API cannot be served.
    #[error("cannot serve the cluster's API: {0}")]
    Serve(#[from] io::Error),
}

/// A Kubernetes API with its storage. Cheap to clone; watches end when the last clone is closed.
#[derive(Clone, Debug)]
pub struct Cluster {
    store: Arc<Store>,
    closing: CancellationToken,
}

impl Cluster {
    /// A cluster that lives as long as the process.
    ///
    /// # Errors
    /// When the first objects cannot be created.
    pub fn in_memory() -> Result<Self, ClusterError> {
        Self::with_store(Store::in_memory())
    }

    /// A cluster whose objects are kept in `dir`: every answered write survives `kill -9`.
    ///
    /// # Errors
    /// When the directory cannot be used or is damaged.
    pub fn open(dir: &Path) -> Result<Self, ClusterError> {
        Self::with_store(Store::open(dir)?)
    }

    fn with_store(store: Store) -> Result<Self, ClusterError> {
        bootstrap::bootstrap(&store)?;
        Ok(Self { store: Arc::new(store), closing: CancellationToken::new() })
    }

    /// The API as a tower service, without a socket.
    pub fn service(&self) -> ApiService {
        ApiService::new(self.store.clone(), self.closing.clone())
    }

    /// A client that calls the API in process. It must be made inside a tokio runtime.
    pub fn client(&self) -> kube::Client {
        kube::Client::new(self.service(), "default")
    }

    /// The stored state, for controllers that belong to the cluster itself, and for tests.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Serves the API over HTTP until [`close`](Self::close); requests must carry `token`.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn serve(&self, listener: TcpListener, token: &str) -> Result<(), ClusterError> {
        let service = self.service().with_token(token);
        let app = axum::Router::new().fallback_service(service);
        let closing = self.closing.clone();
        // Without this, small answers wait for the client's delayed acknowledgements.
        let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
        axum::serve(listener, app).with_graceful_shutdown(closing.cancelled_owned()).await?;
        Ok(())
    }

    /// Forgets the history of changes, so that watches from before now get 410 Gone.
    pub fn compact(&self) {
        self.store.write(|writer| {
            let revision = writer.state().revision();
            writer.compact(revision);
        });
    }

    /// Ends watches and [`serve`](Self::serve) and lets go of the data directory, even if clients are left.
    pub fn close(&self) {
        self.closing.cancel();
        self.store.close();
    }
}

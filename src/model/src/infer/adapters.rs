//! The adapters that are loaded, by name.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use genesis_core::Digest;

use super::engine::{AdapterId, Engine, EngineError};
use crate::adapter::{ADAPTER_CONFIG_FILE, Adapter, AdapterError};
use crate::backend::{Compute, Device};
use crate::config::ModelConfig;

/// How many adapters, and how large.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdapterLimits {
    /// Adapters loaded at once.
    pub count: usize,
    /// Largest rank.
    pub rank: usize,
}

/// A loaded adapter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadedAdapter {
    /// The engine's name for it.
    pub id: AdapterId,
    /// The directory it came from.
    pub directory: PathBuf,
    /// Digest of that directory when it was read.
    pub digest: Digest,
}

/// Which adapter to load.
#[derive(Clone, Debug)]
pub struct LoadRequest {
    /// Name under which requests will ask for it.
    pub name: String,
    /// Directory, as a path or a `file://` URI.
    pub path: String,
    /// Replace an adapter of the same name.
    pub in_place: bool,
    /// What the directory must hold.
    pub digest: Option<Digest>,
}

/// Why an adapter is not loaded or unloaded. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum AdaptersError {
    /// Adapter and base share one name space.
    #[error("The lora adapter '{0}' has the name of the base model: choose another lora_name.")]
    BaseName(String),
    /// Another directory is loaded under this name.
    #[error(
        "The lora adapter '{name}' has already been loaded with digest {digest}. If you want to load the adapter in place, set 'load_inplace' to True."
    )]
    Taken {
        /// Its name.
        name: String,
        /// What is loaded.
        digest: Digest,
    },
    /// There is no such directory.
    #[error("No adapter found for '{name}': {} does not exist or holds no {ADAPTER_CONFIG_FILE}.", .path.display())]
    NotFound {
        /// Its name.
        name: String,
        /// Where it was looked for.
        path: PathBuf,
    },
    /// No adapter of this name is loaded.
    #[error("The lora adapter '{0}' cannot be found.")]
    NotLoaded(String),
    /// The directory is not what the caller expects.
    #[error("The files in {} have the digest {found}, not {expected}: the directory was changed, or is another adapter's.", .path.display())]
    Digest {
        /// The directory.
        path: PathBuf,
        /// What the caller expects.
        expected: Digest,
        /// What there is.
        found: Digest,
    },
    /// Rank above the limit.
    #[error("The lora adapter's rank {rank} is larger than {limit}: start the server with --max-lora-rank {rank}.")]
    Rank {
        /// The adapter's.
        rank: usize,
        /// The server's.
        limit: usize,
    },
    /// No place left.
    #[error(
        "{0} lora adapters are loaded, which is the limit: unload one first, or start the server with a larger --max-loras."
    )]
    Full(usize),
    /// The adapter does not fit the model.
    #[error(transparent)]
    Unusable(#[from] AdapterError),
    /// The directory's address.
    #[error("{0}")]
    Address(genesis_artifacts::Error),
    /// A file cannot be read.
    #[error(transparent)]
    Unreadable(#[from] genesis_artifacts::Error),
    /// The engine could not take it.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

/// Loads adapters into an engine and knows their names.
pub struct Adapters {
    engine: Engine,
    base: String,
    config: ModelConfig,
    limits: AdapterLimits,
    loaded: RwLock<BTreeMap<String, LoadedAdapter>>,
    /// Held while an adapter is loaded or unloaded, so that checks and changes belong together.
    changing: tokio::sync::Mutex<()>,
}

impl Adapters {
    /// No adapters yet, for the base model served as `base`.
    pub fn new(engine: Engine, base: String, config: ModelConfig, limits: AdapterLimits) -> Self {
        let (loaded, changing) = (RwLock::default(), tokio::sync::Mutex::default());
        Self { engine, base, config, limits, loaded, changing }
    }

    /// The adapter called `name`.
    pub fn get(&self, name: &str) -> Option<LoadedAdapter> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned()
    }

    /// All adapters, by name.
    pub fn list(&self) -> BTreeMap<String, LoadedAdapter> {
        self.loaded.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Largest number of adapters.
    pub fn limits(&self) -> AdapterLimits {
        self.limits
    }

    /// Reads, checks and loads an adapter. Loading the same content under the same name again does nothing.
    ///
    /// To be run to its end: dropped between the engine's answer and the entry in the list, it would leave an adapter in
    /// the engine that nobody can name.
    pub async fn load(&self, request: LoadRequest) -> Result<(), AdaptersError> {
        if request.name == self.base {
            return Err(AdaptersError::BaseName(request.name));
        }
        let _changing = self.changing.lock().await;
        let present = self.get(&request.name);
        let config = self.config.clone();
        let path = if request.path.starts_with("file:") {
            genesis_artifacts::path_of_uri(&request.path).map_err(AdaptersError::Address)?
        } else {
            PathBuf::from(&request.path)
        };
        let (name, directory) = (request.name.clone(), path.clone());
        let read = tokio::task::spawn_blocking(move || read(&name, &directory, request.digest, &config));
        let (digest, adapter) = read.await.map_err(|error| EngineError::Failed(error.to_string()))??;
        match &present {
            Some(present) if present.digest == digest => return Ok(()),
            Some(present) if !request.in_place => {
                return Err(AdaptersError::Taken { name: request.name, digest: present.digest.clone() });
            }
            None if self.list().len() >= self.limits.count => return Err(AdaptersError::Full(self.limits.count)),
            _ => {}
        }
        let (rank, limit) = (adapter.settings.rank, self.limits.rank);
        if rank > limit {
            return Err(AdaptersError::Rank { rank, limit });
        }
        let id = self.engine.load(adapter.weights).await?;
        let entry = LoadedAdapter { id, directory: path, digest };
        tracing::info!(adapter = request.name, digest = %entry.digest, rank, "adapter loaded");
        let replaced = self.loaded.write().unwrap_or_else(PoisonError::into_inner).insert(request.name, entry);
        if let Some(replaced) = replaced {
            self.engine.unload(replaced.id);
        }
        Ok(())
    }

    /// Forgets an adapter; requests that are running with it are finished.
    pub async fn unload(&self, name: &str) -> Result<(), AdaptersError> {
        let _changing = self.changing.lock().await;
        let removed = self.loaded.write().unwrap_or_else(PoisonError::into_inner).remove(name);
        let removed = removed.ok_or_else(|| AdaptersError::NotLoaded(name.to_owned()))?;
        tracing::info!(adapter = name, digest = %removed.digest, "adapter unloaded");
        self.engine.unload(removed.id);
        Ok(())
    }
}

/// Reads and checks a directory: its digest, then its content.
fn read(
    name: &str,
    path: &Path,
    expected: Option<Digest>,
    config: &ModelConfig,
) -> Result<(Digest, Adapter<Compute>), AdaptersError> {
    if !path.join(ADAPTER_CONFIG_FILE).is_file() {
        return Err(AdaptersError::NotFound { name: name.to_owned(), path: path.to_owned() });
    }
    // What is checked is what is loaded, whatever happens to the directory meanwhile.
    let (found, files) = genesis_artifacts::read_directory(path)?;
    if let Some(expected) = expected.filter(|expected| *expected != found) {
        return Err(AdaptersError::Digest { path: path.to_owned(), expected, found });
    }
    Ok((found, Adapter::from_files(&files, path, config, &Device::<Compute>::default())?))
}

//! Adapters as directories in PEFT's format: `adapter_config.json` and `adapter_model.safetensors`.
//!
//! What is written is what PEFT 0.21 writes, key by key, so that PEFT and vLLM read it; what is read may
//! come from PEFT too, as long as it is plain LoRA on the decoder's linear layers.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use crate::config::ModelConfig;
use crate::fused::FusedOps;
use crate::lora::{LoraLayer, LoraPair, LoraWeights, Projection};
use crate::tensors::{Precision, TensorError, TensorSet};

mod settings;

pub use settings::AdapterSettings;

/// Settings of an adapter.
pub const ADAPTER_CONFIG_FILE: &str = "adapter_config.json";
/// Weights of an adapter.
pub const ADAPTER_WEIGHTS_FILE: &str = "adapter_model.safetensors";

/// Why an adapter directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AdapterError {
    /// The settings are not there, or not readable.
    #[error("cannot read {path}: {source}. An adapter is a directory in PEFT's format")]
    Unreadable {
        /// Which file.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The settings are not JSON, or lack a key.
    #[error("{path} is not an adapter's configuration: {source}")]
    Malformed {
        /// Which file.
        path: String,
        /// What the parser said.
        source: serde_json::Error,
    },
    /// The settings ask for something that plain LoRA is not.
    #[error("the adapter uses {0}, which is not supported: train it as plain LoRA")]
    Unsupported(String),
    /// `target_modules` names a module that the decoder has not.
    #[error("the adapter targets {name:?}; the decoder has {known}")]
    Target {
        /// What it names.
        name: String,
        /// What there is.
        known: String,
    },
    /// Rank zero or scale not finite.
    #[error("the adapter's r is {rank} and lora_alpha {alpha}: both must be positive")]
    Scale {
        /// Its `r`.
        rank: usize,
        /// Its `lora_alpha`.
        alpha: f64,
    },
    /// The weight file does not fit the base model or the settings.
    #[error("the adapter does not fit the base model: {0}")]
    Weights(#[from] TensorError),
    /// The file holds weights that nothing would use: an adapter for another model.
    #[error(
        "the adapter holds {count} tensors that this base model has no place for, the first is {first}: it was trained for another model"
    )]
    Leftover {
        /// How many.
        count: usize,
        /// The first by name.
        first: String,
    },
}

/// An adapter read from a directory.
#[derive(Clone, Debug)]
pub struct Adapter<B: FusedOps> {
    /// Its settings.
    pub settings: AdapterSettings,
    /// Its weights.
    pub weights: LoraWeights<B>,
}

fn key(layer: usize, projection: Projection, factor: char) -> String {
    format!("base_model.model.model.layers.{layer}.{}.lora_{factor}.weight", projection.path())
}

impl<B: FusedOps> Adapter<B> {
    /// Reads an adapter and checks it against the base model it is for.
    pub fn load(directory: &Path, config: &ModelConfig, device: &B::Device) -> Result<Self, AdapterError> {
        let mut files = BTreeMap::new();
        for name in [ADAPTER_CONFIG_FILE, ADAPTER_WEIGHTS_FILE] {
            let path = directory.join(name);
            let bytes = std::fs::read(&path)
                .map_err(|source| AdapterError::Unreadable { path: path.display().to_string(), source })?;
            files.insert(name.to_owned(), bytes);
        }
        Self::from_files(&files, directory, config, device)
    }

    /// As [`Self::load`] from the files of `directory`, which were read already.
    pub fn from_files(
        files: &BTreeMap<String, Vec<u8>>,
        directory: &Path,
        config: &ModelConfig,
        device: &B::Device,
    ) -> Result<Self, AdapterError> {
        let file = |name: &str| {
            let path = directory.join(name).display().to_string();
            match files.get(name) {
                Some(bytes) => Ok((bytes, path)),
                None => Err(AdapterError::Unreadable { path, source: ErrorKind::NotFound.into() }),
            }
        };
        let (text, name) = file(ADAPTER_CONFIG_FILE)?;
        let settings = AdapterSettings::parse(&String::from_utf8_lossy(text), &name)?;
        let (bytes, name) = file(ADAPTER_WEIGHTS_FILE)?;
        let weights = weights_from(TensorSet::from_bytes(bytes, name)?, &settings, config, device)?;
        Ok(Self { settings, weights })
    }

    /// The two files, by name. Writing them is the caller's affair: the store names them by their digest.
    pub fn to_files(&self) -> Result<Vec<(&'static str, Vec<u8>)>, AdapterError> {
        Ok(vec![
            (ADAPTER_CONFIG_FILE, format!("{:#}\n", self.settings.to_json()).into_bytes()),
            (ADAPTER_WEIGHTS_FILE, tensors(&self.weights).to_bytes(Precision::F32)?),
        ])
    }
}

/// The factors under PEFT's names: A is `[rank, in]`, B is `[out, rank]`.
pub fn tensors<B: FusedOps>(weights: &LoraWeights<B>) -> TensorSet {
    let mut set = TensorSet { source: ADAPTER_WEIGHTS_FILE.to_owned(), ..TensorSet::default() };
    for (index, layer) in weights.layers.iter().enumerate() {
        for projection in Projection::ALL {
            if let Some(pair) = layer.get(projection) {
                set.insert_linear(key(index, projection, 'A'), &pair.a);
                set.insert_linear(key(index, projection, 'B'), &pair.b);
            }
        }
    }
    set
}

/// The reverse of [`tensors`], with every shape checked against the base model.
pub fn weights_from<B: FusedOps>(
    mut set: TensorSet,
    settings: &AdapterSettings,
    config: &ModelConfig,
    device: &B::Device,
) -> Result<LoraWeights<B>, AdapterError> {
    let rank = settings.rank;
    let mut layers = Vec::with_capacity(config.layers);
    for index in 0..config.layers {
        let mut pairs: [Option<LoraPair<B>>; 7] = Default::default();
        for projection in &settings.targets {
            let (inputs, outputs) = projection.shape(config);
            let a = set.take_linear(&key(index, *projection, 'A'), (inputs, rank), device)?;
            let b = set.take_linear(&key(index, *projection, 'B'), (rank, outputs), device)?;
            pairs[*projection as usize] = Some(LoraPair { a, b });
        }
        layers.push(LoraLayer { pairs });
    }
    match set.arrays.keys().next() {
        None => Ok(LoraWeights { scale: settings.scale(), layers }),
        Some(first) => Err(AdapterError::Leftover { count: set.arrays.len(), first: first.clone() }),
    }
}

#[cfg(test)]
mod tests;

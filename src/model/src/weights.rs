//! A decoder's weights in Hugging Face's layout: names `model.layers.N…`, linear weights `[out, in]`.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;

use crate::config::{CONFIG_FILE, ConfigError, ModelConfig};
use crate::decoder::{Block, Decoder};
use crate::fused::FusedOps;
use crate::lora::Projection;
use crate::tensors::{Precision, TensorError, TensorSet};

/// Name of the only weight file of a small model.
pub const WEIGHTS_FILE: &str = "model.safetensors";
/// Lists the weight files of a larger model.
const INDEX_FILE: &str = "model.safetensors.index.json";

/// Why a model directory cannot be loaded or saved.
#[derive(Debug, thiserror::Error)]
pub enum WeightsError {
    /// `config.json`.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A weight file.
    #[error(transparent)]
    Tensor(#[from] TensorError),
    /// The list of weight files.
    #[error("{path} does not list the model's weight files: {reason}")]
    Index {
        /// Which file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A file cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Which file.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
}

#[derive(Deserialize)]
struct Index {
    weight_map: std::collections::BTreeMap<String, String>,
}

impl<B: FusedOps> Decoder<B> {
    /// Loads `config.json` and the weights of a model directory (one file, or several with an index).
    pub fn load(directory: &Path, device: &B::Device) -> Result<Self, WeightsError> {
        let config = ModelConfig::load(directory)?;
        Ok(Self::from_tensors(config, read_all(directory)?, device)?)
    }

    /// Builds a decoder from arrays under Hugging Face's names. Further names are ignored.
    pub fn from_tensors(config: ModelConfig, mut set: TensorSet, device: &B::Device) -> Result<Self, TensorError> {
        let embedding_shape = [config.vocab_size, config.hidden_size];
        let (hidden, head) = ([config.hidden_size], [config.head_dim]);
        let mut blocks = Vec::with_capacity(config.layers);
        for layer in 0..config.layers {
            let name = |part: &str| format!("model.layers.{layer}.{part}.weight");
            let linear = |set: &mut TensorSet, projection: Projection| {
                set.take_linear(&name(&projection.path()), projection.shape(&config), device)
            };
            blocks.push(Block {
                input_norm: set.take_tensor(&name("input_layernorm"), hidden, device)?,
                q_proj: linear(&mut set, Projection::Q)?,
                k_proj: linear(&mut set, Projection::K)?,
                v_proj: linear(&mut set, Projection::V)?,
                o_proj: linear(&mut set, Projection::O)?,
                q_norm: set.take_tensor(&name("self_attn.q_norm"), head, device)?,
                k_norm: set.take_tensor(&name("self_attn.k_norm"), head, device)?,
                post_attention_norm: set.take_tensor(&name("post_attention_layernorm"), hidden, device)?,
                gate_proj: linear(&mut set, Projection::Gate)?,
                up_proj: linear(&mut set, Projection::Up)?,
                down_proj: linear(&mut set, Projection::Down)?,
            });
        }
        Ok(Self {
            embedding: set.take_tensor("model.embed_tokens.weight", embedding_shape, device)?,
            norm: set.take_tensor("model.norm.weight", hidden, device)?,
            lm_head: if config.tied {
                None
            } else {
                Some(set.take_tensor("lm_head.weight", embedding_shape, device)?)
            },
            blocks,
            config,
        })
    }

    /// The arrays under Hugging Face's names.
    pub fn to_tensors(&self) -> TensorSet {
        let mut set = TensorSet { source: WEIGHTS_FILE.to_owned(), ..TensorSet::default() };
        set.insert_tensor("model.embed_tokens.weight", &self.embedding);
        set.insert_tensor("model.norm.weight", &self.norm);
        if let Some(head) = &self.lm_head {
            set.insert_tensor("lm_head.weight", head);
        }
        for (layer, block) in self.blocks.iter().enumerate() {
            let name = |part: &str| format!("model.layers.{layer}.{part}.weight");
            set.insert_tensor(name("input_layernorm"), &block.input_norm);
            set.insert_tensor(name("self_attn.q_norm"), &block.q_norm);
            set.insert_tensor(name("self_attn.k_norm"), &block.k_norm);
            set.insert_tensor(name("post_attention_layernorm"), &block.post_attention_norm);
            for projection in Projection::ALL {
                set.insert_linear(name(&projection.path()), block.projection(projection));
            }
        }
        set
    }

    /// Writes `config.json` and one weight file into `directory`, which is created.
    pub fn save(&self, directory: &Path, precision: Precision) -> Result<(), WeightsError> {
        let write = |name: &str, bytes: &[u8]| {
            let path = directory.join(name);
            std::fs::create_dir_all(directory)
                .and_then(|()| std::fs::write(&path, bytes))
                .map_err(|source| WeightsError::Write { path: path.display().to_string(), source })
        };
        write(CONFIG_FILE, format!("{:#}\n", self.config.to_json()).as_bytes())?;
        write(WEIGHTS_FILE, &self.to_tensors().to_bytes(precision)?)
    }
}

fn read_all(directory: &Path) -> Result<TensorSet, WeightsError> {
    let index = directory.join(INDEX_FILE);
    if !index.exists() {
        return Ok(TensorSet::read(&directory.join(WEIGHTS_FILE))?);
    }
    let problem = |reason: String| WeightsError::Index { path: index.display().to_string(), reason };
    let text = std::fs::read_to_string(&index).map_err(|error| problem(error.to_string()))?;
    let listed: Index = serde_json::from_str(&text).map_err(|error| problem(error.to_string()))?;
    let mut all = TensorSet { source: directory.display().to_string(), ..TensorSet::default() };
    for file in listed.weight_map.into_values().collect::<BTreeSet<_>>() {
        // The index is data from outside: it may only name files beside itself.
        if Path::new(&file).file_name().is_none_or(|name| name != file.as_str()) {
            return Err(problem(format!("{file:?} is not a file name")));
        }
        all.arrays.extend(TensorSet::read(&directory.join(file))?.arrays);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Cpu;
    use crate::testing::tiny_decoder;

    #[test]
    fn a_saved_model_is_loaded_again_from_one_file_and_from_several() {
        let model = tiny_decoder(1);
        let directory = tempfile::tempdir().unwrap();
        model.save(directory.path(), Precision::F32).unwrap();
        let load = || Decoder::<Cpu>::load(directory.path(), &Default::default()).unwrap().to_tensors();
        assert_eq!(load(), model.to_tensors());

        let mut first = model.to_tensors();
        let second = TensorSet { arrays: first.arrays.split_off("model.layers.1"), ..TensorSet::default() };
        let mut map = serde_json::Map::new();
        for (file, part) in [("a.safetensors", &first), ("b.safetensors", &second)] {
            std::fs::write(directory.path().join(file), part.to_bytes(Precision::F32).unwrap()).unwrap();
            map.extend(part.arrays.keys().map(|name| (name.clone(), file.into())));
        }
        std::fs::remove_file(directory.path().join(WEIGHTS_FILE)).unwrap();
        let index = serde_json::json!({ "weight_map": map }).to_string();
        std::fs::write(directory.path().join(INDEX_FILE), index).unwrap();
        assert_eq!(load(), model.to_tensors());
    }

    #[test]
    fn an_index_cannot_name_files_elsewhere() {
        let directory = tempfile::tempdir().unwrap();
        let index = r#"{"weight_map":{"x":"../secret"}}"#;
        std::fs::write(directory.path().join(INDEX_FILE), index).unwrap();
        assert!(read_all(directory.path()).unwrap_err().to_string().contains("not a file name"));
    }

    #[test]
    fn weights_of_another_shape_are_refused_by_name() {
        let model = tiny_decoder(1);
        let other = ModelConfig { intermediate_size: 8, ..model.config.clone() };
        let error = Decoder::<Cpu>::from_tensors(other, model.to_tensors(), &Default::default()).unwrap_err();
        assert!(error.to_string().contains("gate_proj"), "{error}");
    }
}

//! What a job needs on disk; for the tests in `src` and in `tests`.

use std::path::Path;

use genesis_artifacts::{Kind, Store};
use genesis_core::wire::{ArtifactRef, DatasetRow};
use genesis_model::backend::Cpu;
use genesis_model::config::ModelConfig;
use genesis_model::init;
use genesis_model::tensors::Precision;
use genesis_model::tokenizer::{TOKENIZER_FILE, Tokenizer};

/// Two blocks, 16 wide.
pub fn tiny_config(vocabulary: usize) -> ModelConfig {
    ModelConfig {
        hidden_size: 16,
        intermediate_size: 24,
        layers: 2,
        heads: 4,
        kv_heads: 2,
        head_dim: 4,
        max_positions: 64,
        ..ModelConfig::seedling(vocabulary)
    }
}

/// Writes a random base model with its tokenizer.
pub fn write_base(directory: &Path) {
    let tokenizer = Tokenizer::train(std::iter::once("def f(): return 1".to_owned()), 262).unwrap();
    let config = tiny_config(tokenizer.vocab_size());
    init::decoder::<Cpu>(&config, 3, &Default::default()).save(directory, Precision::F16).unwrap();
    std::fs::write(directory.join(TOKENIZER_FILE), tokenizer.to_json().unwrap()).unwrap();
}

/// Stores a dataset of six rows.
pub fn put_dataset(store: &Store) -> ArtifactRef {
    let rows = (0..6).map(|i| {
        let row = DatasetRow {
            prompt: format!("def f{i}():\n"),
            answer: format!("    return {i}\n"),
            task: format!("t{i}"),
            family: "f".into(),
            execution: "e".into(),
        };
        serde_json::to_string(&row).unwrap() + "\n"
    });
    store.put(Kind::Dataset, rows.collect::<String>().as_bytes()).unwrap()
}

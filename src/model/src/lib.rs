//! Decoders, tokenizer, LoRA, trainer and inference server.

pub mod adapter;
pub mod backend;
pub mod batches;
pub mod checkpoint;
pub mod config;
pub mod dataset;
pub mod decoder;
pub mod fused;
pub mod infer;
pub mod init;
pub mod job;
pub mod lora;
pub mod optimizer;
pub mod pretrain;
pub mod proof;
pub mod report;
pub mod rope;
pub mod schedule;
pub mod seedling;
pub mod tensors;
pub mod tokenizer;
pub mod train;
pub mod weights;

mod vector;

// Files that the tests in `tests` include too name this crate as those do.
#[cfg(test)]
extern crate self as genesis_model;
#[cfg(test)]
mod testing;

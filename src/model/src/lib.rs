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

#[cfg(test)]
mod testing;

//! `cargo dev seedling`: the base model of the demo, from nothing: corpus, tokenizer, pre-training.
//!
//! Every step has a fixed seed, so that the same command gives the same model.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use genesis_tasks::{CorpusPlan, Universe};

use crate::paths;

/// The recipe.
#[derive(Clone, Debug)]
pub struct Recipe {
    /// Documents of the corpus.
    pub documents: u64,
    /// Optimiser steps.
    pub steps: u64,
    /// Seed of corpus and weights.
    pub seed: u64,
    /// Where the model is written.
    pub out: PathBuf,
}

impl Default for Recipe {
    fn default() -> Self {
        Self { documents: 56_000, steps: 860, seed: 1, out: paths::root().join("src/model/models/seedling") }
    }
}

/// Makes the model.
pub fn make(recipe: &Recipe) -> Result<()> {
    let work = paths::root().join("target/seedling");
    fs::create_dir_all(&work)?;
    let corpus = work.join("corpus.jsonl");
    let documents = write_corpus(recipe, &corpus)?;
    eprintln!("{documents} documents in {}", corpus.display());
    fs::create_dir_all(&recipe.out)?;
    let tokenizer = recipe.out.join("tokenizer.json");
    trainer(&["tokenizer", "--corpus", &text(&corpus), "--out", &text(&tokenizer), "--vocab", "768"])?;
    let (steps, seed) = (recipe.steps.to_string(), recipe.seed.to_string());
    trainer(&["pretrain", "--corpus", &text(&corpus), "--out", &text(&recipe.out), "--steps", &steps, "--seed", &seed])
}

fn write_corpus(recipe: &Recipe, path: &Path) -> Result<usize> {
    let universe = Universe::load()?;
    let file = File::create(path).with_context(|| format!("create {}", path.display()))?;
    let mut out = BufWriter::new(file);
    // Suites are made of families that this corpus never draws, so there is no prompt to leave out.
    let none = std::collections::BTreeSet::new();
    let mut written = 0;
    for document in universe.corpus(CorpusPlan::new(recipe.seed, recipe.documents), &none) {
        let mut line = serde_json::json!({ "prompt": document.prompt, "answer": document.body });
        if let Some(context) = &document.context {
            line["context"] = context.as_str().into();
        }
        writeln!(out, "{line}")?;
        written += 1;
    }
    out.flush()?;
    Ok(written)
}

fn trainer(words: &[&str]) -> Result<()> {
    let program = paths::binaries().join("genesis-trainer");
    let status = Command::new(&program).args(words).status().with_context(|| format!("run {}", program.display()))?;
    ensure!(status.success(), "genesis-trainer {} ended with {status}", words[0]);
    Ok(())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

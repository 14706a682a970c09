//! Makes the base model that is shipped: tokenizer, pre-training, files.

use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;

use crate::backend::{Compute, Device};
use crate::config::ModelConfig;
use crate::dataset::{self, DatasetError, Document, Encoding};
use crate::pretrain::{PretrainRecipe, pretrain};
use crate::tensors::Precision;
use crate::tokenizer::{BOS, EOS, PAD, TOKENIZER_FILE, Tokenizer, TokenizerError};
use crate::train::{StepReport, TrainError};
use crate::weights::WeightsError;

/// Tokens of the shipped tokenizer.
pub const VOCABULARY: usize = 768;
/// Documents the tokenizer is learned from: more change nothing in 768 tokens.
const TOKENIZER_DOCUMENTS: usize = 20_000;
/// Steps between two lines of progress.
const REPORT_STEPS: usize = 20;

/// Why the base model cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum SeedlingError {
    /// A file.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: String,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The corpus.
    #[error(transparent)]
    Dataset(#[from] DatasetError),
    /// The tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The training.
    #[error(transparent)]
    Train(#[from] TrainError),
    /// The weight files.
    #[error(transparent)]
    Weights(#[from] WeightsError),
}

/// What to make.
#[derive(Clone, Debug)]
pub struct SeedlingOptions {
    /// JSON lines of [`Document`].
    pub corpus: PathBuf,
    /// The model's directory.
    pub out: PathBuf,
    /// Tokens of a tokenizer that is learned.
    pub vocab: usize,
    /// Hyper-parameters.
    pub recipe: PretrainRecipe,
}

fn file(path: &Path) -> impl FnOnce(std::io::Error) -> SeedlingError {
    let path = path.display().to_string();
    move |source| SeedlingError::File { path, source }
}

fn read_corpus(path: &Path) -> Result<Vec<Document>, SeedlingError> {
    Ok(dataset::documents(&std::fs::read(path).map_err(file(path))?)?)
}

fn learn_tokenizer(documents: &[Document], out: &Path, vocab: usize) -> Result<Tokenizer, SeedlingError> {
    let texts = documents.iter().take(TOKENIZER_DOCUMENTS).map(|d| format!("{}{}", d.prompt, d.answer));
    let tokenizer = Tokenizer::train(texts, vocab)?;
    std::fs::write(out, tokenizer.to_json()?).map_err(file(out))?;
    Ok(tokenizer)
}

/// Learns a tokenizer from a corpus file and writes it to `out`.
pub fn build_tokenizer(corpus: &Path, out: &Path, vocab: usize) -> Result<(), SeedlingError> {
    learn_tokenizer(&read_corpus(corpus)?, out, vocab).map(|_| ())
}

/// Pre-trains and writes the model. Reports on standard error.
pub fn build(options: &SeedlingOptions) -> Result<(), SeedlingError> {
    let documents = read_corpus(&options.corpus)?;
    std::fs::create_dir_all(&options.out).map_err(file(&options.out))?;
    let path = options.out.join(TOKENIZER_FILE);
    let tokenizer =
        if path.exists() { Tokenizer::load(&options.out)? } else { learn_tokenizer(&documents, &path, options.vocab)? };
    let config = ModelConfig::seedling(tokenizer.vocab_size());
    let encoding = Encoding {
        tokenizer: &tokenizer,
        eos: config.eos.first().copied(),
        limit: config.max_positions,
        vocab: config.vocab_size,
    };
    // Encoded together, as a prompt with examples before it reaches the model when it serves.
    let texts = documents.iter().map(|d| (format!("{}{}", d.context, d.prompt), d.answer.as_str()));
    let sequences = encoding.sequences(texts, options.recipe.prompt_weight)?;
    let tokens: usize = sequences.iter().map(|sequence| sequence.tokens.len()).sum();
    tracing::info!(documents = sequences.len(), tokens, parameters = config.parameters(), "pre-training begins");

    let mut log = ProgressLog::new(options.recipe.steps);
    let device = Device::<Compute>::default();
    let decoder = pretrain::<Compute>(&config, &sequences, &options.recipe, &device, |report| log.add(report))?;
    decoder.save(&options.out, Precision::F16)?;
    let settings = options.out.join("tokenizer_config.json");
    std::fs::write(&settings, tokenizer_settings(&config)).map_err(file(&settings))?;
    tracing::info!(directory = %options.out.display(), "the model is written");
    Ok(())
}

/// `tokenizer_config.json`, without which transformers does not know the special tokens.
fn tokenizer_settings(config: &ModelConfig) -> String {
    let settings = json!({
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": EOS,
        "pad_token": PAD,
        "model_max_length": config.max_positions,
        "clean_up_tokenization_spaces": false,
    });
    format!("{settings:#}\n")
}

/// Mean loss and speed, every few steps.
struct ProgressLog {
    steps: usize,
    began: Instant,
    tokens: usize,
    losses: Vec<f64>,
}

impl ProgressLog {
    fn new(steps: usize) -> Self {
        Self { steps, began: Instant::now(), tokens: 0, losses: Vec::new() }
    }

    fn add(&mut self, report: StepReport) {
        self.tokens += report.tokens;
        self.losses.push(report.loss);
        if report.step.is_multiple_of(REPORT_STEPS) || report.step == self.steps {
            let seconds = self.began.elapsed().as_secs_f64();
            let loss = self.losses.iter().sum::<f64>() / self.losses.len() as f64;
            self.losses.clear();
            tracing::info!(
                "step {}/{}: loss {loss:.4}, {:.0} tokens/s, {:.0} s left",
                report.step,
                self.steps,
                self.tokens as f64 / seconds,
                seconds / report.step as f64 * (self.steps - report.step) as f64,
            );
        }
    }
}

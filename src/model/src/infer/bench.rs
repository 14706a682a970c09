//! How many tokens per second the engine generates.

use std::fmt::Write as _;
use std::time::Instant;

use clap::{Args, ValueEnum};
use serde::Serialize;
use tokio::sync::mpsc;

use super::engine::{Engine, EngineError, Event, Request};
use super::options::{ModelOptions, positive};
use super::sampling::Sampling;
use super::server::{self, ServerError};

/// What to measure.
#[derive(Clone, Debug, Args)]
pub struct BenchOptions {
    /// The base model.
    #[command(flatten)]
    pub model: ModelOptions,
    /// Sequences generated at once.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 32, 256], value_parser = positive)]
    pub batch: Vec<usize>,
    /// Tokens of each prompt; all prompts differ.
    #[arg(long, default_value_t = 45, value_parser = positive)]
    pub prompt_tokens: usize,
    /// Tokens of each answer; the end token does not end it.
    #[arg(long, default_value_t = 30, value_parser = positive)]
    pub answer_tokens: usize,
    /// Samples of each prompt; a prompt is computed once for all of them.
    #[arg(long, default_value_t = 1, value_parser = positive)]
    pub samples: usize,
    /// Measurements of each batch size, of which the median is printed.
    #[arg(long, default_value_t = 5, value_parser = positive)]
    pub repetitions: usize,
    /// How to print the results.
    #[arg(short, long, value_enum, default_value_t = Output::Table)]
    pub output: Output,
}

/// How to print the results.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Aligned columns.
    Table,
    /// One JSON array.
    Json,
}

/// The result for one batch size.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measurement {
    /// Sequences generated at once.
    pub batch: usize,
    /// Median of generated tokens per second, the time for the prompts included.
    pub generated_tokens_per_second: f64,
    /// The slowest repetition's.
    pub slowest: f64,
    /// The fastest repetition's.
    pub fastest: f64,
    /// Median of prompt and generated tokens per second.
    pub all_tokens_per_second: f64,
}

/// The first tokens of a vocabulary, which are no text.
const SPECIAL_TOKENS: usize = 3;

/// Why nothing was measured.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The model did not start.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The engine did not answer.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// No token to make prompts of.
    #[error(
        "the model knows {0} tokens, and the first {SPECIAL_TOKENS} are no text: there is nothing to make prompts of"
    )]
    Vocabulary(usize),
    /// More tokens than the model takes.
    #[error(
        "{asked} tokens do not fit into {limit}: lower --prompt-tokens or --answer-tokens, or raise --max-model-len"
    )]
    TooLong {
        /// Prompt and answer.
        asked: usize,
        /// The model's limit.
        limit: usize,
    },
}

/// Measures and returns what is to be printed.
pub fn run(options: &BenchOptions) -> Result<String, BenchError> {
    let (asked, limit) = (options.prompt_tokens + options.answer_tokens, options.model.max_model_len);
    if asked > limit {
        return Err(BenchError::TooLong { asked, limit });
    }
    let mut model = options.model.clone();
    model.max_batch = options.batch.iter().copied().max().unwrap_or(1);
    let (served, engine) = server::start(&model, "bench")?;
    let tokens = served.config.vocab_size;
    if tokens <= SPECIAL_TOKENS {
        return Err(BenchError::Vocabulary(tokens));
    }
    let results = options.batch.iter().map(|batch| measure(&engine, *batch, options)).collect::<Result<Vec<_>, _>>()?;
    Ok(match options.output {
        Output::Table => table(&results),
        Output::Json => serde_json::to_string_pretty(&results).unwrap_or_default(),
    })
}

fn measure(engine: &Engine, batch: usize, options: &BenchOptions) -> Result<Measurement, BenchError> {
    // The first run warms caches and is not counted; enough sequences follow one another to keep the batch full.
    repeat(engine, batch, options)?;
    let mut rates = (0..options.repetitions)
        .map(|_| repeat(engine, batch, options))
        .collect::<Result<Vec<(f64, f64)>, BenchError>>()?;
    rates.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (generated, all) = rates[rates.len() / 2];
    Ok(Measurement {
        batch,
        generated_tokens_per_second: generated,
        slowest: rates[0].0,
        fastest: rates[rates.len() - 1].0,
        all_tokens_per_second: all,
    })
}

/// Generates two batches one after the other; returns (generated, all) tokens per second.
fn repeat(engine: &Engine, batch: usize, options: &BenchOptions) -> Result<(f64, f64), BenchError> {
    let samples = options.samples.min(batch);
    let requests = 2 * batch / samples;
    let started = Instant::now();
    let (events, mut receiver) = mpsc::unbounded_channel();
    for number in 0..requests {
        engine.submit(Request {
            prompt: prompt(number, options.prompt_tokens, engine.options().vocabulary.len()),
            adapter: None,
            samples,
            sampling: Sampling {
                temperature: 0.8,
                top_p: 1.0,
                seed: number as u64,
                max_tokens: options.answer_tokens,
                stop: Vec::new(),
                ignore_eos: true,
                scores: None,
            },
            score_prompt: false,
            stream: false,
            events: events.clone(),
        })?;
    }
    drop(events);
    let mut generated = 0;
    while let Some(event) = receiver.blocking_recv() {
        match event {
            Event::Finished { tokens, .. } => generated += tokens,
            Event::Failed(error) => return Err(error.into()),
            Event::Prompt(_) | Event::Piece { .. } => {}
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let all = generated + requests * options.prompt_tokens;
    Ok((generated as f64 / seconds, all as f64 / seconds))
}

/// Tokens that look random and differ from prompt to prompt; none is a special token of a byte-level vocabulary.
fn prompt(number: usize, tokens: usize, vocabulary: usize) -> Vec<u32> {
    (0..tokens)
        .map(|at| (SPECIAL_TOKENS + (number * 7919 + at * 104_729) % (vocabulary - SPECIAL_TOKENS)) as u32)
        .collect()
}

fn table(results: &[Measurement]) -> String {
    let mut text =
        format!("{:>6} {:>16} {:>10} {:>10} {:>14}\n", "batch", "generated tok/s", "slowest", "fastest", "all tok/s");
    for result in results {
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:>6} {:>16.0} {:>10.0} {:>10.0} {:>14.0}",
            result.batch,
            result.generated_tokens_per_second,
            result.slowest,
            result.fastest,
            result.all_tokens_per_second
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_line_up_under_their_headings() {
        let result = Measurement {
            batch: 256,
            generated_tokens_per_second: 12_345.6,
            slowest: 11_000.0,
            fastest: 13_000.0,
            all_tokens_per_second: 30_000.0,
        };
        let text = table(&[result]);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[0].len(), lines[1].len());
        assert!(lines[1].contains("12346"));
    }

    #[test]
    fn prompts_differ_and_stay_in_the_vocabulary() {
        assert_ne!(prompt(0, 45, 768), prompt(1, 45, 768));
        assert!(prompt(9, 45, 40).iter().all(|token| (3..40).contains(token)));
    }
}

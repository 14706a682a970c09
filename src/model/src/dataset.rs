//! Rows to learn from, and documents to pre-train on, as sequences of tokens.

use std::collections::HashSet;

use genesis_core::wire::DatasetRow;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::batches::Sequence;
use crate::tokenizer::{Tokenizer, TokenizerError};

/// Why a file cannot be learned from.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// Not text.
    #[error("the dataset is not UTF-8 text: {0}")]
    NotText(#[from] std::str::Utf8Error),
    /// A line is not a row.
    #[error("line {line} of the dataset is not a row: {source}. Each line is one JSON object with {expected}")]
    Row {
        /// Counted from 1.
        line: usize,
        /// What the parser said.
        source: serde_json::Error,
        /// The keys of a row.
        expected: &'static str,
    },
    /// Nothing to learn from.
    #[error(
        "the dataset holds no row that can be trained on ({too_long} of {rows} rows are longer than {limit} tokens)"
    )]
    Empty {
        /// Rows in the file.
        rows: usize,
        /// Rows that were left out.
        too_long: usize,
        /// Longest sequence the model takes.
        limit: usize,
    },
    /// No text whose log-probabilities would prove the adapter.
    #[error(
        "none of the {rows} rows can prove the adapter: with its answer, a prompt must have from 2 to {limit} tokens"
    )]
    NoProof {
        /// Rows in the file.
        rows: usize,
        /// Longest text the model takes.
        limit: usize,
    },
    /// The tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// A token that the model has no row for.
    #[error("the tokenizer makes token {token}, the model knows {vocab}: they do not belong together")]
    Vocabulary {
        /// The token.
        token: u32,
        /// Size of the embedding.
        vocab: usize,
    },
}

/// One document to pre-train on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Document {
    /// What may stand before the prompt: examples of other programs.
    #[serde(default)]
    pub context: String,
    /// The start of the program.
    pub prompt: String,
    /// The rest of it.
    pub answer: String,
}

/// Reads a dataset: JSON lines of [`DatasetRow`].
pub fn rows(bytes: &[u8]) -> Result<Vec<DatasetRow>, DatasetError> {
    lines(bytes, "prompt, answer, task, family and execution")
}

/// Reads a corpus: JSON lines of [`Document`].
pub fn documents(bytes: &[u8]) -> Result<Vec<Document>, DatasetError> {
    lines(bytes, "prompt, answer and, if there is one, context")
}

fn lines<T: DeserializeOwned>(bytes: &[u8], expected: &'static str) -> Result<Vec<T>, DatasetError> {
    let text = std::str::from_utf8(bytes)?;
    let filled = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    let parsed = filled.map(|(index, line)| {
        serde_json::from_str(line).map_err(|source| DatasetError::Row { line: index + 1, source, expected })
    });
    parsed.collect()
}

/// How texts become sequences.
#[derive(Clone, Copy, Debug)]
pub struct Encoding<'a> {
    /// The model's tokenizer.
    pub tokenizer: &'a Tokenizer,
    /// Token that ends an answer.
    pub eos: Option<u32>,
    /// Longest sequence, tokens.
    pub limit: usize,
    /// Rows of the embedding.
    pub vocab: usize,
}

impl Encoding<'_> {
    /// What precedes the answer counts `prompt_weight`, the answer and its end count 1.
    ///
    /// The two parts are encoded apart, as they are when the model answers: no token crosses the border.
    pub fn sequence(&self, before: &str, answer: &str, prompt_weight: f32) -> Result<Sequence, DatasetError> {
        let prompt = self.tokenizer.encode(before)?;
        let mut answer = self.tokenizer.encode_continuation(answer)?;
        answer.extend(self.eos);
        let sequence = Sequence::new(&prompt, &answer, prompt_weight);
        match sequence.tokens.iter().find(|token| **token as usize >= self.vocab) {
            Some(token) => Err(DatasetError::Vocabulary { token: *token, vocab: self.vocab }),
            None => Ok(sequence),
        }
    }

    /// Sequences of `(before, answer)` texts. Those longer than the model takes are left out and counted.
    pub fn sequences<'t>(
        &self,
        texts: impl ExactSizeIterator<Item = (String, &'t str)>,
        prompt_weight: f32,
    ) -> Result<Vec<Sequence>, DatasetError> {
        let rows = texts.len();
        let mut kept = Vec::with_capacity(rows);
        for (before, answer) in texts {
            let sequence = self.sequence(&before, answer, prompt_weight)?;
            if (2..=self.limit).contains(&sequence.tokens.len()) {
                kept.push(sequence);
            }
        }
        let too_long = rows - kept.len();
        if kept.is_empty() {
            return Err(DatasetError::Empty { rows, too_long, limit: self.limit });
        }
        if too_long > 0 {
            tracing::warn!(too_long, rows, limit = self.limit, "rows longer than the model takes are left out");
        }
        Ok(kept)
    }

    /// The first `count` distinct texts (prompt and answer) with their tokens, encoded whole as a server does. Those that
    /// have no next token, or are longer than the model takes, are passed over; none left is an error.
    pub fn distinct_texts(&self, rows: &[DatasetRow], count: usize) -> Result<Vec<(String, Vec<u32>)>, DatasetError> {
        let (mut seen, mut kept) = (HashSet::new(), Vec::new());
        for row in rows {
            let text = format!("{}{}", row.prompt, row.answer);
            if kept.len() == count || !seen.insert(text.clone()) {
                continue;
            }
            let tokens = self.tokenizer.encode(&text)?;
            if (2..=self.limit).contains(&tokens.len()) {
                kept.push((text, tokens));
            }
        }
        if kept.is_empty() { Err(DatasetError::NoProof { rows: rows.len(), limit: self.limit }) } else { Ok(kept) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokenizer() -> Tokenizer {
        Tokenizer::train(std::iter::once("def f(): return 1".to_owned()), 262).unwrap()
    }

    fn encoding(tokenizer: &Tokenizer) -> Encoding<'_> {
        Encoding { tokenizer, eos: Some(2), limit: 16, vocab: tokenizer.vocab_size() }
    }

    #[test]
    fn a_malformed_line_is_named() {
        let error = rows(b"\n{\"prompt\": 1}\n").unwrap_err().to_string();
        assert!(error.contains("line 2") && error.contains("prompt, answer"), "{error}");
        assert!(matches!(rows(&[0xff]), Err(DatasetError::NotText(_))));
    }

    #[test]
    fn a_context_may_be_absent() {
        let read =
            documents(b"{\"prompt\":\"a\",\"answer\":\"b\"}\n{\"context\":\"c\",\"prompt\":\"a\",\"answer\":\"b\"}");
        assert_eq!(read.unwrap().iter().map(|d| d.context.as_str()).collect::<Vec<_>>(), ["", "c"]);
    }

    #[test]
    fn an_answer_ends_and_counts_from_its_first_token() {
        let tokenizer = tokenizer();
        let sequence = encoding(&tokenizer).sequence("a", "b", 0.0).unwrap();
        assert_eq!((sequence.tokens[0], sequence.tokens[3]), (1, 2));
        assert_eq!(sequence.weights, vec![0.0, 1.0, 1.0]);
    }

    #[test]
    fn long_rows_are_left_out_and_nothing_left_is_an_error() {
        let tokenizer = tokenizer();
        let long = "x".repeat(100);
        let both = [("a".to_owned(), "b"), ("a".to_owned(), long.as_str())];
        assert_eq!(encoding(&tokenizer).sequences(both.into_iter(), 0.0).unwrap().len(), 1);
        let one = [("a".to_owned(), long.as_str())];
        let error = encoding(&tokenizer).sequences(one.into_iter(), 0.0).unwrap_err().to_string();
        assert!(error.contains("1 of 1 rows are longer than 16"), "{error}");
    }

    #[test]
    fn a_tokenizer_of_another_model_is_noticed() {
        let tokenizer = tokenizer();
        let encoding = Encoding { vocab: 10, ..encoding(&tokenizer) };
        assert!(matches!(encoding.sequence("a", "b", 0.0), Err(DatasetError::Vocabulary { vocab: 10, .. })));
    }

    #[test]
    fn distinct_texts_are_taken_in_order_and_long_ones_take_no_place() {
        let row = |answer: &str| DatasetRow {
            prompt: "p".into(),
            answer: answer.into(),
            task: String::new(),
            family: String::new(),
            execution: String::new(),
        };
        let tokenizer = tokenizer();
        let long = "x".repeat(100);
        let rows = [row(&long), row("a"), row("a"), row("b"), row("c")];
        let texts = encoding(&tokenizer).distinct_texts(&rows, 2).unwrap();
        assert_eq!(texts.iter().map(|(text, _)| text.as_str()).collect::<Vec<_>>(), ["pa", "pb"]);
        assert_eq!(texts[0].1, tokenizer.encode("pa").unwrap());
        let none = encoding(&tokenizer).distinct_texts(&[row(&long)], 2);
        assert!(matches!(none, Err(DatasetError::NoProof { rows: 1, limit: 16 })));
    }
}

//! Adapters: what names one, and what proves that it is the one being served.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// Names one adapter in the artifact store.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AdapterRef {
    /// Directory in PEFT's format: `file:///…/adapters/<hex>`.
    pub uri: String,
    /// Digest of that directory.
    pub digest: Digest,
}

impl AdapterRef {
    /// The name under which an inference server serves it: `<model>-<first 12 digits of the digest>`.
    ///
    /// A new digest is a new name, so that nothing cached for another adapter can be taken for it.
    pub fn served_name(&self, model: &str) -> String {
        format!("{model}-{}", self.digest.short())
    }
}

/// File in the adapter's directory that holds the [`Proof`]. It is part of the directory's digest.
pub const PROOF_FILE: &str = "genesis_proof.json";

/// Text with the log-probabilities that the trainer computed for it, with and without the adapter.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProofEntry {
    /// The text, as it is sent to `/v1/completions` with `echo`.
    pub text: String,
    /// log p of every token after the first, with the adapter; nats.
    pub adapter: Vec<f64>,
    /// log p of every token after the first, without it; nats.
    pub base: Vec<f64>,
}

/// The trainer's record against which a server's answers are compared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proof {
    /// A few texts; eight by default.
    pub entries: Vec<ProofEntry>,
}

/// Why a served adapter is not the trained one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ProofError {
    /// The server answers for other tokens.
    #[error(
        "text {index}: the server returned {got} log-probabilities, the trainer recorded {want}: the tokenizers differ"
    )]
    Length {
        /// Which text.
        index: usize,
        /// Recorded.
        want: usize,
        /// Returned.
        got: usize,
    },
    /// The server answers with another model.
    #[error(
        "text {index}: log-probabilities differ by up to {worst:.2e}, more than {tolerance:.0e}: another adapter or another base is loaded"
    )]
    Differs {
        /// Which text.
        index: usize,
        /// Largest difference, nats.
        worst: f64,
        /// Largest difference allowed, nats.
        tolerance: f64,
    },
    /// The server answers as the base would: the adapter has no effect.
    #[error("the served log-probabilities equal the base model's: the adapter is loaded but not applied")]
    NoEffect,
    /// There is nothing to compare.
    #[error("the proof holds no text")]
    Empty,
}

impl Proof {
    /// Compares what a server answered with what the trainer recorded.
    ///
    /// `served[i]` are the log-probabilities of `entries[i].text`. They must equal the trainer's within
    /// `tolerance` nats, and differ from the base's by more than that somewhere.
    pub fn check(&self, served: &[Vec<f64>], tolerance: f64) -> Result<(), ProofError> {
        if self.entries.is_empty() {
            return Err(ProofError::Empty);
        }
        let mut effect = false;
        for (index, entry) in self.entries.iter().enumerate() {
            let got = served.get(index).map_or(&[][..], Vec::as_slice);
            if got.len() != entry.adapter.len() {
                return Err(ProofError::Length { index, want: entry.adapter.len(), got: got.len() });
            }
            let worst = largest_difference(got, &entry.adapter);
            // NaN must not pass: it compares false with everything.
            if worst.is_nan() || worst > tolerance {
                return Err(ProofError::Differs { index, worst, tolerance });
            }
            effect |= largest_difference(got, &entry.base) > tolerance;
        }
        if effect { Ok(()) } else { Err(ProofError::NoEffect) }
    }
}

fn largest_difference(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y).abs()).fold(0.0, |worst: f64, d| if d.is_nan() { d } else { worst.max(d) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proof() -> Proof {
        Proof { entries: vec![ProofEntry { text: "x".into(), adapter: vec![-0.5, -1.0], base: vec![-0.9, -1.4] }] }
    }

    #[test]
    fn the_trainers_own_numbers_pass() {
        assert_eq!(proof().check(&[vec![-0.5, -1.000_001]], 1e-3), Ok(()));
    }

    #[test]
    fn the_base_another_adapter_other_tokens_and_nan_do_not() {
        assert!(matches!(proof().check(&[vec![-0.9, -1.4]], 1e-3), Err(ProofError::Differs { .. })));
        assert!(matches!(proof().check(&[vec![-0.5]], 1e-3), Err(ProofError::Length { .. })));
        assert!(matches!(proof().check(&[vec![-0.5, f64::NAN]], 1e-3), Err(ProofError::Differs { .. })));
        assert!(matches!(proof().check(&[], 1e-3), Err(ProofError::Length { .. })));
    }

    #[test]
    fn an_adapter_without_effect_is_named() {
        let flat = Proof { entries: vec![ProofEntry { text: "x".into(), adapter: vec![-0.9], base: vec![-0.9] }] };
        assert_eq!(flat.check(&[vec![-0.9]], 1e-3), Err(ProofError::NoEffect));
    }
}

//! Log-probabilities of texts, and the proof that goes with an adapter.

use burn::tensor::{Int, Tensor, TensorData};
use genesis_core::adapter::{Proof, ProofEntry};

use crate::decoder::Decoder;
use crate::fused::FusedOps;
use crate::lora::LoraWeights;
use crate::tensors::to_vec;

/// Texts in a proof.
pub const TEXTS: usize = 8;

/// log p of every token after the first, nats; the softmax is taken in 64 bits.
pub fn log_probabilities<B: FusedOps>(decoder: &Decoder<B>, lora: Option<&LoraWeights<B>>, tokens: &[u32]) -> Vec<f64> {
    let length = tokens.len().saturating_sub(1);
    if length == 0 {
        return Vec::new();
    }
    let ids: Vec<i32> = tokens[..length].iter().map(|token| *token as i32).collect();
    let device = decoder.embedding.device();
    let ids = Tensor::<B, 2, Int>::from_data(TensorData::new(ids, [1, length]), &device);
    let logits = to_vec(&decoder.logits(decoder.hidden(ids, &decoder.rope(length), lora)));
    let rows = logits.chunks_exact(decoder.config.vocab_size);
    rows.zip(&tokens[1..]).map(|(logits, next)| log_softmax_at(logits, *next as usize)).collect()
}

fn log_softmax_at(logits: &[f32], index: usize) -> f64 {
    let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let sum: f64 = logits.iter().map(|logit| (f64::from(*logit) - max).exp()).sum();
    f64::from(logits[index]) - max - sum.ln()
}

/// Scores `texts` with and without the adapter.
///
/// Texts come with their tokens, encoded as a server encodes them: whole and after the token that begins every text.
pub fn prove<B: FusedOps>(
    decoder: &Decoder<B>,
    lora: &LoraWeights<B>,
    texts: impl IntoIterator<Item = (String, Vec<u32>)>,
) -> Proof {
    let entries = texts.into_iter().map(|(text, tokens)| {
        let adapter = log_probabilities(decoder, Some(lora), &tokens);
        let base = log_probabilities(decoder, None, &tokens);
        ProofEntry { text, adapter, base }
    });
    Proof { entries: entries.collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::backend::Cpu;
    use crate::init;
    use crate::testing::tiny_decoder;

    #[test]
    fn log_probabilities_are_of_the_next_tokens() {
        let decoder = tiny_decoder(3);
        let scores = log_probabilities(&decoder, None, &[1, 5, 9]);
        assert_eq!(scores.len(), 2);
        // A token's score does not depend on what follows it, and those of all next tokens sum to one.
        assert!((log_probabilities(&decoder, None, &[1, 5, 7])[0] - scores[0]).abs() < 1e-6);
        let total: f64 = (0..40).map(|next| log_probabilities(&decoder, None, &[1, 5, next])[1].exp()).sum();
        assert!((total - 1.0).abs() < 1e-6);
        assert!(log_probabilities(&decoder, None, &[1]).is_empty());
    }

    #[test]
    fn a_proof_accepts_its_own_numbers_and_refuses_the_bases() {
        let config = crate::config::ModelConfig { vocab_size: 262, ..crate::testing::tiny_config() };
        let decoder: Decoder<Cpu> = init::decoder(&config, 1, &Default::default());
        let mut lora = init::lora(&config, 2, 4.0, 1, &Default::default());
        for layer in &mut lora.layers {
            for pair in layer.pairs.iter_mut().flatten() {
                pair.b = pair.b.ones_like();
            }
        }
        let proof = prove(&decoder, &lora, [("def f".to_owned(), vec![1, 70, 71, 72, 30, 72])]);
        let entry = &proof.entries[0];
        assert_eq!(entry.adapter.len(), 5);
        assert!(proof.check(std::slice::from_ref(&entry.adapter), 1e-3).is_ok());
        assert!(proof.check(std::slice::from_ref(&entry.base), 1e-3).is_err());
    }
}

//! From text to a vector: lexical without a model, or whatever a caller plugs in.

use async_trait::async_trait;

/// Dimensions of the lexical embedding.
pub const LEXICAL_DIMENSIONS: usize = 256;

/// Why a text has no vector.
#[derive(Debug, thiserror::Error)]
pub enum EmbeddingError {
    /// The server that embeds cannot be reached or refused.
    #[error("{embedder} did not answer: {reason}")]
    Unavailable {
        /// Name of the embedder.
        embedder: String,
        /// What it said.
        reason: String,
    },
    /// The server answered with something else than asked for.
    #[error("{embedder} returned {got} where {want} were asked for")]
    Shape {
        /// Name of the embedder.
        embedder: String,
        /// What was asked for: `3 vectors of 256`.
        want: String,
        /// What came.
        got: String,
    },
}

/// Turns texts into vectors of one length. An inference server's `/v1/embeddings` is one such.
#[async_trait]
pub trait Embedder: Send + Sync {
    /// Name and version. An index made by another one is made anew.
    fn name(&self) -> &str;
    /// Length of every vector.
    fn dimensions(&self) -> usize;
    /// One vector of unit length for each text, in the same order.
    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbeddingError>;
}

/// Feature hashing of words and pairs of words: deterministic, without a model, good enough for prompts that
/// share words.
#[derive(Clone, Copy, Debug, Default)]
pub struct LexicalEmbedder;

#[async_trait]
impl Embedder for LexicalEmbedder {
    fn name(&self) -> &'static str {
        "lexical-256-v1"
    }

    fn dimensions(&self) -> usize {
        LEXICAL_DIMENSIONS
    }

    async fn embed(&self, texts: &[String]) -> Result<Vec<Vec<f32>>, EmbeddingError> {
        Ok(texts.iter().map(|text| lexical(text)).collect())
    }
}

/// Words that nearly every prompt has: they say nothing about which prompts are alike.
const STOP_WORDS: [&str; 30] = [
    "a", "an", "and", "are", "as", "be", "by", "def", "for", "from", "function", "given", "in", "int", "is", "it",
    "list", "of", "or", "python", "return", "returns", "str", "that", "the", "this", "to", "with", "write", "you",
];

/// The lexical embedding: signed feature hashing (Weinberger et al., 2009) of words, weight `1 + ln(count)`, and of
/// pairs of neighbours at half weight, scaled to unit length. A text without words is the zero vector.
pub fn lexical(text: &str) -> Vec<f32> {
    let words = words(text);
    let mut counts = std::collections::BTreeMap::<String, (u32, f32)>::new();
    for word in &words {
        counts.entry(word.clone()).or_insert((0, 1.0)).0 += 1;
    }
    for pair in words.windows(2) {
        counts.entry(format!("{} {}", pair[0], pair[1])).or_insert((0, 0.5)).0 += 1;
    }
    let mut vector = vec![0.0_f32; LEXICAL_DIMENSIONS];
    for (feature, (count, weight)) in counts {
        let hash = fnv1a(feature.as_bytes());
        let sign = if hash >> 63 == 0 { 1.0 } else { -1.0 };
        vector[(hash % LEXICAL_DIMENSIONS as u64) as usize] += sign * weight * (1.0 + (count as f32).ln());
    }
    let length = vector.iter().map(|x| x * x).sum::<f32>().sqrt();
    if length > 0.0 {
        vector.iter_mut().for_each(|x| *x /= length);
    }
    vector
}

/// Lower-case words; `snake_case` and `camelCase` are taken apart, stop words left out.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut previous_lower = false;
    for c in text.chars().chain(std::iter::once(' ')) {
        let boundary = !c.is_alphanumeric() || (previous_lower && c.is_uppercase());
        if boundary && !word.is_empty() {
            let done = std::mem::take(&mut word);
            if STOP_WORDS.binary_search(&done.as_str()).is_err() {
                words.push(done);
            }
        }
        if c.is_alphanumeric() {
            word.extend(c.to_lowercase());
        }
        previous_lower = c.is_lowercase();
    }
    words
}

/// FNV-1a, 64 bits: the same on every machine and in every release, unlike the standard library's hasher.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Cosine of two vectors of unit length, in `[-1, 1]`.
pub fn cosine(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>().clamp(-1.0, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stop_words_are_sorted_for_the_search() {
        assert!(STOP_WORDS.is_sorted());
    }

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(fnv1a(b""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv1a(b"a"), 0xaf63_dc4c_8601_ec8c);
    }

    #[test]
    fn identifiers_are_taken_apart() {
        assert_eq!(words("def parseHTTP_date(rowCount): the sum"), ["parse", "http", "date", "row", "count", "sum"]);
    }

    #[test]
    fn vectors_have_unit_length_and_alike_prompts_are_near() {
        let sum = lexical("def sum_of_squares(numbers): sum the squares of all numbers");
        let near = lexical("def add_squares(numbers): add up the squares of the numbers");
        let far = lexical("def longest_word(text): find the longest word of a text");
        let length = sum.iter().map(|x| x * x).sum::<f32>();
        assert!((length - 1.0).abs() < 1e-5);
        assert!(cosine(&sum, &near) > 0.3 && cosine(&sum, &near) > cosine(&sum, &far) + 0.2);
        assert!((cosine(&sum, &sum) - 1.0).abs() < 1e-5);
    }

    #[test]
    fn a_text_without_words_is_the_zero_vector() {
        assert!(lexical(" ?! ").iter().all(|x| *x == 0.0));
    }
}

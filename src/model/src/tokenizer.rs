//! Text to tokens and back, from a Hugging Face `tokenizer.json`.

use std::path::Path;

use tokenizers::decoders::byte_level::ByteLevel;
use tokenizers::models::TrainerWrapper;
use tokenizers::models::bpe::{BPE, BpeTrainer};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::tokenizer::{AddedToken, SplitDelimiterBehavior};

/// Name of the file in a model directory.
pub const TOKENIZER_FILE: &str = "tokenizer.json";

/// Fills batches; token 0 of the shipped tokenizer.
pub const PAD: &str = "<|pad|>";
/// Begins every text; token 1 of the shipped tokenizer.
pub const BOS: &str = "<|bos|>";
/// Ends every answer; token 2 of the shipped tokenizer.
pub const EOS: &str = "<|eos|>";

/// Pieces that no token crosses: a line break with its indentation, a word, a single digit, punctuation, spaces.
///
/// Single digits let a small model copy and compare numbers digit by digit.
const PIECES: &str = r"\n *| ?[A-Za-z_]+|[0-9]| ?[^\sA-Za-z0-9_]+|\s+";

/// Why a tokenizer cannot be read, made or used.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The file cannot be loaded.
    #[error("cannot load the tokenizer {path}: {reason}")]
    Load {
        /// Which file.
        path: String,
        /// What the library said.
        reason: String,
    },
    /// A text cannot be encoded or decoded, or a tokenizer not be trained.
    #[error("the tokenizer failed: {0}")]
    Failed(String),
}

/// A tokenizer.
#[derive(Clone, Debug)]
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
}

fn failed(error: impl std::fmt::Display) -> TokenizerError {
    TokenizerError::Failed(error.to_string())
}

impl Tokenizer {
    /// Loads `tokenizer.json` of a model directory.
    pub fn load(directory: &Path) -> Result<Self, TokenizerError> {
        let path = directory.join(TOKENIZER_FILE);
        let inner = tokenizers::Tokenizer::from_file(&path)
            .map_err(|error| TokenizerError::Load { path: path.display().to_string(), reason: error.to_string() })?;
        Ok(Self::new(inner))
    }

    fn new(mut inner: tokenizers::Tokenizer) -> Self {
        // Texts come from users and from the model: "<|eos|>" in them is seven characters, not the end.
        inner.set_encode_special_tokens(true);
        Self { inner }
    }

    /// Tokens of a text from its beginning, after the token that begins every text where the model has one.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        Ok(self.inner.encode_fast(text, true).map_err(failed)?.get_ids().to_vec())
    }

    /// Tokens of a text that continues another.
    pub fn encode_continuation(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        Ok(self.inner.encode_fast(text, false).map_err(failed)?.get_ids().to_vec())
    }

    /// Text of tokens; special ones are left out.
    #[cfg(test)]
    pub(crate) fn decode(&self, tokens: &[u32]) -> Result<String, TokenizerError> {
        self.inner.decode(tokens, true).map_err(failed)
    }

    /// Number of tokens.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }

    /// The token written `name`, for example [`EOS`].
    pub fn token(&self, name: &str) -> Option<u32> {
        self.inner.token_to_id(name)
    }

    /// The library's own type, for streams.
    pub fn inner(&self) -> &tokenizers::Tokenizer {
        &self.inner
    }

    /// Learns a byte-level BPE of `vocab` tokens from `texts`; the same texts give the same tokenizer.
    ///
    /// `<|pad|>`, `<|bos|>` and `<|eos|>` are tokens 0, 1 and 2, and [`Self::encode`] puts `<|bos|>` first.
    pub fn train(texts: impl Iterator<Item = String> + Send, vocab: usize) -> Result<Self, TokenizerError> {
        let mut inner = tokenizers::Tokenizer::new(BPE::default());
        let pieces = Split::new(SplitPattern::Regex(PIECES.to_owned()), SplitDelimiterBehavior::Isolated, false);
        let bytes = ByteLevel::new(false, true, false);
        inner.with_pre_tokenizer(Some(Sequence::new(vec![
            PreTokenizerWrapper::Split(pieces.map_err(failed)?),
            PreTokenizerWrapper::ByteLevel(bytes),
        ])));
        inner.with_decoder(Some(ByteLevel::default()));
        let special = [PAD, BOS, EOS].map(|name| AddedToken::from(name, true));
        let mut trainer: TrainerWrapper = BpeTrainer::builder()
            .vocab_size(vocab)
            .show_progress(false)
            .special_tokens(special.to_vec())
            .initial_alphabet(ByteLevel::alphabet().into_iter().collect())
            .build()
            .into();
        inner.train(&mut trainer, texts).map_err(failed)?;
        let bos = inner.token_to_id(BOS).ok_or_else(|| failed("it lost its first token"))?;
        let begin = TemplateProcessing::builder()
            .try_single(format!("{BOS} $A"))
            .map_err(failed)?
            .special_tokens(vec![(BOS.to_owned(), bos)])
            .build()
            .map_err(failed)?;
        inner.with_post_processor(Some(begin));
        Ok(Self::new(inner))
    }

    /// The text of `tokenizer.json`.
    pub fn to_json(&self) -> Result<String, TokenizerError> {
        self.inner.to_string(true).map_err(failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trained() -> Tokenizer {
        let text = "def solve(xs: list[int]) -> int:\n    return sum(x for x in xs if x > 12)\n";
        Tokenizer::train(std::iter::repeat_n(text.to_owned(), 50), 300).unwrap()
    }

    #[test]
    fn texts_round_trip_and_begin_with_bos() {
        let tokenizer = trained();
        assert_eq!([PAD, BOS, EOS].map(|name| tokenizer.token(name)), [Some(0), Some(1), Some(2)]);
        for text in ["def solve(xs):\n    return 1234\n", "", "naïve ☃ \t\r\n", " leading"] {
            let tokens = tokenizer.encode(text).unwrap();
            assert_eq!(tokens[0], 1);
            assert_eq!(tokens[1..], tokenizer.encode_continuation(text).unwrap());
            assert_eq!(tokenizer.decode(&tokens).unwrap(), text);
        }
    }

    #[test]
    fn digits_stand_alone() {
        assert_eq!(trained().encode_continuation("1212").unwrap().len(), 4);
    }

    #[test]
    fn a_special_token_spelt_in_a_text_is_text() {
        let tokenizer = trained();
        let tokens = tokenizer.encode_continuation("a<|eos|>").unwrap();
        assert!(!tokens.contains(&2), "{tokens:?}");
    }

    #[test]
    fn training_is_reproducible_and_survives_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let json = trained().to_json().unwrap();
        assert_eq!(json, trained().to_json().unwrap());
        std::fs::write(directory.path().join(TOKENIZER_FILE), &json).unwrap();
        let loaded = Tokenizer::load(directory.path()).unwrap();
        assert_eq!(loaded.encode("def f").unwrap(), trained().encode("def f").unwrap());
        assert_eq!(loaded.vocab_size(), trained().vocab_size());
        let missing = Tokenizer::load(&directory.path().join("no")).unwrap_err();
        assert!(missing.to_string().contains("tokenizer.json"));
    }
}

//! The bytes of every token.

use crate::tokenizer::Tokenizer;

/// Bytes of every token, so that text can be put together token by token.
///
/// Byte-level tokenizers (GPT-2's, and with it Llama 3's, Qwen's and the shipped one) write each byte as one printable
/// character; this is the way back. Special tokens have no text.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    tokens: Vec<Vec<u8>>,
}

impl Vocabulary {
    /// Reads the tokens of `tokenizer`; ids from its size up to `vocab_size`, the model's, have no text.
    pub fn new(tokenizer: &Tokenizer, vocab_size: usize) -> Self {
        let added = tokenizer.inner().get_added_tokens_decoder();
        let bytes = |id: u32| match (added.get(&id), tokenizer.inner().id_to_token(id)) {
            (Some(token), _) if token.special => Vec::new(),
            (Some(token), _) => token.content.clone().into_bytes(),
            (None, Some(token)) => from_byte_level(&token),
            (None, None) => Vec::new(),
        };
        Self { tokens: (0..vocab_size as u32).map(bytes).collect() }
    }

    /// Bytes of one token.
    pub fn bytes(&self, token: u32) -> &[u8] {
        self.tokens.get(token as usize).map_or(&[], Vec::as_slice)
    }

    /// A token as text for a person; one that is not text alone is spelt `bytes:\xe2\x82`, as OpenAI does.
    pub fn text(&self, token: u32) -> String {
        let bytes = self.bytes(token);
        std::str::from_utf8(bytes).map_or_else(
            |_| bytes.iter().fold("bytes:".to_owned(), |text, byte| format!("{text}\\x{byte:02x}")),
            ToOwned::to_owned,
        )
    }

    /// Number of tokens.
    pub fn len(&self) -> usize {
        self.tokens.len()
    }

    /// True if there is no token.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty()
    }

    /// Bytes of the longest token: a text of n tokens is at most n times as long.
    pub fn longest(&self) -> usize {
        self.tokens.iter().map(Vec::len).max().unwrap_or(0)
    }
}

/// Undoes GPT-2's `bytes_to_unicode`; a character outside its alphabet stands for itself.
fn from_byte_level(token: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(token.len());
    for character in token.chars() {
        match byte_of(character) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

/// Printable Latin-1 characters stand for their own byte; the others are numbered from U+0100 on, in order.
fn byte_of(character: char) -> Option<u8> {
    let own = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let code = u32::from(character);
    match u8::try_from(code) {
        Ok(byte) => own(byte).then_some(byte),
        Err(_) => (0..=u8::MAX).filter(|byte| !own(*byte)).nth(code as usize - 0x100),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_tokens_put_together_are_the_text() {
        let text = "def f(x):\n\treturn \"naïve ☃ 漢字\"  # ok\n";
        let tokenizer = Tokenizer::train(std::iter::repeat_n(text.to_owned(), 9), 300).unwrap();
        let vocabulary = Vocabulary::new(&tokenizer, 310);
        let tokens = tokenizer.encode(text).unwrap();
        let bytes: Vec<u8> = tokens.iter().flat_map(|token| vocabulary.bytes(*token).to_vec()).collect();
        assert_eq!(String::from_utf8(bytes).unwrap(), text);
        assert_eq!(vocabulary.bytes(2), b"", "special tokens have no text");
        assert_eq!(vocabulary.bytes(309), b"", "the model may have more rows than the tokenizer");
        assert!(vocabulary.longest() >= 6);
    }

    #[test]
    fn all_bytes_have_a_character_of_their_own() {
        let alphabet: Vec<u8> = (0..0x144_u32).filter_map(char::from_u32).filter_map(byte_of).collect();
        let mut sorted = alphabet.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..=u8::MAX).collect::<Vec<_>>());
        assert_eq!(byte_of('Ġ'), Some(b' '));
        assert_eq!(byte_of('Ċ'), Some(b'\n'));
    }

    #[test]
    fn a_token_that_is_no_text_is_spelt_in_bytes() {
        let vocabulary = Vocabulary { tokens: vec![vec![0xe2, 0x82], b"ok".to_vec()] };
        assert_eq!(vocabulary.text(0), "bytes:\\xe2\\x82");
        assert_eq!(vocabulary.text(1), "ok");
    }
}

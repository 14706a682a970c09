//! The text of one answer while it grows.

/// Bytes of an answer, cut at the first stop string, and how many of them have been handed out.
///
/// Tokens are runs of bytes: one can end inside a character, and a stop string can span several. What is handed out
/// early is therefore only what no later token can change.
#[derive(Clone, Debug, Default)]
pub struct AnswerText {
    bytes: Vec<u8>,
    sent: usize,
}

impl AnswerText {
    /// Appends a token's bytes. Returns true if the text now ends before one of `stop`, at its first occurrence.
    pub fn push(&mut self, token: &[u8], stop: &[String]) -> bool {
        let old = self.bytes.len();
        self.bytes.extend_from_slice(token);
        let found = stop.iter().filter(|stop| !stop.is_empty()).filter_map(|stop| {
            // A new occurrence ends in the new bytes.
            let from = (old + 1).saturating_sub(stop.len());
            self.bytes[from..].windows(stop.len()).position(|window| window == stop.as_bytes()).map(|at| from + at)
        });
        let cut = found.min();
        if let Some(cut) = cut {
            self.bytes.truncate(cut);
        }
        cut.is_some()
    }

    /// What can be handed out now and was not before.
    pub fn settled(&mut self, stop: &[String]) -> String {
        let held = stop.iter().map(|stop| held_back(&self.bytes, stop.as_bytes())).max().unwrap_or(0);
        // A stop string that begins in what was already handed out is only found once it is complete.
        let end = (self.bytes.len() - held).max(self.sent);
        let end = end - unfinished_character(&self.bytes[self.sent..end]);
        self.take(end)
    }

    /// All that was not handed out; a character that was never finished becomes U+FFFD.
    pub fn rest(&mut self) -> String {
        self.take(self.bytes.len())
    }

    fn take(&mut self, end: usize) -> String {
        let text = String::from_utf8_lossy(&self.bytes[self.sent..end.max(self.sent)]).into_owned();
        self.sent = end.max(self.sent);
        text
    }
}

/// Length of the longest end of `bytes` with which `stop` begins.
fn held_back(bytes: &[u8], stop: &[u8]) -> usize {
    let longest = bytes.len().min(stop.len().saturating_sub(1));
    (1..=longest).rev().find(|length| bytes.ends_with(&stop[..*length])).unwrap_or(0)
}

/// Number of bytes at the end that begin a UTF-8 character and do not finish it.
fn unfinished_character(bytes: &[u8]) -> usize {
    let invalid = bytes.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
    let unfinished = std::str::from_utf8(invalid).is_err_and(|error| error.error_len().is_none());
    if unfinished { invalid.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Pushes the tokens; returns the pieces handed out on the way, the rest, and whether a stop string ended it.
    fn stream(tokens: &[&[u8]], stop: &[&str]) -> (Vec<String>, bool) {
        let stop: Vec<String> = stop.iter().map(|stop| (*stop).to_owned()).collect();
        let mut text = AnswerText::default();
        let mut pieces = Vec::new();
        for token in tokens {
            if text.push(token, &stop) {
                pieces.push(text.rest());
                return (pieces, true);
            }
            pieces.push(text.settled(&stop));
        }
        pieces.push(text.rest());
        (pieces, false)
    }

    #[test]
    fn a_character_split_across_tokens_is_handed_out_whole() {
        let (pieces, _) = stream(&[b"a", b"\xe2\x82", b"\xac", b"b"], &[]);
        assert_eq!(pieces, ["a", "", "€", "b", ""]);
        let (pieces, _) = stream(&[b"\xf0\x9f", b"\x99"], &[]);
        assert_eq!(pieces.concat(), "\u{fffd}");
        let (pieces, _) = stream(&[b"a\xff", b"b"], &[]);
        assert_eq!(pieces.concat(), "a\u{fffd}b");
    }

    #[test]
    fn a_stop_string_across_token_boundaries_ends_the_text_before_it() {
        let (pieces, stopped) = stream(&[b"x = 1\n", b"de", b"f solve"], &["\ndef"]);
        assert!(stopped);
        assert_eq!(pieces.concat(), "x = 1");
        assert_eq!(pieces[0], "x = 1", "the line break may begin the stop string");
    }

    #[test]
    fn what_only_looked_like_a_stop_string_is_handed_out_later() {
        let (pieces, stopped) = stream(&[b"a", b"\nde", b"bug"], &["\ndef"]);
        assert!(!stopped);
        assert_eq!(pieces, ["a", "", "\ndebug", ""]);
    }

    #[test]
    fn the_first_of_several_stop_strings_wins() {
        let (pieces, stopped) = stream(&[b"one STOP two # three"], &["#", "STOP"]);
        assert!(stopped);
        assert_eq!(pieces.concat(), "one ");
    }
}

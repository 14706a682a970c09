use sha2::{Digest as _, Sha256};

/// Whether the token that was shown is the one that is expected.
///
/// Digests are compared, so that the time it takes says nothing about how much of a token is right.
pub fn same_token(shown: &str, expected: &str) -> bool {
    Sha256::digest(shown.as_bytes()) == Sha256::digest(expected.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_the_same() {
        assert!(same_token("token", "token"));
        for other in ["", "toke", "tokens", "Token"] {
            assert!(!same_token(other, "token"), "{other}");
        }
    }
}

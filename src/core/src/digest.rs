//! Content digests: the name of an artifact is the SHA-256 of what it holds.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

const PREFIX: &str = "sha256:";

/// A SHA-256 digest, written `sha256:` and 64 lower-case hexadecimal digits.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Digest(String);

/// Why a string is not a digest.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{0:?} is not a digest: write sha256: and 64 lower-case hexadecimal digits")]
pub struct InvalidDigest(String);

impl Digest {
    /// Digest of one run of bytes.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        Self(format!("{PREFIX}{}", hex::encode(Sha256::digest(bytes))))
    }

    /// Digest of a directory: of the lines `name`, tab, file digest, sorted by name.
    ///
    /// `files` are (relative name, digest of the content). The order in which they come does not matter.
    pub fn of_directory(files: &[(String, Self)]) -> Self {
        let mut lines: Vec<String> = files.iter().map(|(name, digest)| format!("{name}\t{digest}\n")).collect();
        lines.sort();
        Self::of_bytes(lines.concat().as_bytes())
    }

    /// The 64 hexadecimal digits.
    pub fn hex(&self) -> &str {
        &self.0[PREFIX.len()..]
    }

    /// The first 12 hexadecimal digits: long enough to tell artifacts apart, short enough for a name.
    pub fn short(&self) -> &str {
        &self.hex()[..12]
    }

    /// The digest as it is written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let valid = text.strip_prefix(PREFIX).is_some_and(|hex| {
            hex.len() == 64 && hex.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        });
        if valid { Ok(Self(text.to_owned())) } else { Err(InvalidDigest(text.to_owned())) }
    }
}

impl TryFrom<String> for Digest {
    type Error = InvalidDigest;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Digest> for String {
    fn from(digest: Digest) -> Self {
        digest.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_of_the_empty_string_is_the_published_one() {
        assert_eq!(Digest::of_bytes(b"").hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn a_directory_digest_ignores_the_order_of_files_but_not_their_names() {
        let a = ("a".to_owned(), Digest::of_bytes(b"1"));
        let b = ("b".to_owned(), Digest::of_bytes(b"2"));
        let both = Digest::of_directory(&[a.clone(), b.clone()]);
        assert_eq!(both, Digest::of_directory(&[b.clone(), a.clone()]));
        let swapped = [("b".to_owned(), a.1), ("a".to_owned(), b.1)];
        assert_ne!(both, Digest::of_directory(&swapped));
    }

    #[test]
    fn malformed_digests_are_refused_by_name() {
        for bad in ["", "sha256:", "sha256:xyz", "md5:00", &format!("sha256:{}", "A".repeat(64))] {
            assert_eq!(bad.parse::<Digest>(), Err(InvalidDigest(bad.to_owned())));
        }
    }
}

//! What a program writes: the first bytes are kept, all are counted and digested.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use genesis_core::Digest;
use genesis_core::execution::Capture;
use sha2::{Digest as _, Sha256};

/// How many bytes of a stream are kept.
pub const HEAD_BYTES: usize = 64 << 10;

/// One stream while it is being read.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tap {
    head: Vec<u8>,
    total: u64,
    hasher: Sha256,
}

impl Tap {
    /// Takes in what was read.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        let room = HEAD_BYTES - self.head.len();
        self.head.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.total += bytes.len() as u64;
        self.hasher.update(bytes);
    }

    /// Bytes taken in so far.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The stream as a record shows it.
    pub(crate) fn finish(self) -> Capture {
        let digest = format!("sha256:{}", hex::encode(self.hasher.finalize()));
        Capture {
            head_base64: STANDARD.encode(&self.head),
            total_bytes: self.total,
            truncated: self.total > self.head.len() as u64,
            sha256: digest.parse::<Digest>().ok(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_is_kept_and_everything_is_counted_and_digested() {
        let mut tap = Tap::default();
        let bytes = vec![0xff; HEAD_BYTES];
        tap.take(&bytes);
        assert_eq!(tap.clone().finish().sha256, Some(Digest::of_bytes(&bytes)));
        assert!(!tap.clone().finish().truncated);
        tap.take(b"more");
        let capture = tap.finish();
        assert_eq!((capture.total_bytes, capture.truncated), (HEAD_BYTES as u64 + 4, true));
        assert_eq!(STANDARD.decode(capture.head_base64).unwrap(), bytes);
        assert_eq!(capture.sha256, Some(Digest::of_bytes(&[&bytes[..], b"more"].concat())));
    }
}

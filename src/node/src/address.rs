//! Every pod has a loopback address of its own, so that all may listen on the same port.

use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use crate::Error;

/// 127.0.0.0/8 without 127.0.0.x, which belongs to everybody.
const FIRST: u32 = 0x0100;
const COUNT: u32 = 0x00ff_ff00 - FIRST;

/// Hands out addresses; the counter survives a restart, so that an address is not taken for the one before it.
#[derive(Debug)]
pub struct Addresses {
    file: PathBuf,
    start: u32,
    next: Mutex<u32>,
}

impl Addresses {
    /// Counts on from the file in `data`. Where in the network a node begins depends on its folder: two nodes of one
    /// machine rarely meet.
    pub fn open(data: &Path) -> Self {
        let file = data.join("addresses");
        let next = fs::read_to_string(&file).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0);
        let mut hasher = DefaultHasher::new();
        data.hash(&mut hasher);
        Self { file, start: (hasher.finish() % u64::from(COUNT)) as u32, next: Mutex::new(next) }
    }

    /// The next address.
    pub fn next(&self) -> Result<Ipv4Addr, Error> {
        let mut next = self.next.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        loop {
            let offset = FIRST + (self.start + *next) % COUNT;
            *next = next.wrapping_add(1);
            let [_, a, b, c] = offset.to_be_bytes();
            // Zero and 255 at the end look like a network and a broadcast address to some programs.
            if c != 0 && c != 255 {
                fs::write(&self.file, next.to_string()).map_err(Error::data(&self.file))?;
                return Ok(Ipv4Addr::new(127, a, b, c));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn addresses_are_loopback_and_never_repeat_even_after_a_restart() {
        let folder = tempfile::tempdir().unwrap();
        let mut seen = HashSet::new();
        for _ in 0..3 {
            let addresses = Addresses::open(folder.path());
            for _ in 0..300 {
                let address = addresses.next().unwrap();
                assert!(address.is_loopback() && address.octets()[..3] != [127, 0, 0], "{address}");
                assert!(seen.insert(address), "{address} twice");
            }
        }
    }
}

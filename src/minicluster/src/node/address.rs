//! One loopback address for each pod.
//!
//! Addresses are taken from 127.1.0.1 upwards by a counter on disk, which starts at a place of its own for every data
//! directory: two nodes on one machine, and a pod and its successor, do not meet.

use std::{
    fs, io,
    net::Ipv4Addr,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use sha2::{Digest as _, Sha256};

/// Usable second octets (1–254), third octets (0–255) and fourth octets (1–254).
const ADDRESSES: u32 = 254 * 256 * 254;

/// Hands out addresses.
#[derive(Debug)]
pub struct Addresses {
    path: PathBuf,
    next: Mutex<u32>,
}

impl Addresses {
    /// Reads the counter in `path`, or starts one.
    pub fn open(path: &Path) -> io::Result<Self> {
        let next = match fs::read_to_string(path) {
            Ok(text) => text.trim().parse().unwrap_or_else(|_| first(path)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => first(path),
            Err(error) => return Err(error),
        };
        Ok(Self { path: path.to_owned(), next: Mutex::new(next) })
    }

    /// The next address. It is on disk that it was taken before it is returned.
    pub fn take(&self) -> io::Result<Ipv4Addr> {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let address = nth(*next);
        let following = (*next + 1) % ADDRESSES;
        let temporary = self.path.with_extension("tmp");
        fs::write(&temporary, following.to_string())?;
        fs::rename(&temporary, &self.path)?;
        *next = following;
        Ok(address)
    }
}

/// Where the counter of a data directory starts.
fn first(path: &Path) -> u32 {
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]]) % ADDRESSES
}

fn nth(n: u32) -> Ipv4Addr {
    let (rest, last) = (n / 254, n % 254);
    let (second, third) = (rest / 256, rest % 256);
    // The moduli keep every part within an octet.
    Ipv4Addr::new(127, second as u8 + 1, third as u8, last as u8 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_unique_and_survive_restarts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("addresses");
        let one = Addresses::open(&path).unwrap();
        let mut taken: Vec<_> = (0..300).map(|_| one.take().unwrap()).collect();
        let two = Addresses::open(&path).unwrap();
        taken.extend((0..300).map(|_| two.take().unwrap()));
        taken.sort();
        taken.dedup();
        assert_eq!(taken.len(), 600);
        assert!(taken.iter().all(|a| a.is_loopback() && a.octets()[1] > 0 && a.octets()[3] > 0));
    }

    #[test]
    fn the_range_stays_within_loopback() {
        assert_eq!(nth(0), Ipv4Addr::new(127, 1, 0, 1));
        assert_eq!(nth(ADDRESSES - 1), Ipv4Addr::new(127, 254, 255, 254));
    }
}

//! The users of the host that a cell's users are mapped to: unprivileged, and different for each cell.

use std::sync::atomic::{AtomicU32, Ordering};

/// How many cells may exist at a time before numbers are used again.
const CELLS: u32 = 1_024;

/// Users of the host for one cell. Groups have the same numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// The host's user that is root inside: the zygote.
    pub(super) root: u32,
    /// The host's user that runs programs.
    pub(super) program: u32,
}

/// Why there are no users for a cell.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The map of the surrounding user namespace cannot be read.
    #[error("user namespace: /proc/self/uid_map cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// The surrounding user namespace has too few users.
    #[error(
        "user namespace: {available} user ids are mapped here, {needed} are needed; give the container a larger range"
    )]
    TooFew {
        /// In the largest range.
        available: u32,
        /// For all cells.
        needed: u32,
    },
}

impl Identity {
    /// The next pair of users that no other cell of this process has.
    pub(crate) fn next() -> Result<Self, IdentityError> {
        static COUNTER: AtomicU32 = AtomicU32::new(0);
        let map = std::fs::read_to_string("/proc/self/uid_map")?;
        Self::of(&map, std::process::id(), COUNTER.fetch_add(1, Ordering::Relaxed))
    }

    /// Users of cell `number` of supervisor `process`, from the end of the largest range in `map`, where no
    /// account is. Supervisors beside each other get different ones where the range is large enough.
    fn of(map: &str, process: u32, number: u32) -> Result<Self, IdentityError> {
        let range = |line: &str| {
            let mut fields = line.split_whitespace().map(str::parse::<u32>);
            let (first, _, length) = (fields.next()?.ok()?, fields.next()?, fields.next()?.ok()?);
            Some((length, first))
        };
        let (length, first) = map.lines().filter_map(range).max().unwrap_or_default();
        let needed = 2 * CELLS;
        if length < 4 * needed {
            return Err(IdentityError::TooFew { available: length, needed: 4 * needed });
        }
        // The last 2048 numbers hold what others take for nobody (65534, -2).
        let blocks = ((length - needed) / needed - 1).min(1 << 15);
        let block = first + (length - needed) - needed * (process % blocks + 1);
        let root = block + 2 * (number % CELLS);
        Ok(Self { root, program: root + 1 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_and_supervisors_get_different_users() {
        let whole = "         0          0 4294967295\n";
        let mut seen = std::collections::HashSet::new();
        for process in [1, 2, 32_767] {
            for number in 0..CELLS {
                let identity = Identity::of(whole, process, number).unwrap();
                assert!(identity.root > 4_000_000_000 && identity.program < u32::MAX - 1);
                assert!(seen.insert(identity.root) && seen.insert(identity.program));
            }
        }
    }

    #[test]
    fn a_container_range_is_used_and_a_small_one_refused() {
        let identity = Identity::of("0 100000 65536\n", 77, 3).unwrap();
        assert!(identity.root > 1_000 && identity.program < 65_534 - 1_024);
        assert!(matches!(Identity::of("0 1000 1\n", 1, 0), Err(IdentityError::TooFew { available: 1, .. })));
    }
}

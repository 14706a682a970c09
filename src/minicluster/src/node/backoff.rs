//! How long a container that ended waits before it is started again.

use std::time::Duration;

/// First delay; the restart before it is immediate, as a kubelet's.
const BASE: Duration = Duration::from_millis(500);

/// Longest delay.
const LONGEST: Duration = Duration::from_secs(10);

/// Doubling delays that start over after a container has run for long enough.
#[derive(Clone, Copy, Debug, Default)]
pub struct Backoff {
    restarts: u32,
}

impl Backoff {
    /// The delay after a container ended that had run for `ran`.
    pub fn next(&mut self, ran: Duration) -> Duration {
        if ran > 2 * LONGEST {
            self.restarts = 0;
        }
        let delay = match self.restarts {
            0 => Duration::ZERO,
            n => BASE.saturating_mul(1 << (n - 1).min(10)).min(LONGEST),
        };
        self.restarts += 1;
        delay
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_longest() {
        let mut backoff = Backoff::default();
        let delays: Vec<u64> = (0..8).map(|_| backoff.next(Duration::ZERO).as_millis() as u64).collect();
        assert_eq!(delays, [0, 500, 1000, 2000, 4000, 8000, 10_000, 10_000]);
        assert_eq!(backoff.next(Duration::from_secs(60)), Duration::ZERO);
    }
}

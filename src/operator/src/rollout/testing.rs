//! Live statistics for tests.

use genesis_core::wire::ArmStatistics;

/// An arm all of whose requests were verified, and had this quality.
pub fn arm(served_name: impl Into<String>, requests: u64, quality: f64) -> ArmStatistics {
    let sum = requests as f64 * quality;
    ArmStatistics {
        served_name: served_name.into(),
        requests,
        verified: requests,
        passed: sum as u64,
        quality_sum: sum,
        quality_square_sum: sum * quality,
        infra: 0,
    }
}

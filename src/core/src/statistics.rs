//! The statistics that a promotion and a canary stand on. All closed forms or seeded resampling.

mod clustered;
mod pass_at_k;
mod sequence;

pub use clustered::{ClusteredDifference, clustered_difference};
pub use pass_at_k::pass_at_k;
pub use sequence::{ArmMoments, DifferenceBound, confidence_sequence};

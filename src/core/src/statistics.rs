//! The statistics that a promotion and a canary stand on. All closed forms or seeded resampling.

mod clustered;
mod mcnemar;
mod pass_at_k;
mod sequence;

pub use clustered::{ClusteredDifference, clustered_difference};
pub use mcnemar::{e_value, mcnemar_p};
pub use pass_at_k::pass_at_k;
pub use sequence::{ArmMoments, DifferenceBound, confidence_sequence};

//! The gateway's part in the improvement loop: counts, datasets, arms, reverts.

pub mod dataset;
pub mod numbers;

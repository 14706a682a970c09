//! Is the installation whole? Pure: from what was asked of the cluster to a report.

mod definitions;
mod installation;

pub use definitions::definitions;
pub use installation::{Access, Question, claims, permissions, questions, working, workload};

#[cfg(test)]
mod tests;

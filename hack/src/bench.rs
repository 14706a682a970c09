//! `cargo dev bench`: how Genesis does with more than a laptop holds.

pub mod operator;

/// What is measured.
#[derive(Debug, clap::Subcommand)]
pub enum Verb {
    /// The operator with thousands of objects: memory, reconciles, restart, failover, churn
    Operator(operator::Options),
}

impl Verb {
    /// Measures it.
    pub fn run(&self) -> anyhow::Result<()> {
        match self {
            Self::Operator(options) => tokio::runtime::Runtime::new()?.block_on(operator::run(options)).map(drop),
        }
    }
}

//! Why the ledger refused.

/// Why a call failed. Nothing of a failed write is kept.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// The database was written by a later version.
    #[error(
        "the database has schema version {found}, this program knows up to {known}: run the newer release, or restore a backup"
    )]
    NewerSchema {
        /// Version in the database.
        found: i64,
        /// Newest version this program has.
        known: i64,
    },
    /// A migration failed.
    #[error("the schema could not be brought up to date: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The idempotency key belongs to another request.
    #[error("the idempotency key {key:?} was already used for another request: choose a new key")]
    KeyReused {
        /// The key.
        key: String,
    },
    /// The dataset's name is known with other parameters.
    #[error("dataset {name:?} is frozen with another recipe, seed, bound or watermark: choose a new name")]
    DatasetTaken {
        /// The name.
        name: String,
    },
    /// The writer has lost the lead.
    #[error("leader {number} has lost the lead: leader {newest} has written since")]
    Fenced {
        /// Number of who asked.
        number: u64,
        /// The highest that has written.
        newest: u64,
    },
    /// What was given contradicts itself.
    #[error("{0}")]
    Invalid(String),
    /// The write was given up with its batch: nothing of it was kept, and trying again can help.
    #[error("the commit failed and nothing was written: {0}; try again")]
    CommitFailed(String),
    /// The ledger is closed.
    #[error("the ledger is closed")]
    Closed,
    /// The database refused.
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    /// A row does not hold what this version writes.
    #[error("a stored value is damaged: {0}")]
    Corrupt(String),
    /// The vector index or the embedding failed.
    #[error("embedding: {0}")]
    Embedding(#[from] crate::embedding::EmbeddingError),
}

/// Result of a ledger call.
pub type Result<T, E = LedgerError> = std::result::Result<T, E>;

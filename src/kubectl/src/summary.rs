//! What an object's status comes to: a sign, a word, a sentence.

mod children;
mod model;

pub use children::{of_evaluation, of_rollout, of_run};
pub use model::{loop_reason, of_model};

use crate::sign::Sign;

/// How one object stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    /// At a glance.
    pub sign: Sign,
    /// In a word or two.
    pub word: String,
    /// In a sentence.
    pub info: String,
    /// Nothing more will happen by itself soon.
    pub settled: bool,
    /// It is broken, or its last turn ended badly.
    pub failed: bool,
}

impl Standing {
    fn new(sign: Sign, word: &str, info: impl Into<String>) -> Self {
        let settled = !matches!(sign, Sign::Working | Sign::Waiting);
        Self { sign, word: word.to_owned(), info: info.into(), settled, failed: sign == Sign::Bad }
    }
}

//! Statuses are written when they say something new; new words alone can wait a moment.
//!
//! Counters in messages change with every request a model answers. Writing each change would wake the reconciler that
//! wrote it, which would look, find another number, and write again.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use genesis_api::{EvaluationStatus, GenesisModelStatus, RolloutStatus, TrainingRunStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

/// Objects that are remembered. Forgetting all of them costs one write each.
const LARGEST: usize = 10_000;

/// A status that can be compared without its words.
pub(crate) trait Wording: Clone + PartialEq {
    /// The same without messages and counters.
    fn without_words(self) -> Self;

    /// Generation, conditions and message.
    fn words(&mut self) -> (&mut Option<i64>, &mut Vec<Condition>, Option<&mut String>);
}

fn silent(conditions: &mut [Condition]) {
    conditions.iter_mut().for_each(|condition| condition.message.clear());
}

impl Wording for GenesisModelStatus {
    fn without_words(mut self) -> Self {
        silent(&mut self.conditions);
        self.learning = None;
        self
    }

    fn words(&mut self) -> (&mut Option<i64>, &mut Vec<Condition>, Option<&mut String>) {
        (&mut self.observed_generation, &mut self.conditions, None)
    }
}

impl Wording for TrainingRunStatus {
    fn without_words(mut self) -> Self {
        silent(&mut self.conditions);
        self.message.clear();
        self
    }

    fn words(&mut self) -> (&mut Option<i64>, &mut Vec<Condition>, Option<&mut String>) {
        (&mut self.observed_generation, &mut self.conditions, Some(&mut self.message))
    }
}

impl Wording for EvaluationStatus {
    fn without_words(mut self) -> Self {
        silent(&mut self.conditions);
        self.message.clear();
        self
    }

    fn words(&mut self) -> (&mut Option<i64>, &mut Vec<Condition>, Option<&mut String>) {
        (&mut self.observed_generation, &mut self.conditions, Some(&mut self.message))
    }
}

impl Wording for RolloutStatus {
    fn without_words(mut self) -> Self {
        silent(&mut self.conditions);
        self.message.clear();
        self
    }

    fn words(&mut self) -> (&mut Option<i64>, &mut Vec<Condition>, Option<&mut String>) {
        (&mut self.observed_generation, &mut self.conditions, Some(&mut self.message))
    }
}

/// When each object was last written.
#[derive(Debug, Default)]
pub(crate) struct LastWritten {
    times: Mutex<HashMap<String, Instant>>,
}

impl LastWritten {
    /// Whether the next status of the object `uid` should be written now.
    pub(crate) fn should_write<S: Wording>(&self, uid: &str, before: Option<&S>, next: &S, patience: Duration) -> bool {
        if before == Some(next) {
            return false;
        }
        let news = before.is_none_or(|before| before.clone().without_words() != next.clone().without_words());
        let mut times = self.times.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = times.get(uid).is_none_or(|time| time.elapsed() >= patience);
        if news || waited {
            if times.len() >= LARGEST {
                times.clear();
            }
            times.insert(uid.to_owned(), Instant::now());
        }
        news || waited
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_is_written_at_once_and_words_after_a_while() {
        let written = LastWritten::default();
        let said = |message: &str| RolloutStatus { message: message.into(), ..RolloutStatus::default() };
        let patience = Duration::from_hours(1);
        assert!(written.should_write("a", None, &said("1"), patience));
        assert!(!written.should_write("a", Some(&said("1")), &said("1"), patience), "nothing changed");
        assert!(!written.should_write("a", Some(&said("1")), &said("2"), patience), "only the words changed");
        assert!(written.should_write("a", Some(&said("1")), &said("2"), Duration::ZERO));
        let step = RolloutStatus { current_step_index: 1, ..said("2") };
        assert!(written.should_write("a", Some(&said("1")), &step, patience));
    }
}

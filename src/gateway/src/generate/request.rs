//! One request for a program, checked.

use genesis_core::Digest;
use genesis_core::task::{Language, TestSuite};
use genesis_ledger::TaskRef;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use super::program::{self, ProgramStart};
use super::settings::MAX_SAMPLES;

/// A prompt longer than this is refused before anything is done with it.
pub const MAX_PROMPT_BYTES: usize = 256 << 10;

/// What a consumer asks for, whichever endpoint it came through.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Asked {
    /// What the consumer wrote.
    pub prompt: String,
    /// Patterns may be shown.
    pub use_patterns: bool,
    /// Name of the task.
    pub task_id: Option<String>,
    /// Family of the task.
    pub family: Option<String>,
    /// Language of the answer.
    pub language: Language,
    /// Hidden tests.
    pub tests: Option<TestSuite>,
    /// Samples in all; the model's settings where absent.
    pub samples: Option<u32>,
}

/// A checked request.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// Idempotency key: the consumer's, or a new one.
    pub key: String,
    /// Digest of what was asked: a known key with another digest is refused.
    pub digest: Digest,
    /// Routing is sticky by it.
    pub session: String,
    /// What the model continues.
    pub start: ProgramStart,
    /// What was asked.
    pub asked: Asked,
}

/// Why a request cannot be served as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidRequest {
    /// There is nothing to continue.
    #[error("the prompt is empty")]
    EmptyPrompt,
    /// There is too much.
    #[error("the prompt has {bytes} bytes, at most {} are taken", MAX_PROMPT_BYTES)]
    PromptTooLarge {
        /// Its size.
        bytes: usize,
    },
    /// None, or too many.
    #[error("samples is {0}, it must lie between 1 and {max}", max = MAX_SAMPLES)]
    Samples(u32),
    /// A key, id or name that cannot be kept.
    #[error("{field} must have 1 to 200 characters and no control characters")]
    Name {
        /// Which field.
        field: &'static str,
    },
    /// The suite would pass everything.
    #[error("tests holds no case: leave it out to get an unverified answer")]
    NoTests,
}

impl Request {
    /// Checks what was asked. `key` is the consumer's idempotency key, `fresh_key` the one used where there is none.
    pub fn new(
        asked: Asked,
        key: Option<String>,
        session: Option<String>,
        fresh_key: impl FnOnce() -> String,
    ) -> Result<Self, InvalidRequest> {
        check(&asked)?;
        let key = key.unwrap_or_else(fresh_key);
        let session = session.unwrap_or_else(|| key.clone());
        for (field, name) in [("the idempotency key", Some(&key)), ("session", Some(&session))]
            .into_iter()
            .chain([("task_id", asked.task_id.as_ref()), ("family", asked.family.as_ref())])
        {
            if name.is_some_and(|name| !is_name(name)) {
                return Err(InvalidRequest::Name { field });
            }
        }
        let mut start = program::start(&asked.prompt);
        if let Some(TestSuite::Calls { entry, .. } | TestSuite::Script { entry, .. }) = &asked.tests {
            start.entry = Some(entry.clone());
        }
        let digest = Digest::of_bytes(&serde_json::to_vec(&asked).unwrap_or_default());
        Ok(Self { key, digest, session, start, asked })
    }

    /// The task that the answer is for: the named one, or, for a prompt with tests, the prompt itself.
    pub fn task(&self) -> Option<TaskRef> {
        let own = || format!("prompt-{}", Digest::of_bytes(self.start.text.as_bytes()).short());
        let named = self.asked.task_id.is_some() || self.asked.family.is_some();
        if !named && self.asked.tests.is_none() {
            return None;
        }
        let id = self.asked.task_id.clone().unwrap_or_else(own);
        let family = self.asked.family.clone().unwrap_or_else(|| id.clone());
        Some(TaskRef { id, family })
    }

    /// A number that depends on the key and a label only, so that an attempt can be repeated.
    pub fn seed(&self, label: &str) -> u64 {
        let mut hash = Sha256::new();
        hash.update((label.len() as u64).to_be_bytes());
        hash.update(label);
        hash.update(&self.key);
        // 53 bits: a JSON number that every server reads exactly.
        hash.finalize().iter().take(8).fold(0u64, |number, byte| (number << 8) | u64::from(*byte)) >> 11
    }
}

fn check(asked: &Asked) -> Result<(), InvalidRequest> {
    if asked.prompt.trim().is_empty() {
        return Err(InvalidRequest::EmptyPrompt);
    }
    if asked.prompt.len() > MAX_PROMPT_BYTES {
        return Err(InvalidRequest::PromptTooLarge { bytes: asked.prompt.len() });
    }
    if let Some(samples) = asked.samples.filter(|samples| !(1..=MAX_SAMPLES).contains(samples)) {
        return Err(InvalidRequest::Samples(samples));
    }
    match &asked.tests {
        Some(TestSuite::Calls { cases, .. }) if cases.is_empty() => Err(InvalidRequest::NoTests),
        Some(TestSuite::Script { check, .. }) if check.trim().is_empty() => Err(InvalidRequest::NoTests),
        Some(_) | None => Ok(()),
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= 200 && !name.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use genesis_core::task::TestCase;

    use super::*;

    fn asked() -> Asked {
        Asked { prompt: "def f(x):\n".into(), ..Asked::default() }
    }

    fn request(asked: Asked, key: Option<&str>) -> Result<Request, InvalidRequest> {
        Request::new(asked, key.map(Into::into), None, || "fresh".into())
    }

    fn tests(entry: &str, cases: usize) -> TestSuite {
        let case = TestCase { args: vec!["1".into()], expected: "1".into() };
        TestSuite::Calls { entry: entry.into(), cases: vec![case; cases] }
    }

    #[test]
    fn each_mistake_has_its_own_error() {
        for (asked, key, want) in [
            (Asked { prompt: " \n".into(), ..asked() }, None, InvalidRequest::EmptyPrompt),
            (Asked { samples: Some(0), ..asked() }, None, InvalidRequest::Samples(0)),
            (Asked { samples: Some(65), ..asked() }, None, InvalidRequest::Samples(65)),
            (Asked { tests: Some(tests("f", 0)), ..asked() }, None, InvalidRequest::NoTests),
            (Asked { family: Some("a\nb".into()), ..asked() }, None, InvalidRequest::Name { field: "family" }),
            (asked(), Some(""), InvalidRequest::Name { field: "the idempotency key" }),
        ] {
            assert_eq!(request(asked, key), Err(want));
        }
        let large = Asked { prompt: "x".repeat(MAX_PROMPT_BYTES + 1), ..asked() };
        assert!(matches!(request(large, None), Err(InvalidRequest::PromptTooLarge { .. })));
    }

    #[test]
    fn the_entry_point_is_the_tests() {
        assert_eq!(request(asked(), None).unwrap().start.entry.as_deref(), Some("f"));
        let tested = Asked { tests: Some(tests("g", 1)), ..asked() };
        assert_eq!(request(tested, None).unwrap().start.entry.as_deref(), Some("g"));
    }

    #[test]
    fn a_prompt_with_tests_is_a_task_of_its_own() {
        assert_eq!(request(asked(), None).unwrap().task(), None);
        let task = request(Asked { tests: Some(tests("f", 1)), ..asked() }, None).unwrap().task().unwrap();
        assert_eq!(task.id, task.family);
        let named = Asked { task_id: Some("t".into()), family: Some("a>b".into()), ..asked() };
        assert_eq!(request(named, None).unwrap().task(), Some(TaskRef { id: "t".into(), family: "a>b".into() }));
    }

    #[test]
    fn the_digest_is_of_what_was_asked_and_the_seed_of_the_key() {
        let (a, b) = (request(asked(), Some("a")).unwrap(), request(asked(), Some("b")).unwrap());
        assert_eq!(a.digest, b.digest);
        assert_ne!(a.seed("creative"), b.seed("creative"));
        assert_ne!(a.seed("creative"), a.seed("analytical"));
        let other = Asked { use_patterns: true, ..asked() };
        assert_ne!(request(other, Some("a")).unwrap().digest, a.digest);
    }
}

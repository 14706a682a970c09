//! What a decision is: actions, a status, and what to tell people.

use std::time::Duration;

use kube::runtime::controller::Action;
use kube::runtime::events::EventType;

/// A look takes at most this share of the time until the next one: where many objects wait for their turn, those that
/// are looked at each second would leave none to the others.
const SHARE: u32 = 16;

/// What a reconciler decided. Actions are done in order, then the status is written, then the notices are told.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan<S, A> {
    /// What is to be done.
    pub actions: Vec<A>,
    /// What is to be written.
    pub status: S,
    /// What people should hear of.
    pub notices: Vec<Notice>,
    /// When to look again, if nothing changes before; never where absent.
    pub look_again: Option<Duration>,
}

impl<S, A> Plan<S, A> {
    /// Nothing to do any more.
    pub fn rest(status: S) -> Self {
        Self { actions: Vec::new(), status, notices: Vec::new(), look_again: None }
    }

    /// The answer to the controller.
    pub fn requeue(&self) -> Action {
        self.look_again.map_or_else(Action::await_change, Action::requeue)
    }

    /// The same after a look that took so long; `latest` is soon enough in any case.
    pub fn requeue_after(&self, took: Duration, latest: Duration) -> Action {
        let soonest = (took * SHARE).min(latest);
        self.look_again.map_or_else(Action::await_change, |pause| Action::requeue(pause.max(soonest)))
    }
}

/// An event on the object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Normal or Warning.
    pub severity: EventType,
    /// CamelCase, one for each thing that can happen.
    pub reason: &'static str,
    /// A sentence.
    pub message: String,
}

impl Notice {
    /// Something that was to be expected.
    pub fn normal(reason: &'static str, message: impl Into<String>) -> Self {
        Self { severity: EventType::Normal, reason, message: message.into() }
    }

    /// Something that a person may want to look at.
    pub fn warning(reason: &'static str, message: impl Into<String>) -> Self {
        Self { severity: EventType::Warning, reason, message: message.into() }
    }
}

/// Cuts a message to what a status field or an event takes.
pub fn shortened(text: &str) -> String {
    const LONGEST: usize = 1000;
    if text.chars().count() <= LONGEST {
        return text.to_owned();
    }
    text.chars().take(LONGEST - 1).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_look_is_not_followed_soon() {
        let seconds = Duration::from_secs;
        let plan = Plan::<(), ()> { look_again: Some(seconds(1)), ..Plan::rest(()) };
        assert_eq!(plan.requeue_after(Duration::from_millis(20), seconds(5)), Action::requeue(seconds(1)));
        assert_eq!(plan.requeue_after(Duration::from_millis(250), seconds(5)), Action::requeue(seconds(4)));
        assert_eq!(plan.requeue_after(seconds(30), seconds(5)), Action::requeue(seconds(5)));
        assert_eq!(Plan::<(), ()>::rest(()).requeue_after(seconds(1), seconds(5)), Action::await_change());
    }
}

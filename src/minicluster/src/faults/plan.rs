//! Which request or event meets which fault.

use std::time::Duration;

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use crate::cluster::Verb;

/// What happens to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection breaks before the server sees it.
    DropBefore,
    /// The server does it, but the reply is lost.
    LoseReply,
    /// The server refuses it with this HTTP status (409, 410, 429, 500, 503, 504 …) without doing it.
    Answer(u16),
    /// It reaches the server late.
    Delay(Duration),
    /// It never reaches the server and is never answered.
    Hang,
    /// The controller dies before it.
    CrashBefore,
    /// The controller dies after the server did it and before the reply is seen.
    CrashAfter,
}

/// What happens to a watch event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WatchFault {
    /// It arrives twice.
    Duplicate,
    /// It does not arrive. A real server loses events only with the whole watch, so combine this with a later event.
    Drop,
    /// It arrives together with the next event of the same object, as one.
    Merge,
    /// The watch breaks in its place; the client resumes.
    Disconnect,
    /// The watch ends with 410 Gone in its place; the client lists again.
    Gone,
    /// The controller dies before it sees it.
    Crash,
}

/// A request or event as a plan sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// Verb; events are seen as [`Verb::Watch`].
    pub verb: Verb,
    /// Plural resource name.
    pub resource: String,
    /// Subresource, empty for the main one.
    pub subresource: String,
    /// Namespace, empty for cluster-scoped objects.
    pub namespace: String,
    /// Name, empty for collections.
    pub name: String,
}

/// Which requests or events a rule is about; `None` matches all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pattern {
    /// Verb.
    pub verb: Option<Verb>,
    /// Whether only writes match.
    pub writes_only: bool,
    /// Plural resource name.
    pub resource: Option<String>,
    /// Subresource; `Some("")` is the main one.
    pub subresource: Option<String>,
    /// Name.
    pub name: Option<String>,
}

impl Pattern {
    /// Every write.
    pub fn writes() -> Self {
        Self { writes_only: true, ..Self::default() }
    }

    /// Requests with `verb` on `resource`.
    pub fn on(verb: Verb, resource: &str) -> Self {
        Self { verb: Some(verb), resource: Some(resource.to_owned()), ..Self::default() }
    }

    fn matches(&self, seen: &Seen) -> bool {
        let same = |wanted: &Option<String>, found: &str| wanted.as_deref().is_none_or(|w| w == found);
        self.verb.is_none_or(|verb| verb == seen.verb)
            && (!self.writes_only || seen.verb.is_write())
            && same(&self.resource, &seen.resource)
            && same(&self.subresource, &seen.subresource)
            && same(&self.name, &seen.name)
    }
}

/// Which of the matching ones, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nth {
    /// Only this one.
    Exactly(usize),
    /// This one and all later ones.
    From(usize),
    /// These, both included.
    Between(usize, usize),
}

impl Nth {
    fn includes(self, n: usize) -> bool {
        match self {
            Self::Exactly(only) => n == only,
            Self::From(first) => n >= first,
            Self::Between(first, last) => (first..=last).contains(&n),
        }
    }
}

#[derive(Clone, Debug)]
struct Rule<F> {
    pattern: Pattern,
    nth: Nth,
    fault: F,
    seen: usize,
}

/// Probabilities of random faults, each between 0 and 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rates {
    /// A write's reply is lost.
    pub lose_reply: f64,
    /// A request never reaches the server.
    pub drop_before: f64,
    /// An update or patch is refused with 409.
    pub conflict: f64,
    /// A request is refused with 429, 500 or 504.
    pub refuse: f64,
    /// A request is late by up to 20 ms.
    pub delay: f64,
    /// A watch event arrives twice.
    pub duplicate_event: f64,
    /// A watch breaks.
    pub disconnect: f64,
    /// A watch ends with 410.
    pub gone: f64,
}

/// A scripted or seeded plan. Pure: the same plan asked the same questions gives the same answers.
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    requests: Vec<Rule<Fault>>,
    events: Vec<Rule<WatchFault>>,
    random: Option<(ChaCha8Rng, Rates)>,
}

impl FaultPlan {
    /// No faults: records the trace only.
    pub fn none() -> Self {
        Self::default()
    }

    /// Random faults at `rates`, the same for the same `seed`.
    pub fn seeded(seed: u64, rates: Rates) -> Self {
        Self { random: Some((ChaCha8Rng::seed_from_u64(seed), rates)), ..Self::default() }
    }

    /// Adds a fault for the `nth` request that matches `pattern`.
    #[must_use]
    pub fn request(mut self, pattern: Pattern, nth: Nth, fault: Fault) -> Self {
        self.requests.push(Rule { pattern, nth, fault, seen: 0 });
        self
    }

    /// Adds a fault for the `nth` event that matches `pattern`. The verb of the pattern is ignored.
    #[must_use]
    pub fn event(mut self, pattern: Pattern, nth: Nth, fault: WatchFault) -> Self {
        self.events.push(Rule { pattern: Pattern { verb: None, ..pattern }, nth, fault, seen: 0 });
        self
    }

    /// The fault of the next request.
    pub fn on_request(&mut self, seen: &Seen) -> Option<Fault> {
        let scripted = first_due(&mut self.requests, seen);
        let Some((random, rates)) = self.random.as_mut().filter(|_| scripted.is_none()) else { return scripted };
        let mut happens = |rate: f64| rate > 0.0 && random.random_bool(rate);
        let changes = matches!(seen.verb, Verb::Update | Verb::Patch);
        if seen.verb.is_write() && happens(rates.lose_reply) {
            Some(Fault::LoseReply)
        } else if happens(rates.drop_before) {
            Some(Fault::DropBefore)
        } else if changes && happens(rates.conflict) {
            Some(Fault::Answer(409))
        } else if happens(rates.refuse) {
            Some(Fault::Answer([429, 500, 504][random.random_range(0..3)]))
        } else if happens(rates.delay) {
            Some(Fault::Delay(Duration::from_millis(random.random_range(1..20))))
        } else {
            None
        }
    }

    /// The fault of the next watch event.
    pub fn on_event(&mut self, seen: &Seen) -> Option<WatchFault> {
        let scripted = first_due(&mut self.events, seen);
        let Some((random, rates)) = self.random.as_mut().filter(|_| scripted.is_none()) else { return scripted };
        let mut happens = |rate: f64| rate > 0.0 && random.random_bool(rate);
        if happens(rates.duplicate_event) {
            Some(WatchFault::Duplicate)
        } else if happens(rates.disconnect) {
            Some(WatchFault::Disconnect)
        } else if happens(rates.gone) {
            Some(WatchFault::Gone)
        } else {
            None
        }
    }
}

/// Counts `seen` for every rule it matches and returns the first fault that is due.
fn first_due<F: Copy>(rules: &mut [Rule<F>], seen: &Seen) -> Option<F> {
    let mut due = None;
    for rule in rules.iter_mut().filter(|rule| rule.pattern.matches(seen)) {
        rule.seen += 1;
        if rule.nth.includes(rule.seen) {
            due = due.or(Some(rule.fault));
        }
    }
    due
}

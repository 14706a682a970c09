//! The runs of a sweep.

use std::time::Duration;

use genesis_minicluster::cluster::Verb;
use genesis_minicluster::faults::{Fault, FaultPlan, Nth, Pattern, WatchFault};

use super::host::Restart;
use super::sweep::Calm;

/// Requests that are refused in a burst.
const BURST: usize = 10;

/// What is planned for a run.
#[derive(Clone, Debug)]
pub(super) struct Planned {
    pub fault: String,
    pub what: String,
    pub plan: FaultPlan,
    pub restart: Restart,
}

impl Planned {
    fn new(fault: &str, nth: usize, plan: FaultPlan) -> Self {
        Self { fault: fault.to_owned(), what: format!("{fault} {nth}"), plan, restart: Restart::Fresh }
    }
}

/// Every fault at every write, every fault at every event, and refusals all along.
pub(super) fn runs(calm: &Calm) -> Vec<Planned> {
    [writes(calm), events(calm), restarts(calm), bursts(calm)].into_iter().flatten().collect()
}

fn writes(calm: &Calm) -> Vec<Planned> {
    let faults = [
        ("crash before a write", Fault::CrashBefore),
        ("crash after a write", Fault::CrashAfter),
        ("lost reply of a write", Fault::LoseReply),
        ("lost write", Fault::DropBefore),
        ("conflict at a write", Fault::Answer(409)),
        ("overload at a write", Fault::Answer(429)),
    ];
    let plan = |nth, fault| FaultPlan::none().request(Pattern::writes(), Nth::Exactly(nth), fault);
    let runs = (1..=calm.writes).flat_map(|nth| faults.map(|(name, fault)| Planned::new(name, nth, plan(nth, fault))));
    runs.collect()
}

fn events(calm: &Calm) -> Vec<Planned> {
    let faults = [
        ("merged event", WatchFault::Merge),
        ("repeated event", WatchFault::Duplicate),
        ("broken watch at an event", WatchFault::Disconnect),
        ("event lost with its watch", WatchFault::Gone),
        ("crash at an event", WatchFault::Crash),
    ];
    let runs = (1..=calm.events).flat_map(|nth| faults.map(|(name, fault)| Planned::new(name, nth, at(nth, fault))));
    runs.collect()
}

fn at(nth: usize, fault: WatchFault) -> FaultPlan {
    FaultPlan::none().event(Pattern::default(), Nth::Exactly(nth), fault)
}

/// The operator dies at an event, and the next one sees what was a few events ago, or many.
fn restarts(calm: &Calm) -> Vec<Planned> {
    let ages = [
        ("stale restart at an event", Restart::Stale { events: 4, lasting: Duration::from_millis(300) }),
        ("very stale restart at an event", Restart::Stale { events: 16, lasting: Duration::from_millis(600) }),
    ];
    let run = |nth, (name, restart)| Planned { restart, ..Planned::new(name, nth, at(nth, WatchFault::Crash)) };
    (1..=calm.events).flat_map(|nth| ages.map(|age| run(nth, age))).collect()
}

/// Overload and unavailability for a while, of everything and of writes alone; and watches that cannot be resumed.
fn bursts(calm: &Calm) -> Vec<Planned> {
    let burst = |first, pattern: Pattern, code| {
        FaultPlan::none().request(pattern, Nth::Between(first, first + BURST - 1), Fault::Answer(code))
    };
    let requests = (1..=calm.requests).step_by(BURST).flat_map(|nth| {
        [("burst of 429", 429), ("burst of 503", 503)]
            .map(|(name, code)| Planned::new(name, nth, burst(nth, Pattern::default(), code)))
    });
    let writes = (1..=calm.writes).map(|nth| {
        let plan = burst(nth, Pattern::writes(), 503);
        Planned::new("burst of 503 at writes", nth, plan)
    });
    let watches = Pattern { verb: Some(Verb::Watch), ..Pattern::default() };
    let gone = (1..=calm.watches).map(|nth| {
        let plan = FaultPlan::none().request(watches.clone(), Nth::Exactly(nth), Fault::Answer(410));
        Planned::new("watch answered by 410", nth, plan)
    });
    requests.chain(writes).chain(gone).collect()
}

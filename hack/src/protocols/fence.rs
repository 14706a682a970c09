//! The fencing protocol: operators pass the lead on through a Lease, and the ledger refuses those who have lost it.
//!
//! A leader may be held up between any two of its steps while others lead, and goes on as if nothing had happened. What
//! manages the Lease takes it in two writes, the holder first and the count of transitions some time later; a person may
//! delete the Lease. The product's own functions decide whether a term begins, which number it has, and whether a write
//! is admitted.

mod operator;
mod properties;

use stateright::{Model, Property};

use operator::{Operator, Stage};

use crate::protocols::Case;

/// A bug that is brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display)]
pub enum Bug {
    /// The number is the Lease's count of transitions at the time at which it is read, whoever holds it then.
    #[strum(to_string = "a leader takes its number from the Lease of its successor")]
    NumberOfAnother,
    /// Only who holds the Lease takes a number, but it is the count of transitions, which is written on its own.
    #[strum(to_string = "the count of transitions is the number")]
    Transitions,
    /// A Lease that was made a moment ago gives a number at once.
    #[strum(to_string = "a Lease made twice within one second gives two leaders the same number")]
    SameSecond,
    /// The ledger compares the number first and writes later.
    #[strum(to_string = "the number is compared outside of the write's transaction")]
    ComparedBefore,
}

/// How much may happen.
#[derive(Clone, Debug)]
pub struct Fencing {
    /// Operators.
    pub operators: usize,
    /// Times that the Lease is taken from somebody, or given back.
    pub takeovers: u8,
    /// Counts of transitions that are never written.
    pub lost: u8,
    /// Leases that are deleted.
    pub deletions: u8,
    /// Operators that end and begin anew.
    pub crashes: u8,
    /// Seconds that pass.
    pub seconds: u64,
    /// The bug that is brought back.
    pub bug: Option<Bug>,
}

/// The Lease.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Lease {
    uid: u8,
    created: u64,
    holder: Option<usize>,
    transitions: u64,
    term: u64,
    version: u8,
}

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    now: u64,
    lease: Option<Lease>,
    leases: u8,
    operators: Vec<Operator>,
    /// Times that somebody became holder.
    reigns: u8,
    /// The numbers that reigns have had.
    numbers: Vec<(u8, u64)>,
    /// The number that the ledger remembers.
    newest: Option<u64>,
    /// The newest reign that has written.
    written: u8,
    /// A reign has written after a later one.
    broken: bool,
    takeovers: u8,
    lost: u8,
    deletions: u8,
    crashes: u8,
}

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A second passes.
    Second,
    /// A person deletes the Lease.
    Delete,
    /// An operator makes the Lease.
    Make(usize),
    /// An operator takes the Lease from one that is not heard of.
    TakeAway(usize),
    /// An operator becomes holder of a Lease that nobody holds.
    Hold(usize),
    /// It writes the count of transitions that it had read before that, plus one.
    Count(usize),
    /// That write is lost, and it believes to lead all the same.
    CountLost(usize),
    /// It reads the Lease for its number.
    Read(usize),
    /// It writes its term, if the Lease is the one that was read.
    Begin(usize),
    /// It writes to the ledger.
    Write(usize),
    /// Its number is compared, and what it wrote is kept later.
    Compare(usize),
    /// It hears that it has lost the lead, or gives it back, and waits again.
    Stop(usize),
    /// It ends while it holds the Lease, or believes so.
    Crash(usize),
    /// It begins anew, and finds that it holds the Lease.
    Resume(usize),
}

impl Fencing {
    /// Two operators, four changes of the lead, a crash.
    pub fn new() -> Self {
        Self { operators: 2, takeovers: 3, lost: 1, deletions: 1, crashes: 1, seconds: 2, bug: None }
    }
}

/// The models of the fencing protocol.
pub fn cases() -> Vec<Case> {
    let all = "2 operators, 3 takeovers, a crash, a lost count, a deleted Lease, 3 seconds";
    let some = "2 operators, 2 takeovers, a crash, a lost count, a deleted Lease, 2 seconds";
    let small = Fencing { takeovers: 2, seconds: 1, ..Fencing::new() };
    let mut cases = vec![Case::new("fencing", all, Fencing::new()).large(), Case::new("fencing", some, small.clone())];
    let bugs = [
        (Bug::NumberOfAnother, properties::IN_ORDER),
        (Bug::Transitions, properties::IN_ORDER),
        (Bug::SameSecond, properties::HIGHER),
        (Bug::ComparedBefore, properties::IN_ORDER),
    ];
    cases.extend(bugs.map(|(bug, forbids)| {
        let model = Fencing { bug: Some(bug), ..small.clone() };
        Case::new("fencing", some, model).with(bug.to_string(), forbids)
    }));
    cases
}

impl Model for Fencing {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            now: 1,
            lease: None,
            leases: 0,
            operators: vec![Operator::default(); self.operators],
            reigns: 0,
            numbers: Vec::new(),
            newest: None,
            written: 0,
            broken: false,
            takeovers: self.takeovers,
            lost: self.lost,
            deletions: self.deletions,
            crashes: self.crashes,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        steps.extend((state.now <= self.seconds).then_some(Step::Second));
        steps.extend((state.deletions > 0 && state.lease.is_some()).then_some(Step::Delete));
        for (index, operator) in state.operators.iter().enumerate() {
            let holder = state.lease.as_ref().map(|lease| lease.holder);
            let takes = state.takeovers > 0 && holder.flatten().is_some_and(|holder| holder != index);
            match operator.stage {
                Stage::Waiting => {
                    steps.extend(holder.is_none().then_some(Step::Make(index)));
                    steps.extend((holder == Some(None)).then_some(Step::Hold(index)));
                    steps.extend((holder == Some(Some(index))).then_some(Step::Resume(index)));
                    steps.extend(takes.then_some(Step::TakeAway(index)));
                }
                Stage::Counting(_) => {
                    steps.push(Step::Count(index));
                    steps.extend((state.lost > 0).then_some(Step::CountLost(index)));
                }
                Stage::Reading { .. } => steps.push(Step::Read(index)),
                Stage::Beginning { .. } => steps.push(Step::Begin(index)),
                Stage::Leading(_) if self.bug == Some(Bug::ComparedBefore) => steps.push(Step::Compare(index)),
                Stage::Leading(_) | Stage::Compared(_) => steps.push(Step::Write(index)),
            }
            if operator.stage != Stage::Waiting {
                let gives_back = holder != Some(Some(index)) || state.takeovers > 0;
                steps.extend(gives_back.then_some(Step::Stop(index)));
                steps.extend((state.crashes > 0).then_some(Step::Crash(index)));
            }
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let mut next = last.clone();
        self.step(&mut next, step);
        (next != *last).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}

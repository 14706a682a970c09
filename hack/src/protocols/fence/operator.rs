//! What an operator does for the lead, and with it.

use genesis_ledger::admits;
use genesis_operator::leadership::{Seat, Standing, number, standing};

use super::{Bug, Fencing, Lease, State, Step};

/// How far an operator is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Stage {
    /// It waits for the Lease.
    #[default]
    Waiting,
    /// It holds the Lease, and has this count of transitions to write.
    Counting(u64),
    /// It believes to lead and needs a number. With the Lease that it found, and when, where that was too young.
    Reading { seen: Option<(u8, u64)> },
    /// It has read this version of a Lease, and its term is to begin.
    Beginning { uid: u8, version: u8, term: u64 },
    /// It leads, with this number.
    Leading(u64),
    /// As before; its number was compared.
    Compared(u64),
}

/// An operator.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Operator {
    pub(super) stage: Stage,
    /// Which of all that ever held the Lease it is.
    pub(super) reign: u8,
}

impl Fencing {
    pub(super) fn step(&self, state: &mut State, step: Step) {
        match step {
            Step::Second => state.now += 1,
            Step::Delete => {
                state.lease = None;
                state.deletions -= 1;
            }
            Step::Make(_) => {
                state.leases += 1;
                let (uid, created) = (state.leases, state.now);
                state.lease = Some(Lease { uid, created, holder: None, transitions: 0, term: 0, version: 0 });
            }
            Step::TakeAway(_) => {
                change(state, |lease| lease.holder = None);
                state.takeovers -= 1;
            }
            Step::Hold(index) => {
                state.reigns += 1;
                let transitions = state.lease.as_ref().map_or(0, |lease| lease.transitions);
                change(state, |lease| lease.holder = Some(index));
                state.operators[index] = Operator { stage: Stage::Counting(transitions + 1), reign: state.reigns };
            }
            Step::Count(index) => {
                let Stage::Counting(transitions) = state.operators[index].stage else { return };
                // No version is compared: the Lease may have changed hands in between.
                change(state, |lease| lease.transitions = transitions);
                state.operators[index].stage = Stage::Reading { seen: None };
            }
            Step::CountLost(index) => {
                state.operators[index].stage = Stage::Reading { seen: None };
                state.lost -= 1;
            }
            Step::Read(index) => self.read(state, index),
            Step::Begin(index) => begin(state, index),
            Step::Compare(index) => {
                let Stage::Leading(number) = state.operators[index].stage else { return };
                if admits(state.newest, number).is_ok() {
                    state.operators[index].stage = Stage::Compared(number);
                }
            }
            Step::Write(index) => write(state, index),
            Step::Resume(index) => {
                state.reigns += 1;
                state.operators[index] = Operator { stage: Stage::Reading { seen: None }, reign: state.reigns };
            }
            Step::Stop(index) => {
                if state.lease.as_ref().is_some_and(|lease| lease.holder == Some(index)) {
                    change(state, |lease| lease.holder = None);
                    state.takeovers -= 1;
                }
                state.operators[index] = Operator::default();
            }
            Step::Crash(index) => {
                state.operators[index] = Operator::default();
                state.crashes -= 1;
            }
        }
    }

    fn read(&self, state: &mut State, index: usize) {
        let Some(lease) = state.lease.clone() else {
            state.operators[index].stage = Stage::Waiting;
            return;
        };
        let seat = Seat {
            holder: lease.holder.map(|holder| holder.to_string()),
            created: lease.created,
            transitions: lease.transitions,
            term: lease.term,
        };
        let Stage::Reading { seen } = state.operators[index].stage else { return };
        let mut aged = seen.is_some_and(|(uid, at)| uid == lease.uid && state.now > at);
        match self.bug {
            Some(Bug::NumberOfAnother) => return lead(state, index, number(seat.created, seat.transitions)),
            Some(Bug::Transitions) if lease.holder == Some(index) => {
                return lead(state, index, number(seat.created, seat.transitions));
            }
            Some(Bug::SameSecond) => aged = true,
            Some(Bug::ComparedBefore | Bug::Transitions) | None => {}
        }
        state.operators[index].stage = match standing(&seat, &index.to_string(), aged) {
            Standing::Lost => Stage::Waiting,
            Standing::Fresh if seen.is_some_and(|(uid, _)| uid == lease.uid) => return,
            Standing::Fresh => Stage::Reading { seen: Some((lease.uid, state.now)) },
            Standing::Begins(term) => Stage::Beginning { uid: lease.uid, version: lease.version, term },
        };
    }
}

/// Compare and swap: the term is written only into the Lease that was read.
fn begin(state: &mut State, index: usize) {
    let Stage::Beginning { uid, version, term } = state.operators[index].stage else { return };
    match state.lease.clone().filter(|lease| lease.uid == uid && lease.version == version) {
        Some(lease) => {
            change(state, |lease| lease.term = term);
            lead(state, index, number(lease.created, term));
        }
        None => state.operators[index].stage = Stage::Reading { seen: None },
    }
}

fn lead(state: &mut State, index: usize, number: u64) {
    let reign = state.operators[index].reign;
    state.operators[index].stage = Stage::Leading(number);
    state.numbers.push((reign, number));
    state.numbers.sort_unstable();
    state.numbers.dedup();
}

/// One transaction: compare, remember, write.
fn write(state: &mut State, index: usize) {
    let Operator { stage, reign } = state.operators[index].clone();
    let admitted = match stage {
        Stage::Leading(number) => admits(state.newest, number),
        Stage::Compared(number) => Ok(state.newest.unwrap_or(0).max(number)),
        _ => return,
    };
    let Ok(newest) = admitted else { return };
    state.newest = Some(newest);
    state.broken |= reign < state.written;
    state.written = state.written.max(reign);
    if let Stage::Compared(number) = stage {
        state.operators[index].stage = Stage::Leading(number);
    }
}

fn change(state: &mut State, edit: impl FnOnce(&mut Lease)) {
    if let Some(lease) = &mut state.lease {
        edit(lease);
        lease.version += 1;
    }
}

//! The models of the fencing protocol: how much may happen in each, and which bug is in it.

use super::{Bug, Fencing, properties};
use crate::protocols::Case;

/// The models of the fencing protocol.
pub fn cases() -> Vec<Case> {
    let all = "2 operators, 3 takeovers, a crash, a lost count, a deleted Lease, 3 seconds";
    let some = "2 operators, 2 takeovers, a crash, a lost count, a deleted Lease, 2 seconds";
    let small = Fencing { takeovers: 2, seconds: 1, ..Fencing::default() };
    let mut cases =
        vec![Case::new("fencing", all, Fencing::default()).large(), Case::new("fencing", some, small.clone())];
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

//! The models of the claim protocol: how much may happen in each, and which bug is in it.

use super::{Bug, Claims, properties};
use crate::protocols::Case;
use crate::protocols::calm::Calm;

/// The models of the claim protocol.
pub fn cases() -> Vec<Case> {
    let full = Claims::default();
    let all = "2 controllers, 3 claims one of which comes later, an end, a crash, a stale read";
    let lost =
        Claims { wanted: vec![1, 1], crashes: 0, stale: 0, ends: 0, late: 0, lost: 1, failures: 1, ..full.clone() };
    let pair = Claims { wanted: vec![2], late: 0, controllers: 1, lost: 1, ..full.clone() };
    let two = Claims { wanted: vec![1, 1], ..full.clone() };
    let both = "2 controllers, 2 claims, an end, a crash, a stale read";
    let small = Claims { late: 0, ..two.clone() };
    let mut cases = vec![
        case(all, full, None).large(),
        case("2 controllers, 2 claims one of which comes later, an end, a crash, a stale read", two, None).large(),
        case(both, small.clone(), None),
        case("2 controllers, 2 claims, a lost answer, a failed pod", lost, None),
        case("1 controller, a claim of 2 pods, an end, a crash, a stale read, a lost answer", pair, None),
    ];
    let bugs = [
        (Bug::TwoPodsForOneClaim, properties::NO_MORE_THAN_WANTED),
        (Bug::OverCreation, properties::NO_MORE_THAN_PLACES),
        (Bug::AbandonedAdoption, properties::KNOWN),
        (Bug::UnseenIsGone, properties::KNOWN),
    ];
    cases.extend(bugs.map(|(bug, forbids)| case(both, small.clone(), Some(bug)).with(bug.to_string(), forbids)));
    cases
}

/// A new model each: what one knows of its states says nothing about another.
fn case(bounds: &'static str, model: Claims, bug: Option<Bug>) -> Case {
    Case::new("claim", bounds, Claims { bug, calm: Calm::default(), ..model })
}

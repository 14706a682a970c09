//! The models of the promotion protocol: how much may happen in each, and which bug is in it.

use super::{Bug, Promotion, properties};
use crate::protocols::Case;
use crate::protocols::calm::Calm;

/// The models of the promotion protocol.
pub fn cases() -> Vec<Case> {
    let one = Promotion::default();
    let abort = Promotion { aborts: 1, ..one.clone() };
    let pin = Promotion { pins: 1, ..one.clone() };
    let earned = properties::EARNED;
    vec![
        case("2 operators, a crash, a pin", Promotion { crashes: 1, ..pin.clone() }).large(),
        case("2 operators, a pin", pin.clone()),
        case("2 operators, harm, a restarted pod", Promotion { harm: true, restarts: 1, ..one.clone() }).large(),
        case("2 operators, harm", Promotion { harm: true, ..one.clone() }),
        case("2 operators, an abort, a crash", Promotion { crashes: 1, ..abort.clone() }),
        case("2 operators, a newer candidate", Promotion { newer: 1, ..one.clone() }).large(),
        case(
            "1 operator, a newer candidate, an abort, a pin, a crash, harm, a restarted pod",
            Promotion { operators: 1, newer: 1, aborts: 1, pins: 1, crashes: 1, restarts: 1, harm: true, ..one },
        )
        .large(),
        seeded("2 operators, an abort", abort, Bug::RolloutOverwritten, earned),
        seeded("2 operators, a pin", pin, Bug::ChampionOverwritten, earned),
    ]
}

fn seeded(bounds: &'static str, model: Promotion, bug: Bug, forbids: &'static str) -> Case {
    case(bounds, Promotion { bug: Some(bug), ..model }).with(bug.to_string(), forbids)
}

/// A new model each: what one knows of its states says nothing about another.
fn case(bounds: &'static str, model: Promotion) -> Case {
    Case::new("promotion", bounds, Promotion { calm: Calm::default(), aborted: Default::default(), ..model })
}

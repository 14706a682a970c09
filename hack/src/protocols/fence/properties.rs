//! What must hold in every state.

use stateright::Property;

use super::operator::Stage;
use super::{Fencing, State};

pub(super) const IN_ORDER: &str = "nobody writes after a later leader has written";
pub(super) const HIGHER: &str = "every leader has a higher number than all before";

pub(super) fn all() -> Vec<Property<Fencing>> {
    vec![
        Property::<Fencing>::always(IN_ORDER, |_, state| !state.broken),
        Property::<Fencing>::always(HIGHER, |_, state| state.numbers.windows(2).all(|pair| pair[0].1 < pair[1].1)),
        Property::<Fencing>::always("who leads may write", |_, state| leader_is_admitted(state)),
        Property::<Fencing>::sometimes("a former leader is refused", |_, state| {
            let behind = |stage: &Stage| matches!(stage, Stage::Leading(number) if state.newest > Some(*number));
            state.operators.iter().any(|operator| behind(&operator.stage))
        }),
        Property::<Fencing>::sometimes("three lead one after the other", |_, state| state.numbers.len() >= 3),
    ]
}

/// The number of one that holds the Lease, and has begun its term, is not behind what was written.
fn leader_is_admitted(state: &State) -> bool {
    let Some(holder) = state.lease.as_ref().and_then(|lease| lease.holder) else { return true };
    let operator = &state.operators[holder];
    let Stage::Leading(number) = operator.stage else { return true };
    operator.reign != state.reigns || state.newest.is_none_or(|newest| newest <= number)
}

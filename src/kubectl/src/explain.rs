//! Why the operator decided as it did: the chain it went through, in its order, with the numbers of the status.

mod evaluation;
mod model;
mod rollout;
mod training_run;

pub use evaluation::evaluation;
pub use model::model;
pub use rollout::rollout;
pub use training_run::training_run;

use crate::report::Check;

/// Cuts the chain after the first check that is not satisfied: what follows was never asked.
fn until_violated(checks: Vec<Check>) -> Vec<Check> {
    let mut decided = false;
    let cut = |check: Check| {
        let check = if decided { Check::unasked(&check.name) } else { check };
        decided |= check.sign.is_some_and(|sign| sign != crate::sign::Sign::Good);
        check
    };
    checks.into_iter().map(cut).collect()
}

#[cfg(test)]
mod tests;

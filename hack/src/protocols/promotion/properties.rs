//! What must hold in every state, and to which end every state comes once nothing happens any more.

use genesis_api::rollout::CompletionStatus;
use stateright::Property;

use super::world::PINNED;
use super::{Promotion, State, Step};

pub(super) const EARNED: &str = "a champion has earned it, and what has ended stays";

pub(super) fn all() -> Vec<Property<Promotion>> {
    vec![
        Property::<Promotion>::always(EARNED, |_, state| state.world.broken.is_none()),
        Property::<Promotion>::always("one candidate takes traffic", |_, state| state.world.taking().count() <= 1),
        Property::<Promotion>::always("the weights add up to 100", |_, state| {
            let statuses = state.world.rollouts.iter().filter_map(super::world::OneRollout::status);
            statuses.into_iter().all(|status| status.weights.canary + status.weights.stable == 100)
        }),
        Property::<Promotion>::always("a candidate that hurt is unlearned before its end", |_, state| {
            let mut rollouts = state.world.rollouts.iter().enumerate();
            rollouts.all(|(index, rollout)| {
                rollout.completion() != Some(CompletionStatus::RolledBack) || state.world.reverted.contains(&index)
            })
        }),
        Property::<Promotion>::always(
            "every Rollout ends, and the gateway routes to the champion alone",
            |model, state| model.calm.comes_right(state, |state| model.calm_step(state), is_right),
        ),
        Property::<Promotion>::always("who aborts before the end is decided gets it", |model, state| {
            model.abort_comes(state)
        }),
        Property::<Promotion>::sometimes("a candidate is promoted", |_, state| state.world.champion == Some(0)),
    ]
}

impl Promotion {
    /// The one thing that happens next: the gateway takes over what is written, and the first operator looks at each
    /// object in turn.
    fn calm_step(&self, state: &State) -> Option<State> {
        if let Some((index, task)) = state.operators.iter().enumerate().find_map(|(i, task)| Some((i, task.as_ref()?)))
        {
            return Some(self.step(state, task.next(index)));
        }
        let routed = self.step(state, Step::Route);
        if routed != *state {
            return Some(routed);
        }
        let rollouts = (0..state.world.rollouts.len()).map(|rollout| Step::ReadRollout(0, rollout));
        // Whoever would change something goes first.
        rollouts.chain([Step::ReadModel(0)]).find_map(|read| {
            let mut next = self.step(state, read);
            for step in [Step::Decide(0), Step::Act(0), Step::Write(0)] {
                next = self.step(&next, step);
            }
            (next != *state).then_some(next)
        })
    }

    /// An abort at this moment comes to pass: no Rollout whose end was open is promoted after it.
    fn abort_comes(&self, state: &State) -> bool {
        let open = state.world.rollouts.iter().position(|rollout| rollout.ending().is_none() && !rollout.aborted);
        let open = open.filter(|index| state.world.champion != Some(*index));
        let Some((index, known)) = open.and_then(|index| Some((index, self.aborted.get(index)?))) else { return true };
        if state.operators.iter().any(Option::is_some) {
            // What was decided before may still be written; the state after that is looked at too.
            return true;
        }
        let mut aborted = state.clone();
        aborted.world.rollouts[index].aborted = true;
        let gave_up = move |end: &State| {
            end.world.rollouts[index].completion().is_some_and(|end| end != CompletionStatus::Promoted)
        };
        known.comes_right(&aborted, |state| self.calm_step(state), gave_up)
    }
}

fn is_right(state: &State) -> bool {
    let world = &state.world;
    let ended = world.rollouts.iter().all(|rollout| rollout.completion().is_some());
    let pinned = !world.pinned || world.champion == Some(PINNED);
    ended && pinned && world.routed == (world.champion, None)
}

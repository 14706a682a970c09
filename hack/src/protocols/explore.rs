//! Tries every order of steps of a model.

use std::fmt::Debug;
use std::hash::Hash;
use std::time::Instant;

use serde::Serialize;
use stateright::{Checker, Expectation, HasDiscoveries, Model};

/// What came of it.
#[derive(Clone, Debug, Serialize)]
pub struct Explored {
    /// States that are different.
    pub states: usize,
    /// Steps that were taken, those to known states included.
    pub steps: usize,
    /// Longest way to a state.
    pub depth: usize,
    /// Every state that can be reached was seen.
    pub complete: bool,
    /// The properties, and what was found of each.
    pub properties: Vec<Found>,
    /// Wall time.
    pub seconds: f64,
}

/// What was found of a property.
#[derive(Clone, Debug, Serialize)]
pub struct Found {
    /// The property.
    pub name: &'static str,
    /// It holds in every state; one that is only to be possible is.
    pub holds: bool,
    /// The steps to a state in which it does not; where it is only to be possible, to one in which it does.
    pub steps: Vec<String>,
}

impl Explored {
    /// The properties that do not hold.
    pub fn broken(&self) -> impl Iterator<Item = &Found> {
        self.properties.iter().filter(|property| !property.holds)
    }
}

/// Explores a model: all of it, or with a bug in it until the property is found broken that forbids the bug.
pub fn explore<M>(model: M, forbids: Option<&'static str>) -> Explored
where
    M: Model + Send + Sync + 'static,
    M::State: Clone + Debug + Hash + PartialEq + Send + Sync + 'static,
    M::Action: Clone + Debug + PartialEq + Send + Sync,
{
    let clock = Instant::now();
    let until = forbids.map_or(HasDiscoveries::All, |name| HasDiscoveries::AllOf([name].into()));
    let checker = model.checker().threads(2).finish_when(until).spawn_bfs().join();
    let mut discoveries = checker.discoveries();
    let properties = checker.model().properties();
    let found = properties.into_iter().map(|property| {
        let path = discoveries.remove(property.name);
        let holds = path.is_some() == (property.expectation == Expectation::Sometimes);
        let steps = path.map(|path| path.into_actions().iter().map(|action| format!("{action:?}")).collect());
        Found { name: property.name, holds, steps: steps.unwrap_or_default() }
    });
    Explored {
        properties: found.collect(),
        states: checker.unique_state_count(),
        steps: checker.state_count(),
        depth: checker.max_depth(),
        complete: forbids.is_none() && checker.is_done(),
        seconds: clock.elapsed().as_secs_f64(),
    }
}

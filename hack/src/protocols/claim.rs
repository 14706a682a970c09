//! The claim protocol: two controllers hand the pods of one pool to three claims.
//!
//! Every write is a step of its own, and every order of steps is tried: a controller may be held up between any two of
//! its writes, decide on an old view, end and begin anew, and never hear of what became of a write.

mod controller;
mod properties;
mod server;

use std::sync::Arc;

use stateright::{Model, Property};

use genesis_operator::warm_pool::{Owner, Phase, Pod};

use controller::Controller;
pub use controller::{Bug, Old};
use server::Server;

use crate::protocols::Case;
use crate::protocols::calm::{Calm, hash};

/// How much may happen.
#[derive(Clone, Debug)]
pub struct Claims {
    /// Pods that wait ready.
    pub size: usize,
    /// Pods that each claim wants.
    pub wanted: Vec<usize>,
    /// The claims that come later.
    pub late: usize,
    /// Controllers.
    pub controllers: usize,
    /// Controllers that end and begin anew.
    pub crashes: u8,
    /// Decisions on an old view.
    pub stale: u8,
    /// Answers that are lost.
    pub lost: u8,
    /// Claims that end.
    pub ends: u8,
    /// Pods that fail.
    pub failures: u8,
    /// The bug that is brought back.
    pub bug: Option<Bug>,
    calm: Calm,
}

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    server: Arc<Server>,
    controllers: Vec<Controller>,
    crashes: u8,
    stale: u8,
    lost: u8,
    ends: u8,
    failures: u8,
}

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// A controller looks and decides.
    Look(usize),
    /// A controller decides while something of what its cache shows is old.
    LookAtOldView(usize, Old),
    /// A controller does its next write.
    Write(usize),
    /// A controller does its next write and does not hear of it.
    WriteUnheard(usize),
    /// A controller ends and begins anew.
    Crash(usize),
    /// A claim comes.
    Arrive,
    /// A claim ends.
    End(usize),
    /// A pod fails.
    Fail(usize),
    /// A pod that was being terminated is gone.
    Gone(usize),
}

impl Claims {
    /// Two controllers, three claims, a crash, a stale read, a lost answer.
    pub fn new() -> Self {
        Self {
            size: 1,
            wanted: vec![1, 1, 1],
            late: 1,
            controllers: 2,
            crashes: 1,
            stale: 1,
            lost: 0,
            ends: 1,
            failures: 0,
            bug: None,
            calm: Calm::default(),
        }
    }

    /// Controllers are alike: which is which tells two states not apart.
    fn step(&self, last: &State, step: Step) -> State {
        let mut next = self.stepped(last, step);
        next.controllers.sort_by_cached_key(hash);
        next
    }

    fn stepped(&self, last: &State, step: Step) -> State {
        let mut next = last.clone();
        match step {
            Step::Look(index) => next.controllers[index].look(&last.server, self.size, self.bug),
            Step::LookAtOldView(index, old) => {
                next.controllers[index].look_at_old(old, &last.server, self.size, self.bug);
                next.stale -= 1;
            }
            Step::Write(index) => next.controllers[index].write(Arc::make_mut(&mut next.server), self.bug, false),
            Step::WriteUnheard(index) => {
                next.controllers[index].write(Arc::make_mut(&mut next.server), self.bug, true);
                next.lost -= 1;
            }
            Step::Crash(index) => {
                next.controllers[index].crash();
                next.crashes -= 1;
            }
            Step::Arrive => {
                let wanted = self.wanted.get(last.server.claims.len()).copied().unwrap_or_default();
                Arc::make_mut(&mut next.server).arrive(wanted);
            }
            Step::End(index) => {
                Arc::make_mut(&mut next.server).end(index);
                next.ends -= 1;
            }
            Step::Fail(index) => {
                Arc::make_mut(&mut next.server).fail(index);
                next.failures -= 1;
            }
            Step::Gone(index) => Arc::make_mut(&mut next.server).forget(index),
        }
        next
    }
}

/// The models of the claim protocol.
pub fn cases() -> Vec<Case> {
    let full = Claims::new();
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

impl Model for Claims {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            server: Arc::new(Server::new(&self.wanted[..self.wanted.len() - self.late])),
            controllers: vec![Controller::default(); self.controllers],
            crashes: self.crashes,
            stale: self.stale,
            lost: self.lost,
            ends: self.ends,
            failures: self.failures,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for (index, controller) in state.controllers.iter().enumerate() {
            if controller.pending.is_empty() {
                steps.push(Step::Look(index));
                if state.stale > 0 && controller.view.as_ref().is_some_and(|view| *view != state.server.view()) {
                    steps.extend([Old::Both, Old::Pods, Old::Claims].map(|old| Step::LookAtOldView(index, old)));
                }
            } else {
                steps.push(Step::Write(index));
                steps.extend((state.lost > 0).then_some(Step::WriteUnheard(index)));
            }
            steps.extend((state.crashes > 0 && controller.view.is_some()).then_some(Step::Crash(index)));
        }
        steps.extend((state.server.claims.len() < self.wanted.len()).then_some(Step::Arrive));
        let claims = state.server.claims.iter().enumerate().filter(|(_, claim)| state.ends > 0 && !claim.over);
        steps.extend(claims.map(|(index, _)| Step::End(index)));
        let fails = |pod: &Pod| state.failures > 0 && pod.phase == Phase::Ready && !pod.deleted && is_ours(pod);
        for (index, pod) in state.server.pods.iter().enumerate() {
            steps.extend(pod.deleted.then_some(Step::Gone(index)));
            steps.extend(fails(pod).then_some(Step::Fail(index)));
        }
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let next = self.step(last, step);
        (next != *last).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }

    fn within_boundary(&self, state: &State) -> bool {
        // Only a bug makes more pods than this, and has been seen by then.
        state.server.pods.len() <= 2 + self.size + self.wanted.iter().sum::<usize>()
    }
}

fn is_ours(pod: &Pod) -> bool {
    matches!(&pod.owner, Owner::Pool(uid) if uid == server::POOL) || matches!(pod.owner, Owner::Claim(_))
}

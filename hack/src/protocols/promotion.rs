//! The promotion protocol: two operators bring candidates live step by step, and hand the champion over.
//!
//! The decisions are the product's own. An operator reads its object, later everything else, does what it decided, and
//! later still writes the status; in between the other one does the same, people abort and pin, the gateway takes routes
//! over, pods lose what they had loaded, and clients like the candidate or do not.

mod operator;
mod properties;
mod world;

use std::sync::Arc;

use stateright::{Model, Property};

use crate::protocols::Case;
use crate::protocols::calm::Calm;
use operator::Task;
use world::{Template, World};

/// A bug that is brought back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, strum::Display)]
pub enum Bug {
    /// kubernetes-sigs/agent-sandbox #1256: a status is written over a newer one.
    #[strum(to_string = "agent-sandbox #1256: a Rollout's status is written without compare and swap")]
    RolloutOverwritten,
    /// The same for the model.
    #[strum(to_string = "the champion is written without compare and swap")]
    ChampionOverwritten,
}

/// How much may happen.
#[derive(Clone, Debug)]
pub struct Promotion {
    /// Operators that act: one that leads, and one that has lost the lead and does not know.
    pub operators: usize,
    /// Operators that end and begin anew.
    pub crashes: u8,
    /// Rollouts that a person creates beside the first one.
    pub newer: u8,
    /// Aborts by a person.
    pub aborts: u8,
    /// Pins of another adapter.
    pub pins: u8,
    /// Pods that lose what they have loaded.
    pub restarts: u8,
    /// Clients may find the candidate worse.
    pub harm: bool,
    /// The bug that is brought back.
    pub bug: Option<Bug>,
    template: Arc<Template>,
    calm: Calm,
    /// The same after a person has aborted the Rollout with this index.
    aborted: [Calm; 2],
}

/// Everything at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    world: World,
    operators: Vec<Option<Task>>,
    crashes: u8,
    newer: u8,
    aborts: u8,
    pins: u8,
    restarts: u8,
}

/// What can happen next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// An operator reads the model.
    ReadModel(usize),
    /// An operator reads a Rollout.
    ReadRollout(usize, usize),
    /// It reads the rest, and decides.
    Decide(usize),
    /// It does what it decided.
    Act(usize),
    /// It writes the status.
    Write(usize),
    /// It ends and begins anew.
    Crash(usize),
    /// The gateway takes over what is written.
    Route,
    /// Clients use the candidate that takes traffic.
    Traffic(bool),
    /// A person rolls another candidate out.
    Create,
    /// A person aborts a Rollout.
    Abort(usize),
    /// A person pins an adapter that is no candidate.
    Pin,
    /// The serving pod starts again.
    Restart,
}

impl Promotion {
    /// Two operators and one Rollout.
    pub fn new() -> Self {
        Self {
            operators: 2,
            crashes: 0,
            newer: 0,
            aborts: 0,
            pins: 0,
            restarts: 0,
            harm: false,
            bug: None,
            template: Arc::new(Template::new()),
            calm: Calm::default(),
            aborted: Default::default(),
        }
    }

    fn step(&self, last: &State, step: Step) -> State {
        let mut next = last.clone();
        match step {
            Step::ReadModel(index) => next.operators[index] = Some(Task::of_model(&next.world)),
            Step::ReadRollout(index, rollout) => next.operators[index] = Some(Task::of_rollout(&next.world, rollout)),
            Step::Decide(index) => {
                if let Some(task) = &mut next.operators[index] {
                    task.decide(&next.world, &self.template);
                }
            }
            Step::Act(index) => {
                if let Some(task) = &mut next.operators[index] {
                    task.act(&mut next.world);
                }
            }
            Step::Write(index) => {
                if let Some(task) = next.operators[index].take() {
                    let changed = task.write(&mut next.world, self.bug);
                    changed.into_iter().for_each(|target| next.outdate(target));
                }
            }
            Step::Crash(index) => {
                next.operators[index] = None;
                next.crashes -= 1;
            }
            Step::Route => next.world.route(),
            Step::Traffic(harm) => next.world.harmed = harm,
            Step::Create => {
                next.world.create();
                next.newer -= 1;
            }
            Step::Abort(rollout) => {
                next.world.rollouts[rollout].aborted = true;
                next.outdate(Some(rollout));
                next.aborts -= 1;
            }
            Step::Pin => {
                next.world.pinned = true;
                next.outdate(None);
                next.pins -= 1;
            }
            Step::Restart => {
                next.world.loaded.clear();
                next.restarts -= 1;
            }
        }
        next
    }
}

/// The models of the promotion protocol.
pub fn cases() -> Vec<Case> {
    let one = Promotion::new();
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

impl State {
    /// A Rollout, or the model, has changed: what was read of it before is old.
    fn outdate(&mut self, target: Option<usize>) {
        self.operators.iter_mut().flatten().filter(|task| task.target == target).for_each(|task| task.current = false);
    }
}

impl Model for Promotion {
    type State = State;
    type Action = Step;

    fn init_states(&self) -> Vec<State> {
        vec![State {
            world: World::new(),
            operators: vec![None; self.operators],
            crashes: self.crashes,
            newer: self.newer,
            aborts: self.aborts,
            pins: self.pins,
            restarts: self.restarts,
        }]
    }

    fn actions(&self, state: &State, steps: &mut Vec<Step>) {
        for (index, task) in state.operators.iter().enumerate() {
            match task {
                None => {
                    steps.push(Step::ReadModel(index));
                    steps.extend((0..state.world.rollouts.len()).map(|rollout| Step::ReadRollout(index, rollout)));
                }
                Some(task) => {
                    steps.push(task.next(index));
                    steps.extend((state.crashes > 0).then_some(Step::Crash(index)));
                }
            }
        }
        steps.push(Step::Route);
        steps.extend(
            (self.harm && !state.world.harmed && state.world.canary().is_some()).then_some(Step::Traffic(true)),
        );
        steps.extend((state.newer > 0).then_some(Step::Create));
        if state.aborts > 0 {
            steps.extend((0..state.world.rollouts.len()).map(Step::Abort));
        }
        steps.extend((state.pins > 0).then_some(Step::Pin));
        steps.extend((state.restarts > 0).then_some(Step::Restart));
    }

    fn next_state(&self, last: &State, step: Step) -> Option<State> {
        let next = self.step(last, step);
        (next != *last).then_some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all()
    }
}

//! Which objects there are.
//!
//! Every tenth object is a GenesisModel; the others are the turns of those models: a TrainingRun, an Evaluation and a
//! Rollout for each of three turns. The first turn was taken back, the second one promoted, the third one taken back,
//! except where it is under way or held (six models in twenty). What a turn that is under way does not have yet is made
//! by a person instead, and has ended, so that the numbers come out even.

use std::collections::BTreeMap;

/// The kinds of children, in the order of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display)]
pub(super) enum Kind {
    /// A training.
    TrainingRun,
    /// A judgement.
    Evaluation,
    /// A canary.
    Rollout,
}

/// How an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, strum::Display)]
pub(super) enum State {
    /// It has ended.
    #[strum(serialize = "finished")]
    Finished,
    /// It has not.
    #[strum(serialize = "active")]
    Active,
    /// A person holds it.
    #[strum(serialize = "held")]
    Held,
}

/// One child.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Child {
    /// Number of its model.
    pub model: usize,
    /// Its kind.
    pub kind: Kind,
    /// How it is.
    pub state: State,
    /// Its turn; nothing where a person made it.
    pub turn: Option<i64>,
    /// Its name.
    pub name: String,
}

/// All objects.
#[derive(Clone, Debug)]
pub(super) struct Mix {
    /// GenesisModels.
    pub models: usize,
    /// Namespaces.
    pub namespaces: usize,
    children: usize,
}

/// The place of the turn that is not over: its kind and state, by the number of the model.
fn open_turn(model: usize) -> Option<(Kind, State)> {
    match model % 20 {
        1 => Some((Kind::TrainingRun, State::Active)),
        2 => Some((Kind::Evaluation, State::Active)),
        3 => Some((Kind::Rollout, State::Active)),
        4 => Some((Kind::TrainingRun, State::Held)),
        5 => Some((Kind::Evaluation, State::Held)),
        6 => Some((Kind::Rollout, State::Held)),
        _ => None,
    }
}

impl Mix {
    /// So many objects in so many namespaces.
    pub(super) fn new(objects: usize, namespaces: usize) -> Self {
        let models = (objects / 10).max(1);
        Self { models, namespaces: namespaces.clamp(1, models), children: objects.saturating_sub(models) }
    }

    /// All objects.
    pub(super) fn total(&self) -> usize {
        self.models + self.children
    }

    /// Name of a model.
    pub(super) fn model(number: usize) -> String {
        format!("model-{number}")
    }

    /// Namespace of a model and its children.
    pub(super) fn namespace(&self, model: usize) -> String {
        format!("bench-{}", model % self.namespaces)
    }

    /// Whether the third turn of a model is over.
    pub(super) fn third_is_over(model: usize) -> bool {
        open_turn(model).is_none()
    }

    /// All children.
    pub(super) fn children(&self) -> impl Iterator<Item = Child> {
        (0..self.children).map(|number| child(number % self.models, number / self.models))
    }

    /// How many there are of each kind.
    pub(super) fn by_kind(&self) -> BTreeMap<String, usize> {
        let mut kinds = BTreeMap::from([("GenesisModel".to_owned(), self.models)]);
        for child in self.children() {
            *kinds.entry(child.kind.to_string()).or_default() += 1;
        }
        kinds
    }

    /// How many there are of each kind and state, in words.
    pub(super) fn counts(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::from([("GenesisModel".to_owned(), self.models)]);
        for child in self.children() {
            *counts.entry(format!("{} {}", child.kind, child.state)).or_default() += 1;
        }
        counts
    }
}

/// The child of a model at a place: three turns of three, then what a person made.
fn child(model: usize, place: usize) -> Child {
    let kind = [Kind::TrainingRun, Kind::Evaluation, Kind::Rollout][place % 3];
    let turn = i64::try_from(place / 3).unwrap_or(i64::MAX) + 1;
    let by_hand = |state| Child { model, kind, state, turn: None, name: format!("model-{model}-hand-{place}") };
    let of_turn = |state| Child { model, kind, state, turn: Some(turn), name: format!("model-{model}-r{turn}") };
    match open_turn(model) {
        _ if turn > 3 => by_hand(State::Finished),
        Some((open, state)) if turn == 3 && kind == open => of_turn(state),
        Some((open, _)) if turn == 3 && kind > open => by_hand(State::Finished),
        _ => of_turn(State::Finished),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_thousand_objects_are_as_many_as_they_say() {
        let mix = Mix::new(10_000, 10);
        assert_eq!((mix.models, mix.children().count(), mix.total()), (1_000, 9_000, 10_000));
        let counts = mix.counts();
        assert_eq!((counts["TrainingRun finished"], counts["Rollout active"]), (2_900, 50));
        assert_eq!(mix.by_kind()["Evaluation"], 3_000);
        let names: std::collections::BTreeSet<_> = mix.children().map(|child| (child.kind, child.name)).collect();
        assert_eq!(names.len(), 9_000, "no name is given twice");
    }

    #[test]
    fn a_turn_that_is_open_has_nothing_after_its_open_child() {
        let third: Vec<_> = (6..9).map(|place| child(2, place)).collect();
        assert_eq!(third[0].state, State::Finished);
        assert_eq!((third[1].state, third[1].turn), (State::Active, Some(3)));
        assert_eq!(third[2].turn, None);
    }
}

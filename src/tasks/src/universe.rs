//! The universe: the table of operations and every family it spans.

use std::collections::{BTreeMap, HashMap};

use genesis_core::task::Split;
use rand::Rng;
use rand::seq::IndexedRandom;

use crate::family::{Family, enumerate};
use crate::operation::{Operation, OperationsError, table};
use crate::value::ValueType;

/// How long families are, with weights.
pub type Lengths = [(usize, f64)];

/// Lengths of pre-training documents.
pub const DOCUMENT_LENGTHS: &Lengths = &[(1, 0.15), (2, 0.40), (3, 0.45)];
/// Lengths of tasks. One step alone is no composition, so it is no task.
pub const TASK_LENGTHS: &Lengths = &[(2, 0.45), (3, 0.55)];
/// How often a family takes each type of input.
const INPUT_WEIGHTS: [(ValueType, f64); 4] =
    [(ValueType::List, 0.45), (ValueType::Words, 0.25), (ValueType::Text, 0.15), (ValueType::Integer, 0.15)];

/// Operations, families, and what is needed to draw among them.
#[derive(Debug)]
pub struct Universe {
    operations: Vec<Operation>,
    families: Vec<Family>,
    by_id: HashMap<String, usize>,
    by_bucket: BTreeMap<(Split, ValueType, usize), Vec<usize>>,
    pretraining_by_operation: Vec<Vec<usize>>,
}

impl Universe {
    /// The universe of the table in this crate. It takes a few milliseconds; keep it.
    pub fn load() -> Result<Self, OperationsError> {
        Ok(Self::of(table()?))
    }

    fn of(operations: Vec<Operation>) -> Self {
        let families = enumerate(&operations);
        let mut by_bucket: BTreeMap<_, Vec<usize>> = BTreeMap::new();
        let mut pretraining_by_operation = vec![Vec::new(); operations.len()];
        for (position, family) in families.iter().enumerate() {
            by_bucket.entry((family.split, family.input, family.steps.len())).or_default().push(position);
            if family.split == Split::Pretraining {
                for &step in &family.steps {
                    pretraining_by_operation[step].push(position);
                }
            }
        }
        let by_id = families.iter().enumerate().map(|(position, family)| (family.id.clone(), position)).collect();
        Self { operations, families, by_id, by_bucket, pretraining_by_operation }
    }

    /// The table of operations.
    pub fn operations(&self) -> &[Operation] {
        &self.operations
    }

    /// Every family.
    pub fn families(&self) -> &[Family] {
        &self.families
    }

    /// The family of that id.
    pub fn family(&self, id: &str) -> Option<&Family> {
        self.by_id.get(id).map(|&position| &self.families[position])
    }

    /// Draws a family of a split: the type of its input and its length by weight, then evenly among those.
    /// `None` where the split has no family of the drawn type and length.
    pub fn draw(&self, split: Split, lengths: &Lengths, rng: &mut impl Rng) -> Option<&Family> {
        let input = weighted(&INPUT_WEIGHTS, rng)?;
        let length = weighted(lengths, rng)?;
        let position = self.by_bucket.get(&(split, input, length))?.choose(rng)?;
        Some(&self.families[*position])
    }

    /// Draws a pre-training family that shares an operation with `family`.
    pub fn draw_related(&self, family: &Family, rng: &mut impl Rng) -> Option<&Family> {
        let operation = family.steps.choose(rng)?;
        let position = self.pretraining_by_operation[*operation].choose(rng)?;
        Some(&self.families[*position])
    }
}

/// Draws an item with a chance in proportion to its weight.
fn weighted<T: Copy>(items: &[(T, f64)], rng: &mut impl Rng) -> Option<T> {
    items.choose_weighted(rng, |item| item.1).ok().map(|item| item.0)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn families_are_drawn_by_weight_from_their_split() {
        let universe = Universe::load().unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        let drawn: Vec<&Family> =
            (0..2_000).map(|_| universe.draw(Split::Sealed, TASK_LENGTHS, &mut rng).unwrap()).collect();
        assert!(drawn.iter().all(|family| family.split == Split::Sealed && family.steps.len() >= 2));
        let share = |matches: fn(&Family) -> bool| {
            drawn.iter().filter(|family| matches(family)).count() as f64 / drawn.len() as f64
        };
        assert!((share(|family| family.input == ValueType::List) - 0.45).abs() < 0.05);
        assert!((share(|family| family.steps.len() == 2) - 0.45).abs() < 0.05);
    }

    #[test]
    fn a_related_family_shares_an_operation_and_is_pretraining() {
        let universe = Universe::load().unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        for _ in 0..500 {
            let family = universe.draw(Split::Pretraining, DOCUMENT_LENGTHS, &mut rng).unwrap();
            let related = universe.draw_related(family, &mut rng).unwrap();
            assert_eq!(related.split, Split::Pretraining);
            assert!(related.steps.iter().any(|step| family.steps.contains(step)));
        }
    }

    #[test]
    fn a_family_is_found_by_its_id() {
        let universe = Universe::load().unwrap();
        let family = &universe.families()[4_321];
        assert_eq!(universe.family(&family.id), Some(family));
        assert_eq!(universe.family("L:nothing"), None);
    }
}

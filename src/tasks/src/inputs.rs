//! Candidate inputs: values on which a program's mistakes show.

use rand::Rng;
use rand::seq::IndexedRandom;

use crate::instance::Step;
use crate::value::{Value, ValueType};

/// How many candidate inputs a draft has.
pub const CANDIDATES: usize = 40;
/// A candidate that repeats an earlier one is drawn again at most this often.
const REDRAWS: usize = 20;

/// Words with repeats of letters, both cases, a palindrome, and one digit.
const WORDS: [&str; 20] = [
    "apple", "Tree", "stone", "a", "Iris", "toast", "rain", "ear", "Olive", "sun", "tin", "areas", "noon", "lentil",
    "x1", "Level", "eat", "ant", "roses", "on",
];
/// More tokens that occur only within texts.
const NUMERIC_TOKENS: [&str; 2] = ["42", "7b"];
/// Whole texts that read, or nearly read, the same backwards.
const PALINDROMES: [&str; 6] = ["noon", "level", "aba", "abcba", "22", "Anna"];

/// Draws distinct candidate inputs for a chain of steps. The first is empty (for an integer 1), the second a
/// single item (for an integer 0); the others hold duplicates and the neighbours of the steps' thresholds.
pub fn draw(input: ValueType, steps: &[Step<'_>], rng: &mut impl Rng) -> Vec<Value> {
    let boundaries: Vec<i64> = steps
        .iter()
        .flat_map(|step| [step.parameters.k, step.parameters.c, step.parameters.m])
        .flat_map(|constant| [constant - 1, constant, constant + 1])
        .collect();
    let mut values: Vec<Value> = Vec::with_capacity(CANDIDATES);
    for position in 0..CANDIDATES {
        let fresh =
            (0..REDRAWS).map(|_| draw_one(input, position, &boundaries, rng)).find(|value| !values.contains(value));
        values.extend(fresh);
    }
    values
}

fn draw_one(input: ValueType, position: usize, boundaries: &[i64], rng: &mut impl Rng) -> Value {
    match input {
        ValueType::List => Value::List(list(position, boundaries, rng)),
        ValueType::Words => Value::Words(words(position, rng)),
        ValueType::Text => Value::Text(text(position, rng)),
        // A truth value or a dict is never an input; an integer stands in to keep this total.
        ValueType::Integer | ValueType::Boolean | ValueType::Counts => {
            Value::Integer(integer(position, boundaries, rng))
        }
    }
}

fn list(position: usize, boundaries: &[i64], rng: &mut impl Rng) -> Vec<i64> {
    let mut pool: Vec<i64> = (-9..16).collect();
    pool.extend(boundaries.iter().chain(boundaries));
    pool.extend([0, 0]);
    let length = match position {
        0 => 0,
        1 => 1,
        _ => rng.random_range(2..=8),
    };
    let mut items: Vec<i64> = (0..length).map(|_| pool[rng.random_range(0..pool.len())]).collect();
    if length > 3 && rng.random_bool(0.6) {
        repeat_one(&mut items, rng);
    }
    items
}

fn words(position: usize, rng: &mut impl Rng) -> Vec<String> {
    let length = match position {
        0 => 0,
        1 => 1,
        _ => rng.random_range(2..=7),
    };
    let mut items: Vec<String> = (0..length).map(|_| WORDS[rng.random_range(0..WORDS.len())].to_owned()).collect();
    if length > 2 && rng.random_bool(0.5) {
        repeat_one(&mut items, rng);
    }
    items
}

fn text(position: usize, rng: &mut impl Rng) -> String {
    if position == 0 {
        return String::new();
    }
    if rng.random_bool(0.15) {
        return PALINDROMES.choose(rng).copied().unwrap_or_default().to_owned();
    }
    let tokens: Vec<&str> = WORDS.iter().chain(&NUMERIC_TOKENS).copied().collect();
    let gap = if rng.random_bool(0.3) { "  " } else { " " };
    let length = rng.random_range(1..=5);
    (0..length).map(|_| tokens[rng.random_range(0..tokens.len())]).collect::<Vec<_>>().join(gap)
}

fn integer(position: usize, boundaries: &[i64], rng: &mut impl Rng) -> i64 {
    match position {
        0 => 1,
        1 => 0,
        2 => 12,
        _ => match rng.random_range(0..3 + boundaries.len()) {
            0 => rng.random_range(1..=15),
            1 => rng.random_range(1..=60),
            2 => rng.random_range(1..=300),
            boundary => boundaries[boundary - 3],
        },
    }
}

/// Copies one item over another, so that duplicates are frequent.
fn repeat_one<T: Clone>(items: &mut [T], rng: &mut impl Rng) {
    let (from, to) = (rng.random_range(0..items.len()), rng.random_range(0..items.len()));
    items[to] = items[from].clone();
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;
    use crate::instance::Instance;
    use crate::universe::Universe;

    #[test]
    fn candidates_are_distinct_and_begin_with_the_edge_cases() {
        let universe = Universe::load().unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        for (family, first, second_length) in [("L:f_cmp>sum", "[]", 1), ("W:w_len>w_join", "[]", 1)] {
            let instance = Instance::draw(&universe, universe.family(family).unwrap(), &mut rng);
            let values = draw(instance.family.input, &instance.steps, &mut rng);
            assert_eq!(values[0].literal(), first);
            match &values[1] {
                Value::List(items) => assert_eq!(items.len(), second_length),
                Value::Words(items) => assert_eq!(items.len(), second_length),
                other => panic!("{other:?}"),
            }
            assert_eq!(values.iter().collect::<HashSet<_>>().len(), values.len());
            assert_eq!(values.len(), CANDIDATES);
        }
    }

    #[test]
    fn thresholds_have_their_neighbours_among_the_inputs() {
        let universe = Universe::load().unwrap();
        let mut rng = ChaCha8Rng::seed_from_u64(6);
        let instance = Instance::draw(&universe, universe.family("N:n_arith>n_cmp").unwrap(), &mut rng);
        let values = draw(ValueType::Integer, &instance.steps, &mut rng);
        let k = instance.steps[1].parameters.k;
        let near = values.iter().filter(|value| matches!(value, Value::Integer(n) if (k - 1..=k + 1).contains(n)));
        assert!(near.count() >= 2, "{values:?}");
    }
}

//! Parameters: the numbers, letters and separators that make instances of a family differ.

use rand::Rng;
use rand::seq::IndexedRandom;

/// Letters that `{a}` and `{b}` are drawn from: frequent ones, so that most inputs hold them.
const LETTERS: [char; 9] = ['a', 'e', 'i', 'o', 's', 't', 'r', 'n', 'l'];
/// Separators that `{j}` is drawn from.
const SEPARATORS: [&str; 5] = ["-", ", ", "+", "_", " "];

/// The values of a step's placeholders.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parameters {
    /// `{k}`, 1 to 12.
    pub k: i64,
    /// `{m}`, 2 to 6.
    pub m: i64,
    /// `{t}`, 1 to 4.
    pub t: i64,
    /// `{c}`, 4 to 12.
    pub c: i64,
    /// `{a}`.
    pub a: char,
    /// `{b}`, different from `{a}`.
    pub b: char,
    /// `{j}`.
    pub j: &'static str,
}

impl Parameters {
    /// Draws every parameter from its range.
    pub fn draw(rng: &mut impl Rng) -> Self {
        let first = rng.random_range(0..LETTERS.len());
        let second = (first + rng.random_range(1..LETTERS.len())) % LETTERS.len();
        Self {
            k: rng.random_range(1..=12),
            m: rng.random_range(2..=6),
            t: rng.random_range(1..=4),
            c: rng.random_range(4..=12),
            a: LETTERS[first],
            b: LETTERS[second],
            j: SEPARATORS.choose(rng).copied().unwrap_or(SEPARATORS[0]),
        }
    }

    /// The same parameters with every number moved by `delta`, but not under 1: an off-by-one error.
    #[must_use]
    pub fn moved_by(&self, delta: i64) -> Self {
        let moved = |number: i64| (number + delta).max(1);
        Self { k: moved(self.k), m: moved(self.m), t: moved(self.t), c: moved(self.c), ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    #[test]
    fn parameters_stay_in_their_ranges() {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        for _ in 0..1_000 {
            let drawn = Parameters::draw(&mut rng);
            assert!((1..=12).contains(&drawn.k) && (2..=6).contains(&drawn.m));
            assert!((1..=4).contains(&drawn.t) && (4..=12).contains(&drawn.c));
            assert_ne!(drawn.a, drawn.b);
            assert!(drawn.moved_by(-1).t >= 1);
        }
    }
}

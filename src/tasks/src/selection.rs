//! Selection: which of the candidate inputs become tests.

/// What one mutant does on the candidate inputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Per input: the mutant differs from the reference there.
    pub killed_by: Vec<bool>,
    /// The tests are worth nothing where this mutant passes them.
    pub required: bool,
}

impl Row {
    /// Whether one of the chosen inputs kills the mutant.
    pub fn is_killed(&self, chosen: &[usize]) -> bool {
        chosen.iter().any(|&input| self.killed_by[input])
    }
}

/// Chooses at most `tests` of the inputs, by position.
///
/// The first two inputs are always tests: they are the edge cases. Then greedily the input that kills most of the
/// required mutants still alive, among equals the one that kills most of all that are alive. Places that are left
/// go to inputs whose expected output is rarest so far, which matters where there are only two outputs.
pub fn choose(rows: &[Row], expected: &[String], tests: usize) -> Vec<usize> {
    let mut chosen: Vec<usize> = (0..expected.len().min(2).min(tests)).collect();
    while chosen.len() < tests {
        let best = best_by(expected.len(), &chosen, |input| {
            let alive = rows.iter().filter(|row| row.killed_by[input] && !row.is_killed(&chosen));
            alive.fold((0, 0), |(required, all), row| (required + usize::from(row.required), all + 1))
        });
        match best {
            Some((input, (_, all))) if all > 0 => chosen.push(input),
            _ => break,
        }
    }
    while chosen.len() < tests {
        let rarest = best_by(expected.len(), &chosen, |input| {
            usize::MAX - chosen.iter().filter(|&&other| expected[other] == expected[input]).count()
        });
        let Some((input, _)) = rarest else { break };
        chosen.push(input);
    }
    chosen
}

/// The first input, not chosen yet, that has the highest score.
fn best_by<S: Ord>(inputs: usize, chosen: &[usize], score: impl Fn(usize) -> S) -> Option<(usize, S)> {
    let open = (0..inputs).filter(|input| !chosen.contains(input));
    open.map(|input| (input, score(input))).reduce(|best, next| if next.1 > best.1 { next } else { best })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(required: bool, kills: &[usize]) -> Row {
        Row { killed_by: (0..6).map(|input| kills.contains(&input)).collect(), required }
    }

    fn outputs(of: &[&str]) -> Vec<String> {
        of.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn required_mutants_come_before_many_others() {
        let rows = [row(true, &[5]), row(false, &[3]), row(false, &[3, 4]), row(false, &[3])];
        let expected = outputs(&["1", "2", "3", "4", "5", "6"]);
        assert_eq!(choose(&rows, &expected, 4), [0, 1, 5, 3]);
        assert_eq!(choose(&rows, &expected, 3), [0, 1, 5]);
    }

    #[test]
    fn what_is_left_balances_the_outputs() {
        let expected = outputs(&["True", "True", "True", "True", "False", "False"]);
        assert_eq!(choose(&[], &expected, 4), [0, 1, 4, 5]);
    }

    #[test]
    fn few_inputs_are_all_chosen() {
        assert_eq!(choose(&[], &outputs(&["1"]), 10), [0]);
        assert!(choose(&[], &[], 10).is_empty());
    }

    proptest! {
        #[test]
        fn the_choice_is_distinct_and_full(
            kills in proptest::collection::vec(proptest::collection::vec(any::<bool>(), 15), 0..20),
            required in proptest::collection::vec(any::<bool>(), 20),
        ) {
            let rows: Vec<Row> = kills
                .into_iter()
                .zip(required)
                .map(|(killed_by, required)| Row { killed_by, required })
                .collect();
            let expected: Vec<String> = (0..15).map(|input| (input % 4).to_string()).collect();
            let chosen = choose(&rows, &expected, 10);
            let mut distinct = chosen.clone();
            distinct.sort_unstable();
            distinct.dedup();
            prop_assert_eq!(distinct.len(), 10);
            prop_assert_eq!(&chosen[..2], &[0, 1]);
        }
    }
}

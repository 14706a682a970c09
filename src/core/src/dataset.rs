//! Which executed answers become training rows.

use std::collections::{BTreeMap, BTreeSet};

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use crate::wire::{DatasetRow, Recipe};

/// An executed answer as the ledger holds it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The row it would become.
    pub row: DatasetRow,
    /// It passed every test and entered the corpus.
    pub verified: bool,
}

/// Selects rows: distinct answers, at most `max_per_task` a task, in an order that depends on the seed alone.
///
/// - `Verified`: answers that passed.
/// - `Unfiltered`: all answers, as many rows as `Verified` gives: the control that shows what selection adds.
/// - `Shuffled`: the verified answers, dealt out among the prompts at random.
pub fn select(answers: &[Answered], recipe: Recipe, max_per_task: usize, seed: u64) -> Vec<DatasetRow> {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    let verified = distinct(answers.iter().filter(|answer| answer.verified), max_per_task, &mut rng);
    match recipe {
        Recipe::Verified => verified,
        Recipe::Unfiltered => {
            let mut all = distinct(answers.iter(), max_per_task, &mut rng);
            all.shuffle(&mut rng);
            all.truncate(verified.len());
            all
        }
        Recipe::Shuffled => {
            let mut dealt: Vec<String> = verified.iter().map(|row| row.answer.clone()).collect();
            dealt.shuffle(&mut rng);
            verified.into_iter().zip(dealt).map(|(row, answer)| DatasetRow { answer, ..row }).collect()
        }
    }
}

fn distinct<'a>(
    answers: impl Iterator<Item = &'a Answered>,
    max_per_task: usize,
    rng: &mut ChaCha8Rng,
) -> Vec<DatasetRow> {
    let mut by_task: BTreeMap<&str, Vec<&DatasetRow>> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    for answer in answers {
        // Two prompts may share a task's name; the answer is a repetition only for the same prompt.
        if seen.insert((&answer.row.prompt, answer.row.answer.trim_end())) {
            by_task.entry(&answer.row.task).or_default().push(&answer.row);
        }
    }
    let mut rows = Vec::new();
    for mut task in by_task.into_values() {
        task.sort_by(|a, b| (&a.prompt, &a.answer).cmp(&(&b.prompt, &b.answer)));
        task.shuffle(rng);
        rows.extend(task.into_iter().take(max_per_task).cloned());
    }
    rows
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn answered(task: usize, answer: &str, verified: bool) -> Answered {
        let row = DatasetRow {
            prompt: format!("prompt {task}"),
            answer: answer.into(),
            task: format!("t{task}"),
            family: "f".into(),
            execution: "e".into(),
        };
        Answered { row, verified }
    }

    fn some() -> Vec<Answered> {
        (0..20).flat_map(|task| (0..6).map(move |i| answered(task, &format!("answer {i}"), i % 2 == 0))).collect()
    }

    #[test]
    fn verified_takes_only_what_passed_and_the_control_is_as_large() {
        let verified = select(&some(), Recipe::Verified, 2, 1);
        assert_eq!(verified.len(), 40);
        assert!(verified.iter().all(|row| ["answer 0", "answer 2", "answer 4"].contains(&row.answer.as_str())));
        let control = select(&some(), Recipe::Unfiltered, 2, 1);
        assert_eq!(control.len(), verified.len());
        assert!(control.iter().any(|row| row.answer == "answer 1" || row.answer == "answer 3"));
    }

    #[test]
    fn shuffled_keeps_prompts_and_answers_but_not_their_pairs() {
        let mut answers: Vec<Answered> =
            (0..50).map(|task| answered(task, &format!("only for {task}"), true)).collect();
        answers.reverse();
        let rows = select(&answers, Recipe::Shuffled, 4, 1);
        let right = rows.iter().filter(|row| row.answer == format!("only for {}", &row.task[1..])).count();
        assert!(rows.len() == 50 && right < 10, "{right} still right");
    }

    proptest! {
        /// The order in which answers were recorded, and repetitions, change nothing.
        #[test]
        fn selection_depends_on_the_seed_alone(seed: u64, rotate in 0usize..100) {
            let mut again = some();
            again.rotate_left(rotate);
            again.extend(some());
            for recipe in [Recipe::Verified, Recipe::Unfiltered, Recipe::Shuffled] {
                prop_assert_eq!(select(&some(), recipe, 3, seed), select(&again, recipe, 3, seed));
            }
        }
    }
}

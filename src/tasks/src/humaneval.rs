//! HumanEval (Chen et al., 2021, "Evaluating Large Language Models Trained on Code"): 164 programming tasks written
//! by people, with the tests that judge them.

use genesis_core::task::{Language, Split, Task, TestSuite};
use serde::Deserialize;

mod mutation;
mod tokens;

pub use mutation::{SourceMutant, mutants};

/// The data set as it was published (MIT licence, `humaneval/LICENSE`).
pub const VENDORED: &str = include_str!("../humaneval/HumanEval.jsonl");

/// A body that does nothing, which no test may pass.
pub const PASS_BODY: &str = "    pass\n";

/// One task with the solution its authors wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HumanEvalProblem {
    /// The task. It only judges, so its split is sealed, and each task is a family of its own.
    pub task: Task,
    /// Body of the authors' solution.
    pub canonical_solution: String,
}

impl HumanEvalProblem {
    /// The whole program with this body.
    pub fn program(&self, body: &str) -> String {
        format!("{}{body}", self.task.prompt)
    }

    /// Bodies that differ from the canonical solution in one operator or integer.
    pub fn mutants(&self) -> Vec<SourceMutant> {
        mutants(&self.canonical_solution)
    }
}

/// Why a file is not HumanEval.
#[derive(Debug, thiserror::Error)]
pub enum HumanEvalError {
    /// A line does not have HumanEval's form.
    #[error("line {line}: {source}; a HumanEval task has task_id, prompt, entry_point, canonical_solution and test")]
    Line {
        /// The line, counted from 1.
        line: usize,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// The test does not define what is called.
    #[error("line {line}: the test of {task} does not define check(candidate)")]
    NoCheck {
        /// The line, counted from 1.
        line: usize,
        /// The task.
        task: String,
    },
    /// There is no task.
    #[error("the file holds no task")]
    Empty,
}

#[derive(Deserialize)]
struct Row {
    task_id: String,
    prompt: String,
    entry_point: String,
    canonical_solution: String,
    test: String,
}

/// Reads tasks in HumanEval's JSON lines.
pub fn read(text: &str) -> Result<Vec<HumanEvalProblem>, HumanEvalError> {
    let mut problems = Vec::new();
    for (number, content) in text.lines().enumerate().filter(|(_, content)| !content.trim().is_empty()) {
        let line = number + 1;
        let row: Row = serde_json::from_str(content).map_err(|source| HumanEvalError::Line { line, source })?;
        if !row.test.contains("def check(candidate") {
            return Err(HumanEvalError::NoCheck { line, task: row.task_id });
        }
        problems.push(problem(row));
    }
    if problems.is_empty() { Err(HumanEvalError::Empty) } else { Ok(problems) }
}

fn problem(row: Row) -> HumanEvalProblem {
    HumanEvalProblem {
        task: Task {
            id: row.task_id.clone(),
            family: row.task_id,
            split: Split::Sealed,
            language: Language::Python,
            // The tests of some tasks call helper functions that the prompt defines, so the prompt is the setup too.
            tests: TestSuite::Script { entry: row.entry_point, setup: row.prompt.clone(), check: row.test },
            prompt: row.prompt,
            extra: Vec::new(),
        },
        canonical_solution: row.canonical_solution,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vendored_set_has_its_164_tasks() {
        let problems = read(VENDORED).unwrap();
        assert_eq!(problems.len(), 164);
        for problem in &problems {
            let TestSuite::Script { entry, setup, check } = &problem.task.tests else { panic!("a script") };
            assert!(setup.contains(&format!("def {entry}(")), "{}", problem.task.id);
            assert!(check.contains("candidate("), "{}", problem.task.id);
            assert!(problem.program(PASS_BODY).ends_with("pass\n"));
        }
    }

    #[test]
    fn nearly_every_solution_has_mutants() {
        let problems = read(VENDORED).unwrap();
        let with = problems.iter().filter(|problem| !problem.mutants().is_empty()).count();
        assert!(with > 140, "{with}");
    }

    #[test]
    fn a_wrong_line_is_named() {
        assert!(read("{}\n").unwrap_err().to_string().starts_with("line 1: missing field `task_id`"));
        assert!(read("\n").unwrap_err().to_string().contains("no task"));
        let first = VENDORED.lines().next().unwrap().replace("def check(", "def chek(");
        assert!(read(&first).unwrap_err().to_string().contains("HumanEval/0 does not define check"));
    }
}

//! Drafts: tasks that are made but not proven, and the programs that prove them.

use std::fmt;

use genesis_core::Digest;
use genesis_core::execution::{ExecutionRequest, Limits};
use genesis_core::task::{Language, Split, TestCase, TestSuite};
use rand::Rng;

use crate::family::Family;
use crate::inputs;
use crate::instance::{Instance, Step};
use crate::program::{ENTRY, Link, body};
use crate::universe::Universe;
use crate::value::{Value, ValueType};

/// What is wrong with a mutant. Steps are counted from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Defect {
    /// A step by one of its buggy templates.
    Bug {
        /// The step.
        step: usize,
        /// Position of the template in its form.
        template: usize,
    },
    /// Steps `first` to `last` are left out: what came before them is passed on.
    LeftOut {
        /// First missing step.
        first: usize,
        /// Last missing step.
        last: usize,
    },
    /// A step, or with the last step the whole result, is a constant.
    Constant {
        /// The step.
        step: usize,
        /// The Python literal.
        literal: &'static str,
    },
    /// A step and the one after it are swapped.
    Swapped {
        /// The step.
        step: usize,
    },
}

impl Defect {
    /// Whether the task is worth nothing where this mutant passes: it ignores a part of what is asked.
    pub fn ignores_a_step(&self) -> bool {
        matches!(self, Self::LeftOut { .. } | Self::Constant { .. })
    }
}

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bug { step, template } => write!(f, "bug {} in step {step}", template + 1),
            Self::LeftOut { first, last } if first == last => write!(f, "step {first} left out"),
            Self::LeftOut { first, last } => write!(f, "steps {first} to {last} left out"),
            Self::Constant { step, literal } => write!(f, "step {step} replaced with {literal}"),
            Self::Swapped { step } => write!(f, "steps {step} and {} swapped", step + 1),
        }
    }
}

/// A wrong program that the tests have to notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mutant {
    /// What is wrong with it.
    pub what: Defect,
    /// The whole program.
    pub source: String,
}

/// A task before its expected values are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// Id of the task to be: family and a digest of the prompt.
    pub id: String,
    /// Id of the family.
    pub family: String,
    /// The family's split.
    pub split: Split,
    /// Signature and docstring.
    pub prompt: String,
    /// Body of the reference program.
    pub reference: String,
    /// Wrong programs.
    pub mutants: Vec<Mutant>,
    /// Candidate inputs, as Python literals.
    pub inputs: Vec<String>,
    /// The result is a truth value.
    pub is_boolean: bool,
}

impl Draft {
    /// Makes a draft of a family.
    pub fn draw(universe: &Universe, family: &Family, rng: &mut impl Rng) -> Self {
        let instance = Instance::draw(universe, family, rng);
        let prompt = instance.prompt(rng);
        let inputs = inputs::draw(family.input, &instance.steps, rng);
        Self {
            id: format!("{}/{}", family.id, Digest::of_bytes(prompt.as_bytes()).short()),
            family: family.id.clone(),
            split: family.split,
            reference: instance.reference(),
            mutants: mutants(&instance, &prompt),
            inputs: inputs.iter().map(Value::literal).collect(),
            is_boolean: family.output == ValueType::Boolean,
            prompt,
        }
    }

    /// The reference program.
    pub fn reference_source(&self) -> String {
        format!("{}{}", self.prompt, self.reference)
    }

    /// The programs to run, to be answered in this order: the reference as a candidate would be run, and one program
    /// that says of every mutant whether it agrees with the reference, since each start of an interpreter and each
    /// call from outside costs far more than a mutant's own work.
    ///
    /// The second program only ever holds templates of this crate, which is why they may share a process. For each
    /// input it returns a string with one character per mutant: `=` where type and value are the reference's, `!` where
    /// they differ or the mutant raises.
    pub fn requests(&self) -> Vec<ExecutionRequest> {
        vec![self.request("reference", self.reference_source()), self.request("mutants", self.comparison_source())]
    }

    fn request(&self, name: &str, source: String) -> ExecutionRequest {
        let case = |input: &String| TestCase { args: vec![input.clone()], expected: String::new() };
        let cases = self.inputs.iter().map(case).collect();
        ExecutionRequest {
            id: format!("{}/{name}", self.id),
            language: Language::Python,
            source,
            tests: Some(TestSuite::Calls { entry: ENTRY.to_owned(), cases }),
            capture: true,
            limits: Limits::default(),
        }
    }

    /// The reference and every mutant as a function of its own, then [`COMPARISON`].
    fn comparison_source(&self) -> String {
        let reference = self.reference_source();
        let programs = std::iter::once(&reference).chain(self.mutants.iter().map(|mutant| &mutant.source));
        let mut source = String::new();
        let mut names = Vec::new();
        for (number, program) in programs.enumerate() {
            let name = format!("{ENTRY}_{number}");
            source.push_str(&program.replacen(&format!("def {ENTRY}("), &format!("def {name}("), 1));
            source.push('\n');
            names.push(name);
        }
        format!("{source}PROGRAMS = [{}]\n{COMPARISON}", names.join(", "))
    }
}

/// Compares by representation, which tells `1` from `True` and `1.0`; a dict's in the order of its keys. Every program
/// gets a list of its own, since some sort theirs.
const COMPARISON: &str = "
def outcome(program, value):
    try:
        result = program(list(value) if type(value) is list else value)
        return repr(sorted(result.items())) if type(result) is dict else repr(result)
    except Exception:
        return None

def solve(value):
    reference, *mutants = [outcome(program, value) for program in PROGRAMS]
    return ''.join('=' if mutant == reference else '!' for mutant in mutants)
";

/// Every wrong program of an instance, without repetitions. Those that ignore a step come before a step's bugs, so
/// that a bug that amounts to the same is counted as what it does.
fn mutants(instance: &Instance<'_>, prompt: &str) -> Vec<Mutant> {
    let steps = &instance.steps;
    let reference: Vec<Link<'_>> = steps.iter().map(Step::reference).collect();
    let correct = instance.reference();
    let mut mutants: Vec<Mutant> = Vec::new();
    let mut add = |what: Defect, links: &[Link<'_>]| {
        let body = body(instance.family.input, links);
        let source = format!("{prompt}{body}");
        if body != correct && mutants.iter().all(|mutant| mutant.source != source) {
            mutants.push(Mutant { what, source });
        }
    };
    for (position, step) in steps.iter().enumerate() {
        let replaced = |link| {
            let mut links = reference.clone();
            links[position] = link;
            links
        };
        for &literal in step.operation.output.constants() {
            let link = Link::Constant { literal, output: step.operation.output };
            add(Defect::Constant { step: position + 1, literal }, &replaced(link));
        }
        // A run of steps whose result has the type of its input can be left out, whatever happens within it.
        for last in position..steps.len() {
            if steps[last].operation.output == step.operation.input {
                let links = [&reference[..position], &reference[last + 1..]].concat();
                add(Defect::LeftOut { first: position + 1, last: last + 1 }, &links);
            }
        }
        for (template, code) in step.form.buggy.iter().enumerate() {
            add(Defect::Bug { step: position + 1, template }, &replaced(step.link(code)));
        }
        if steps.get(position + 1).is_some_and(|next| step.keeps_type() && next.keeps_type()) {
            let mut links = reference.clone();
            links.swap(position, position + 1);
            add(Defect::Swapped { step: position + 1 }, &links);
        }
    }
    mutants
}

#[cfg(test)]
mod tests;

//! Instances: a family with its forms and parameters chosen, and the prompt that asks for it.

use rand::Rng;
use rand::seq::IndexedRandom;

use crate::family::Family;
use crate::operation::{Form, Operation};
use crate::parameters::Parameters;
use crate::program::{ENTRY, Link, body};
use crate::template::{Code, Variables};
use crate::universe::Universe;
use crate::value::ValueType;

/// How often a correct program uses an operation's first template where there are others.
const FIRST_TEMPLATE: f64 = 0.6;

/// One operation with its form and parameters chosen.
#[derive(Clone, Debug)]
pub struct Step<'u> {
    /// The operation.
    pub operation: &'u Operation,
    /// Which of its meanings.
    pub form: &'u Form,
    /// Values of the placeholders.
    pub parameters: Parameters,
}

impl<'u> Step<'u> {
    /// Whether the result has the type of the input, so that the step can be left out or moved.
    pub fn keeps_type(&self) -> bool {
        self.operation.input == self.operation.output
    }

    /// The step as `code` programs it.
    pub fn link<'a>(&'a self, code: &'a Code) -> Link<'a> {
        Link::Step { code, parameters: &self.parameters, output: self.operation.output }
    }

    /// The step as the reference programs it.
    pub fn reference(&self) -> Link<'_> {
        self.link(&self.form.correct[0])
    }

    /// A correct template: the first with probability 0.6, otherwise one of the others.
    pub fn draw_correct(&self, rng: &mut impl Rng) -> &'u Code {
        let (first, others) = (&self.form.correct[0], &self.form.correct[1..]);
        if others.is_empty() || rng.random_bool(FIRST_TEMPLATE) { first } else { others.choose(rng).unwrap_or(first) }
    }
}

/// One task to be: what is asked for, before it is put into words.
#[derive(Clone, Debug)]
pub struct Instance<'u> {
    /// Its family.
    pub family: &'u Family,
    /// The steps in order.
    pub steps: Vec<Step<'u>>,
}

impl<'u> Instance<'u> {
    /// Draws forms and parameters.
    pub fn draw(universe: &'u Universe, family: &'u Family, rng: &mut impl Rng) -> Self {
        let steps = family.steps.iter().filter_map(|&position| {
            let operation = &universe.operations()[position];
            let form = operation.forms.choose(rng)?;
            Some(Step { operation, form, parameters: Parameters::draw(rng) })
        });
        Self { family, steps: steps.collect() }
    }

    /// The prompt in completion form: signature and docstring, ending in a new line.
    pub fn prompt(&self, rng: &mut impl Rng) -> String {
        let nowhere = Variables { input: "", output: "" };
        let clauses: Vec<String> = self
            .steps
            .iter()
            .filter_map(|step| Some(step.form.phrasings.choose(rng)?.fill(&step.parameters, nowhere)))
            .collect();
        let noun = self.family.input.nouns().choose(rng).copied().unwrap_or("a value");
        let sentence = SENTENCES.choose(rng).copied().unwrap_or(Sentence::Given).write(noun, &clauses);
        format!("{}    \"\"\"{sentence}\"\"\"\n", signature(self.family.input, self.family.output))
    }

    /// The body of the reference program.
    pub fn reference(&self) -> String {
        let links: Vec<Link<'_>> = self.steps.iter().map(Step::reference).collect();
        body(self.family.input, &links)
    }

    /// A correct body in words of its own: every step by one of its correct templates.
    pub fn draw_correct(&self, rng: &mut impl Rng) -> String {
        let links: Vec<Link<'_>> = self.steps.iter().map(|step| step.link(step.draw_correct(rng))).collect();
        body(self.family.input, &links)
    }
}

/// `def solve(xs: list[int]) -> int:` and a new line.
fn signature(input: ValueType, output: ValueType) -> String {
    format!("def {ENTRY}({}: {}) -> {}:\n", input.variable(), input.annotation(), output.annotation())
}

#[derive(Clone, Copy, Debug)]
enum Sentence {
    Given,
    Return,
    Take,
    First,
}

const SENTENCES: [Sentence; 4] = [Sentence::Given, Sentence::Return, Sentence::Take, Sentence::First];

impl Sentence {
    fn write(self, noun: &str, clauses: &[String]) -> String {
        match (self, clauses) {
            (Self::Given, _) => format!("Given {noun}, {}.", clauses.join(", then ")),
            (Self::Return, _) => format!("Given {noun}: {}. Return the result.", clauses.join("; ")),
            (Self::Take, [earlier @ .., last]) if !earlier.is_empty() => {
                format!("Take {noun}, {}, then {last} and return it.", earlier.join(", "))
            }
            (Self::Take, _) => format!("Take {noun}, {} and return it.", clauses.concat()),
            (Self::First, [_, _, ..]) => format!("For {noun}, first {}.", clauses.join(", then ")),
            (Self::First, _) => format!("For {noun}, {}.", clauses.concat()),
        }
    }
}

#[cfg(test)]
mod tests;

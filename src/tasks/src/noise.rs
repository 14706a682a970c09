//! Noise: the errors that documents of the corpus make on purpose.
//!
//! A base model that never errs leaves nothing to learn, and one that errs at random cannot unlearn it. These errors
//! are the habits seen in real code, each with its own frequency, so the loop has something true to improve.

use rand::Rng;
use rand::seq::IndexedRandom;

use crate::instance::{Instance, Step};
use crate::program::{Link, body};

/// How often a document errs, each as a probability per document except `scale`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Noise {
    /// Factor on each operation's own rate of bugs (0.12, 0.30 or 0.60).
    pub scale: f64,
    /// One step is left out.
    pub skip: f64,
    /// Two adjacent steps of the same type change places.
    pub swap: f64,
    /// The numbers of one step are off by one.
    pub constant: f64,
    /// One bracket or colon is lost.
    pub syntax: f64,
}

impl Default for Noise {
    fn default() -> Self {
        Self { scale: 1.0, skip: 0.03, swap: 0.03, constant: 0.04, syntax: 0.02 }
    }
}

impl Noise {
    /// No errors at all.
    pub const NONE: Self = Self { scale: 0.0, skip: 0.0, swap: 0.0, constant: 0.0, syntax: 0.0 };

    /// The body that a document shows for an instance.
    pub fn body(&self, instance: &Instance<'_>, rng: &mut impl Rng) -> String {
        let mut steps = instance.steps.clone();
        if steps.len() > 1 && chance(self.skip, rng) {
            leave_one_out(&mut steps, rng);
        }
        if steps.len() > 1 && chance(self.swap, rng) {
            swap_two(&mut steps, rng);
        }
        if chance(self.constant, rng) {
            let position = rng.random_range(0..steps.len());
            let delta = if rng.random_bool(0.5) { 1 } else { -1 };
            steps[position].parameters = steps[position].parameters.moved_by(delta);
        }
        let links: Vec<Link<'_>> = steps.iter().map(|step| self.draw_link(step, rng)).collect();
        let body = body(instance.family.input, &links);
        if chance(self.syntax, rng) { lose_a_bracket(body, rng) } else { body }
    }

    fn draw_link<'a>(&self, step: &'a Step<'_>, rng: &mut impl Rng) -> Link<'a> {
        let buggy = chance(step.operation.noise.probability() * self.scale, rng);
        let bug = if buggy { step.form.buggy.choose(rng) } else { None };
        step.link(bug.unwrap_or_else(|| step.draw_correct(rng)))
    }
}

/// True with the given probability; a number under 0 is never, over 1 always.
pub(crate) fn chance(probability: f64, rng: &mut impl Rng) -> bool {
    rng.random::<f64>() < probability
}

/// Leaves out one step that keeps its type, chosen evenly; none where every step changes the type.
fn leave_one_out(steps: &mut Vec<Step<'_>>, rng: &mut impl Rng) {
    let candidates: Vec<usize> = (0..steps.len()).filter(|&step| steps[step].keeps_type()).collect();
    if let Some(&position) = candidates.choose(rng) {
        steps.remove(position);
    }
}

/// Swaps a step with the next where both keep the type; half-hearted as people are, it tries one place only.
fn swap_two(steps: &mut [Step<'_>], rng: &mut impl Rng) {
    let position = rng.random_range(0..steps.len() - 1);
    if steps[position].keeps_type() && steps[position + 1].keeps_type() {
        steps.swap(position, position + 1);
    }
}

fn lose_a_bracket(mut body: String, rng: &mut impl Rng) -> String {
    let brackets: Vec<usize> = body.match_indices([')', ']', ':', '(']).map(|(position, _)| position).collect();
    if let Some(&position) = brackets.choose(rng) {
        body.remove(position);
    }
    body
}

#[cfg(test)]
mod tests;

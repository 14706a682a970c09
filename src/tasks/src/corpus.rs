//! The corpus: the documents the base model is pre-trained on.

use std::collections::BTreeSet;

use genesis_core::task::Split;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::family::Family;
use crate::instance::Instance;
use crate::noise::{Noise, chance};
use crate::universe::{DOCUMENT_LENGTHS, Universe};

/// A forbidden prompt is drawn again at most this often; with a sensible list one redraw is rare.
const REDRAWS: usize = 1_000;

/// What corpus to make.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CorpusPlan {
    /// Seed; the same seed gives the same documents.
    pub seed: u64,
    /// How many documents.
    pub documents: u64,
    /// Probability that an example document precedes a document.
    pub example_share: f64,
    /// The errors documents make.
    pub noise: Noise,
}

impl CorpusPlan {
    /// The plan the base model is trained with: an example before 15 % of the documents, standard noise.
    pub fn new(seed: u64, documents: u64) -> Self {
        Self { seed, documents, example_share: 0.15, noise: Noise::default() }
    }
}

/// One document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// A solved task that shares an operation, as the gateway shows a pattern: prompt and a correct body.
    /// It is there to be read, not learned: weigh its tokens 0 or little.
    pub context: Option<String>,
    /// Signature and docstring, ending in a new line.
    pub prompt: String,
    /// The body, wrong as often as the noise says.
    pub body: String,
    /// Family of the prompt.
    pub family: String,
}

impl Document {
    /// What stands before the body: the example, an empty line, the prompt.
    pub fn preamble(&self) -> String {
        match &self.context {
            Some(example) => format!("{example}\n{}", self.prompt),
            None => self.prompt.clone(),
        }
    }

    /// The whole document.
    pub fn text(&self) -> String {
        self.preamble() + &self.body
    }
}

/// The documents of a plan, in order. Document `i` depends on the seed and `i` alone, so a longer corpus
/// begins with the shorter one, and parts can be made apart.
#[derive(Clone, Debug)]
pub struct Corpus<'a> {
    universe: &'a Universe,
    plan: CorpusPlan,
    forbidden: &'a BTreeSet<String>,
    next: u64,
}

impl Universe {
    /// Documents whose prompts (the examples' too) are none of `forbidden`: the prompts of every suite.
    pub fn corpus<'a>(&'a self, plan: CorpusPlan, forbidden: &'a BTreeSet<String>) -> Corpus<'a> {
        Corpus { universe: self, plan, forbidden, next: 0 }
    }
}

impl Corpus<'_> {
    /// Document number `index`.
    fn document(&self, index: u64) -> Option<Document> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.plan.seed);
        rng.set_stream(index);
        let (instance, prompt) =
            self.draw_allowed(&mut rng, |rng| self.universe.draw(Split::Pretraining, DOCUMENT_LENGTHS, rng))?;
        let body = self.plan.noise.body(&instance, &mut rng);
        let context = if chance(self.plan.example_share, &mut rng) {
            let (example, prompt) =
                self.draw_allowed(&mut rng, |rng| self.universe.draw_related(instance.family, rng))?;
            Some(prompt + &example.draw_correct(&mut rng))
        } else {
            None
        };
        Some(Document { context, prompt, body, family: instance.family.id.clone() })
    }

    fn draw_allowed<'u>(
        &'u self,
        rng: &mut ChaCha8Rng,
        draw_family: impl Fn(&mut ChaCha8Rng) -> Option<&'u Family>,
    ) -> Option<(Instance<'u>, String)> {
        (0..REDRAWS).find_map(|_| {
            let instance = Instance::draw(self.universe, draw_family(rng)?, rng);
            let prompt = instance.prompt(rng);
            (!self.forbidden.contains(&prompt)).then_some((instance, prompt))
        })
    }
}

impl Iterator for Corpus<'_> {
    type Item = Document;

    fn next(&mut self) -> Option<Document> {
        if self.next == self.plan.documents {
            return None;
        }
        let document = self.document(self.next);
        self.next += 1;
        document
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (0, usize::try_from(self.plan.documents - self.next).ok())
    }
}

#[cfg(test)]
mod tests;

//! From logits to the next token.

use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::math;

/// Below this temperature the most probable token is taken: divided by less, logits overflow.
const GREEDY_BELOW: f32 = 1e-5;

/// How tokens are chosen and when an answer ends; the same for all samples of a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// Logits are divided by it; 0, or less than 1e-5, takes the most probable token.
    pub temperature: f32,
    /// Only the smallest set of tokens that holds this much probability is sampled from; 1 is all.
    pub top_p: f32,
    /// Seed of the request.
    pub seed: u64,
    /// Tokens to generate at most.
    pub max_tokens: usize,
    /// Texts before which an answer ends.
    pub stop: Vec<String>,
    /// Do not stop at the model's end token.
    pub ignore_eos: bool,
    /// Return log-probabilities: of the chosen token and of this many of the most probable ones.
    pub scores: Option<usize>,
}

/// log p of one token and of its best alternatives.
#[derive(Clone, Debug, PartialEq)]
pub struct TokenScore {
    /// The token that is in the text.
    pub token: u32,
    /// Its log-probability before temperature and top-p, nats.
    pub log_prob: f32,
    /// The most probable tokens, best first.
    pub top: Vec<(u32, f32)>,
}

/// Chooses the tokens of one sequence.
///
/// Its random numbers depend on the request's seed and on the sample's index only, so what else is being generated
/// cannot change them.
#[derive(Clone, Debug)]
pub struct Sampler {
    temperature: f32,
    top_p: f32,
    random: ChaCha8Rng,
}

impl Sampler {
    /// The sampler of sample `index` of a request.
    pub fn new(sampling: &Sampling, index: usize) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(sampling.seed);
        random.set_stream(index as u64);
        Self { temperature: sampling.temperature, top_p: sampling.top_p, random }
    }

    /// The next token for `logits` `[vocabulary]`; `work` is working space.
    pub fn sample(&mut self, logits: &[f32], work: &mut Vec<f32>) -> u32 {
        if self.temperature < GREEDY_BELOW {
            return most_probable(logits);
        }
        work.clear();
        work.extend_from_slice(logits);
        math::softmax_row(work, 1.0 / self.temperature);
        let point: f64 = self.random.random();
        if self.top_p < 1.0 {
            let nucleus = nucleus(work, self.top_p);
            pick(nucleus.iter().map(|token| (*token, work[*token as usize])), point)
        } else {
            pick((0..).zip(work.iter().copied()), point)
        }
    }
}

/// The token with the largest logit; the first of equals.
fn most_probable(logits: &[f32]) -> u32 {
    let best = (0..).zip(logits).reduce(|best, next| if next.1 > best.1 { next } else { best });
    best.map_or(0, |(token, _)| token)
}

/// The fewest tokens whose probabilities sum to `top_p`, in ascending order.
fn nucleus(probabilities: &[f32], top_p: f32) -> Vec<u32> {
    // All tokens below this floor together hold less than 1 - top_p, so none of them can be in the set.
    let floor = (1.0 - top_p) / probabilities.len() as f32;
    let mut tokens: Vec<u32> = (0..).zip(probabilities).filter(|(_, p)| **p >= floor).map(|(token, _)| token).collect();
    tokens.sort_by(|a, b| probabilities[*b as usize].total_cmp(&probabilities[*a as usize]).then(a.cmp(b)));
    let mut mass = 0.0;
    let needed = tokens.iter().take_while(|token| {
        let before = mass;
        mass += probabilities[**token as usize];
        before < top_p
    });
    let count = needed.count().max(1);
    tokens.truncate(count);
    tokens.sort_unstable();
    tokens
}

/// The token at `point` ∈ [0, 1) of the cumulative distribution of `weights`, which need not sum to one.
fn pick(weights: impl Iterator<Item = (u32, f32)> + Clone, point: f64) -> u32 {
    let total: f64 = weights.clone().map(|(_, weight)| f64::from(weight)).sum();
    let mut left = point * total;
    let mut last = 0;
    for (token, weight) in weights {
        left -= f64::from(weight);
        if left < 0.0 {
            return token;
        }
        // Rounding may leave a remainder after the last token: never fall back on an impossible one.
        if weight > 0.0 {
            last = token;
        }
    }
    last
}

/// log p of `token` under `logits` `[vocabulary]` and the `top` most probable tokens.
pub fn score(logits: &[f32], token: u32, top: usize) -> TokenScore {
    let normaliser = math::log_sum_exp(logits);
    let log_prob = |token: u32| (f64::from(logits[token as usize]) - normaliser) as f32;
    let mut best: Vec<u32> = if top > 0 { (0..logits.len() as u32).collect() } else { Vec::new() };
    let descending = |a: &u32, b: &u32| logits[*b as usize].total_cmp(&logits[*a as usize]).then(a.cmp(b));
    if top < best.len() {
        best.select_nth_unstable_by(top, descending);
        best.truncate(top);
    }
    best.sort_by(descending);
    TokenScore {
        token,
        log_prob: log_prob(token),
        top: best.into_iter().map(|token| (token, log_prob(token))).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sampling(temperature: f32, top_p: f32, seed: u64) -> Sampling {
        Sampling { temperature, top_p, seed, max_tokens: 1, stop: vec![], ignore_eos: false, scores: None }
    }

    fn draw(sampler: &mut Sampler, logits: &[f32], count: usize) -> Vec<u32> {
        (0..count).map(|_| sampler.sample(logits, &mut Vec::new())).collect()
    }

    #[test]
    fn no_temperature_to_speak_of_takes_the_first_of_the_best() {
        for temperature in [0.0, 1e-40, 1e-6] {
            let mut sampler = Sampler::new(&sampling(temperature, 1.0, 1), 0);
            assert_eq!(sampler.sample(&[0.0, 3.0, 3.0, -1.0], &mut Vec::new()), 1, "{temperature}");
        }
    }

    #[test]
    fn frequencies_follow_the_softmax_at_the_temperature() {
        let logits = [0.0, 2.0_f32.ln() * 0.5, f32::NEG_INFINITY];
        let tokens = draw(&mut Sampler::new(&sampling(0.5, 1.0, 7), 0), &logits, 30_000);
        let share = tokens.iter().filter(|token| **token == 1).count() as f64 / 30_000.0;
        assert!((share - 2.0 / 3.0).abs() < 0.01, "{share}");
        assert!(!tokens.contains(&2));
    }

    #[test]
    fn top_p_keeps_the_smallest_set_that_reaches_it() {
        let logits: Vec<f32> = [0.5_f32, 0.3, 0.15, 0.05].iter().map(|p| p.ln()).collect();
        for (top_p, allowed) in [(0.4, 1), (0.5, 1), (0.75, 2), (0.9, 3), (0.999, 4)] {
            let tokens = draw(&mut Sampler::new(&sampling(1.0, top_p, 3), 0), &logits, 2_000);
            assert_eq!(tokens.iter().max(), Some(&(allowed - 1)), "top_p {top_p}");
        }
    }

    #[test]
    fn a_seed_and_an_index_name_one_stream() {
        let logits = [0.0; 50];
        let run = |seed, index| draw(&mut Sampler::new(&sampling(1.0, 1.0, seed), index), &logits, 20);
        assert_eq!(run(5, 2), run(5, 2));
        assert_ne!(run(5, 2), run(5, 3));
        assert_ne!(run(5, 2), run(6, 2));
    }

    #[test]
    fn scores_are_log_softmax_with_the_best_first() {
        let logits: Vec<f32> = [0.2_f32, 0.5, 0.3].iter().map(|p| p.ln() + 4.0).collect();
        let score = score(&logits, 0, 2);
        assert!((score.log_prob - 0.2_f32.ln()).abs() < 1e-6);
        assert_eq!(score.top.iter().map(|(token, _)| *token).collect::<Vec<_>>(), [1, 2]);
        assert!((score.top[0].1 - 0.5_f32.ln()).abs() < 1e-6);
        assert_eq!(super::score(&logits, 0, 9).top.len(), 3);
        assert!(super::score(&logits, 0, 0).top.is_empty());
    }
}

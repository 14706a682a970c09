//! Pattern retrieval, and the lot by which patterns are shown or withheld.

use genesis_core::confidence::Exposure;
use genesis_ledger::projections::retrieval::RetrievalFilters;
use genesis_ledger::{LedgerError, Projections};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;

use super::context::Example;
use super::gate::Gatekeeper;
use super::request::Request;
use super::settings::Settings;

/// How one request's patterns are exposed in the creative pathway.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// Shown or withheld.
    pub exposure: Exposure,
    /// The probability with which this exposure was drawn, in (0, 1].
    pub propensity: f64,
}

impl Draw {
    /// Draws for one request; the same seed draws the same.
    pub fn new(withhold_percent: u8, seed: u64) -> Self {
        let withheld = f64::from(withhold_percent.min(100)) / 100.0;
        if ChaCha8Rng::seed_from_u64(seed).random::<f64>() < withheld {
            Self { exposure: Exposure::Withheld, propensity: withheld }
        } else {
            Self { exposure: Exposure::Shown, propensity: 1.0 - withheld }
        }
    }

    /// Whether the other exposure could have been drawn.
    pub fn by_lot(&self) -> bool {
        self.propensity < 1.0
    }
}

/// The patterns for a request, best first: verified programs for prompts like this one, none of them for this very
/// task, each checked again under the gate's present rules.
pub async fn retrieve(
    projections: &Projections,
    gate: &Gatekeeper,
    tenant: &str,
    request: &Request,
    settings: &Settings,
) -> Result<Vec<Example>, LedgerError> {
    if !request.asked.use_patterns || settings.max_patterns == 0 {
        return Ok(Vec::new());
    }
    let filters = RetrievalFilters {
        language: Some(request.asked.language),
        excluded_task: request.task().map(|task| task.id),
        ..RetrievalFilters::default()
    };
    let found = projections.retrieve(tenant, &request.start.text, settings.max_patterns as usize, &filters).await?;
    let mut examples = Vec::with_capacity(found.len());
    for scored in found {
        let pattern = scored.pattern;
        if gate.allows(pattern.language, &pattern.body).await {
            examples.push(Example { id: pattern.id, source: pattern.body });
        }
    }
    Ok(examples)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_withheld_as_often_as_said_and_the_probability_is_kept() {
        let draws: Vec<Draw> = (0..4_000).map(|seed| Draw::new(30, seed)).collect();
        let withheld = draws.iter().filter(|draw| draw.exposure == Exposure::Withheld).count();
        assert!((1_080..1_320).contains(&withheld), "{withheld} of 4000");
        for draw in draws {
            let want = if draw.exposure == Exposure::Withheld { 0.3 } else { 0.7 };
            assert!((draw.propensity - want).abs() < 1e-12 && draw.by_lot());
        }
    }

    #[test]
    fn never_and_always_are_no_lot() {
        for seed in 0..100 {
            assert_eq!(Draw::new(0, seed), Draw { exposure: Exposure::Shown, propensity: 1.0 });
            assert_eq!(Draw::new(100, seed), Draw { exposure: Exposure::Withheld, propensity: 1.0 });
        }
    }
}

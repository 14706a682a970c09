//! How programs are generated: `spec.generation`, read anew for every request.

use genesis_api::genesis_model::GenerationSpec;
use genesis_core::execution::Limits;

/// One pathway.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PathwaySettings {
    /// Samples.
    pub samples: u32,
    /// Temperature of the sampling.
    pub temperature: f64,
}

/// Everything the pipeline can be told.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Settings {
    /// Low temperature, patterns always shown.
    pub analytical: PathwaySettings,
    /// Higher temperature, patterns shown or withheld by lot.
    pub creative: PathwaySettings,
    /// Samples of the third pass, 0 to leave it out.
    pub fusion_samples: u32,
    /// Nucleus of the sampling.
    pub top_p: f64,
    /// Tokens of one completion at most.
    pub max_tokens: u32,
    /// Tokens that patterns and prompt may take together.
    pub context_tokens: usize,
    /// Patterns in a context at most.
    pub max_patterns: u32,
    /// How often the creative pathway sees no patterns, percent.
    pub withhold_percent: u8,
    /// Bounds of one execution.
    pub limits: Limits,
}

/// More samples than this for one request are refused.
pub const MAX_SAMPLES: u32 = 64;

/// Samples of the third pass: enough for one more chance, little next to the first two passes.
const FUSION_SAMPLES: u32 = 2;

/// More patterns hurt: they crowd out the prompt.
const MAX_PATTERNS: i32 = 3;

impl From<&GenerationSpec> for Settings {
    /// Bounds are held by the schema; they are held here again because the API server is another's.
    fn from(spec: &GenerationSpec) -> Self {
        let temperature = |value: &genesis_api::Decimal, default| value.value().unwrap_or(default).clamp(0.0, 2.0);
        Self {
            analytical: PathwaySettings { samples: 1, temperature: temperature(&spec.analytical_temperature, 0.2) },
            creative: PathwaySettings {
                samples: spec.creative_samples.clamp(1, MAX_SAMPLES as i32) as u32,
                temperature: temperature(&spec.creative_temperature, 0.8),
            },
            fusion_samples: FUSION_SAMPLES,
            top_p: 1.0,
            max_tokens: spec.max_tokens.max(1) as u32,
            context_tokens: spec.context_token_budget.max(1) as usize,
            max_patterns: spec.max_patterns.clamp(0, MAX_PATTERNS) as u32,
            withhold_percent: spec.pattern_withhold_percent.clamp(0, 100) as u8,
            limits: Limits::default(),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::from(&GenerationSpec::default())
    }
}

impl Settings {
    /// The same with `samples` in all, dealt out between the pathways: one analytical, the others creative.
    ///
    /// A request for one sample is answered by the analytical pathway alone and gets no third pass.
    #[must_use]
    pub fn with_samples(mut self, samples: u32) -> Self {
        self.creative.samples = samples.saturating_sub(self.analytical.samples);
        if samples <= 1 {
            self.fusion_samples = 0;
        }
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_dealt_out_between_the_pathways() {
        for (samples, creative) in [(1, 0), (2, 1), (8, 7)] {
            let got = Settings::default().with_samples(samples);
            assert_eq!((got.analytical.samples, got.creative.samples), (1, creative), "{samples}");
        }
        assert_eq!(Settings::default().with_samples(1).fusion_samples, 0);
    }

    #[test]
    fn a_spec_out_of_bounds_is_held_to_them() {
        let wild = GenerationSpec {
            analytical_temperature: genesis_api::Decimal::new("-3"),
            creative_temperature: genesis_api::Decimal::new("hot"),
            creative_samples: 1_000_000,
            max_tokens: -1,
            context_token_budget: -1,
            max_patterns: 99,
            pattern_withhold_percent: 900,
        };
        let got = Settings::from(&wild);
        assert_eq!((got.analytical.temperature, got.creative.temperature), (0.0, 0.8));
        assert_eq!((got.creative.samples, got.max_tokens, got.max_patterns, got.withhold_percent), (64, 1, 3, 100));
    }
}

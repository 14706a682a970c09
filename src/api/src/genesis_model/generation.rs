use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Decimal;

/// How the gateway generates. It reads this live: a change acts on the next request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", default)]
pub struct GenerationSpec {
    /// Temperature of the analytical pathway, which plans first and sees patterns; 0 is greedy.
    pub analytical_temperature: Decimal,
    /// Temperature of the creative pathway.
    pub creative_temperature: Decimal,
    /// Samples of the creative pathway.
    #[schemars(range(min = 1, max = 64))]
    pub creative_samples: i32,
    /// Most tokens of one answer.
    #[schemars(range(min = 1, max = 65_536))]
    pub max_tokens: i32,
    /// Tokens that instructions, patterns and prompt may take together.
    #[schemars(range(min = 64, max = 1_000_000))]
    pub context_token_budget: i32,
    /// Most patterns shown with a prompt.
    #[schemars(range(min = 0, max = 3))]
    pub max_patterns: i32,
    /// How often the creative pathway sees no patterns, percent: this arm makes a pattern's uplift measurable.
    #[schemars(range(min = 0, max = 100))]
    pub pattern_withhold_percent: i32,
}

impl Default for GenerationSpec {
    fn default() -> Self {
        Self {
            analytical_temperature: Decimal::new("0.2"),
            creative_temperature: Decimal::new("0.8"),
            creative_samples: 3,
            max_tokens: 160,
            context_token_budget: 512,
            max_patterns: 3,
            pattern_withhold_percent: 50,
        }
    }
}

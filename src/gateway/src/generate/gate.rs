//! The quality gate, off the threads that answer requests.

use std::sync::Arc;

use genesis_core::Digest;
use genesis_core::task::Language;
use genesis_gate::{Gate, GateVerdict};
use genesis_ledger::types::generation::GateRecord;
use moka::future::Cache;

use super::candidate::Draft;

/// Verdicts on patterns that are remembered.
const REMEMBERED: u64 = 10_000;

/// The gate with its memory of patterns.
pub struct Gatekeeper {
    gate: Arc<Gate>,
    patterns: Cache<Digest, bool>,
}

/// A draft with the gate's verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Gated {
    /// The program.
    pub draft: Draft,
    /// The verdict as it is kept.
    pub record: GateRecord,
    /// The rule that blocks.
    pub blocked_by: Option<String>,
    /// Digest of the program without comments and layout.
    pub normalised: Digest,
}

impl Gatekeeper {
    /// A gatekeeper of this gate.
    pub fn new(gate: Gate) -> Self {
        Self { gate: Arc::new(gate), patterns: Cache::new(REMEMBERED) }
    }

    /// Checks drafts; verdicts come back in their order. If the check itself is lost, nothing passes.
    pub async fn check(&self, language: Language, drafts: Vec<Draft>) -> Vec<Gated> {
        let gate = Arc::clone(&self.gate);
        let checked = tokio::task::spawn_blocking(move || {
            drafts.into_iter().map(|draft| gated(gate.check(language, &draft.source), draft)).collect()
        });
        checked.await.unwrap_or_else(|error| {
            tracing::error!(%error, "The gate was lost.");
            Vec::new()
        })
    }

    /// Whether a pattern may be shown under the present rules, which may be stricter than those it was earned under.
    pub async fn allows(&self, language: Language, source: &str) -> bool {
        let (gate, text) = (Arc::clone(&self.gate), source.to_owned());
        let check = async move {
            let checked = tokio::task::spawn_blocking(move || gate.check(language, &text).passed);
            checked.await.unwrap_or(false)
        };
        self.patterns.get_with(Digest::of_bytes(source.as_bytes()), check).await
    }
}

fn gated(verdict: GateVerdict, draft: Draft) -> Gated {
    Gated {
        draft,
        blocked_by: verdict.blocked_by().map(ToOwned::to_owned),
        record: GateRecord {
            passed: verdict.passed,
            warnings: verdict.warnings(),
            findings: serde_json::to_value(&verdict.findings).unwrap_or_default(),
            ruleset: verdict.ruleset,
            micros: verdict.micros,
        },
        normalised: verdict.normalised,
    }
}

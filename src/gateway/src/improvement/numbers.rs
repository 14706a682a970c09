//! The product's seven numbers, from the ledger.

use genesis_ledger::{Ledger, LedgerError};

use crate::app::scope;
use crate::metrics::ModelNumbers;
use crate::routing::{ModelRoute, RouteTable};

/// The numbers of all models.
pub async fn of_all(ledger: &Ledger, table: &RouteTable) -> Result<Vec<ModelNumbers>, LedgerError> {
    let mut numbers = Vec::new();
    for route in table.routes() {
        numbers.push(of(ledger, route).await?);
    }
    Ok(numbers)
}

async fn of(ledger: &Ledger, route: &ModelRoute) -> Result<ModelNumbers, LedgerError> {
    let scope = scope(&route.key);
    let feedback = ledger.feedback_statistics(&scope).await?;
    let champion = ledger.served_quality(&scope, &route.stable.name).await?;
    Ok(ModelNumbers {
        model: scope.model,
        total_cycles: feedback.generations,
        success_rate: feedback.success_rate.unwrap_or(0.0),
        quality_score_avg: feedback.quality_average.unwrap_or(0.0),
        learnings_captured: feedback.learnings,
        patterns_confidence_avg: feedback.patterns_confidence_average.unwrap_or(0.0),
        training_runs: feedback.datasets,
        model_quality: champion.unwrap_or(0.0),
    })
}

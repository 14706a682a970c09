//! A pattern's numbers: the fold of its observations.

use genesis_core::confidence::{self, Exposure, PatternStanding};
use genesis_core::execution::Outcome;
use sqlx::sqlite::SqliteConnection;

use crate::error::Result;
use crate::types::pattern::PatternRecord;

/// Standings are kept to twelve decimals. With at most fifteen digits a number is the same after a trip through
/// JSON and through any database, so that a projection can be compared with the ledger digit by digit.
const PRECISION: f64 = 1e12;

/// One observation more, by the rule of the core.
pub(in crate::ledger) fn add(
    pattern: &mut PatternRecord,
    exposure: Exposure,
    outcome: Outcome,
    quality: f64,
    in_context: u32,
) {
    let moved = confidence::updated(&pattern.standing, exposure, outcome, quality, in_context as usize);
    pattern.standing = PatternStanding {
        confidence: kept(moved.confidence),
        shown_successes: kept(moved.shown_successes),
        shown_failures: kept(moved.shown_failures),
        withheld_successes: kept(moved.withheld_successes),
        withheld_failures: kept(moved.withheld_failures),
    };
    if exposure == Exposure::Shown {
        pattern.uses += 1;
        pattern.successes += u64::from(outcome == Outcome::Pass);
    }
}

fn kept(value: f64) -> f64 {
    (value * PRECISION).round() / PRECISION
}

/// Writes the numbers back as a new revision.
pub(in crate::ledger) async fn store(
    connection: &mut SqliteConnection,
    tenant: &str,
    pattern: &mut PatternRecord,
) -> Result<()> {
    pattern.revision += 1;
    sqlx::query(
        "UPDATE patterns SET confidence = ?3, shown_successes = ?4, shown_failures = ?5, withheld_successes = ?6, \
         withheld_failures = ?7, uses = ?8, successes = ?9, verified_tasks = ?10, revision = ?11 \
         WHERE tenant = ?1 AND id = ?2",
    )
    .bind(tenant)
    .bind(&pattern.id)
    .bind(pattern.standing.confidence)
    .bind(pattern.standing.shown_successes)
    .bind(pattern.standing.shown_failures)
    .bind(pattern.standing.withheld_successes)
    .bind(pattern.standing.withheld_failures)
    .bind(pattern.uses.cast_signed())
    .bind(pattern.successes.cast_signed())
    .bind(pattern.verified_tasks.cast_signed())
    .bind(pattern.revision.cast_signed())
    .execute(connection)
    .await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::ledger::fixtures::pattern_record;

    proptest! {
        /// The promise that comparing projections rests on.
        #[test]
        fn a_standing_is_the_same_after_json(uses in proptest::collection::vec((any::<bool>(), any::<bool>(), 0.0f64..1.0, 1u32..4), 0..400)) {
            let mut pattern = pattern_record("p");
            for (shown, passed, quality, in_context) in uses {
                let exposure = if shown { Exposure::Shown } else { Exposure::Withheld };
                let outcome = if passed { Outcome::Pass } else { Outcome::Fail };
                add(&mut pattern, exposure, outcome, quality, in_context);
                let json = serde_json::to_string(&pattern.standing).unwrap();
                prop_assert_eq!(serde_json::from_str::<PatternStanding>(&json).unwrap(), pattern.standing);
            }
        }
    }
}

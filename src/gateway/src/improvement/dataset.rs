//! Freezing a dataset: the same TrainingRun gives the same file again, whatever was learned in between.

use genesis_artifacts::{Kind, Store};
use genesis_core::dataset::select;
use genesis_core::wire::{DatasetRequest, DatasetRow, DatasetSnapshot};
use genesis_ledger::{Ledger, LedgerError};

use crate::app::scope;
use crate::routing::ModelRoute;

/// Why no dataset was frozen.
#[derive(Debug, thiserror::Error)]
pub enum DatasetError {
    /// Nothing has been verified yet.
    #[error("no answer has been verified yet: there is nothing to train on")]
    Empty,
    /// The artifact store refused.
    #[error(transparent)]
    Store(#[from] genesis_artifacts::Error),
    /// The ledger refused.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The rows cannot be written as JSON.
    #[error("the rows cannot be written: {0}")]
    Encoding(#[from] serde_json::Error),
    /// The work was lost with its task.
    #[error("the selection was stopped: {0}")]
    Stopped(#[from] tokio::task::JoinError),
}

/// Selects the rows, writes them, and freezes the file under name and uid of the TrainingRun.
///
/// The file is in the store before the ledger names it. Of two requests that race, the first one's dataset stands.
pub async fn freeze(
    ledger: &Ledger,
    route: &ModelRoute,
    request: DatasetRequest,
    at_ms: i64,
) -> Result<DatasetSnapshot, DatasetError> {
    let scope = scope(&route.key);
    if let Some(frozen) = ledger.dataset(&scope, &request).await? {
        return Ok(frozen);
    }
    let inputs = ledger.dataset_inputs(&scope, request.recipe, request.watermark).await?;
    let storage = route.storage.clone();
    let (recipe, seed, max_per_task) = (request.recipe, request.seed, request.max_per_task);
    let written = tokio::task::spawn_blocking(move || -> Result<_, DatasetError> {
        let rows = select(&inputs.answers, recipe, max_per_task as usize, seed);
        if rows.is_empty() {
            return Err(DatasetError::Empty);
        }
        let dataset = Store::open(&storage)?.put(Kind::Dataset, &json_lines(&rows)?)?;
        let mut tasks: Vec<&str> = rows.iter().map(|row| row.task.as_str()).collect();
        tasks.sort_unstable();
        tasks.dedup();
        Ok(DatasetSnapshot { dataset, rows: rows.len() as u64, tasks: tasks.len() as u64, watermark: inputs.watermark })
    });
    let snapshot = written.await??;
    Ok(ledger.freeze_dataset(&scope, request, snapshot, at_ms).await?)
}

fn json_lines(rows: &[DatasetRow]) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = Vec::new();
    for row in rows {
        serde_json::to_writer(&mut bytes, row)?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

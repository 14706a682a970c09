//! Identical programs of one request run once.

use std::collections::HashMap;

use genesis_core::execution::{ExecutionRecord, ExecutionRequest};

use crate::admission::sameness;

/// The distinct programs among `requests`, and for each request the index of its program among them.
pub(super) fn distinct(requests: &[ExecutionRequest]) -> (Vec<ExecutionRequest>, Vec<usize>) {
    let (mut programs, mut places) = (Vec::new(), HashMap::new());
    let indices = requests
        .iter()
        .map(|request| {
            *places.entry(sameness(request)).or_insert_with(|| {
                programs.push(request.clone());
                programs.len() - 1
            })
        })
        .collect();
    (programs, indices)
}

/// One record for each request, in order; all but the first of each program are marked as copies.
pub(super) fn spread(
    requests: &[ExecutionRequest],
    indices: &[usize],
    records: &[ExecutionRecord],
) -> Vec<ExecutionRecord> {
    let mut seen = vec![false; records.len()];
    requests
        .iter()
        .zip(indices)
        .filter_map(|(request, &index)| {
            let record = records.get(index)?.clone();
            let deduplicated = std::mem::replace(&mut seen[index], true);
            Some(ExecutionRecord { id: request.id.clone(), deduplicated, ..record })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use genesis_core::execution::ExecutionVerdict;

    use super::*;
    use crate::record::not_run;

    #[test]
    fn copies_are_marked_and_keep_their_own_ids_and_order() {
        let request = |id: &str, source: &str| -> ExecutionRequest {
            serde_json::from_value(serde_json::json!({"id": id, "source": source, "tests": null})).unwrap()
        };
        let requests = [request("a", "1"), request("b", "2"), request("c", "1")];
        let (programs, indices) = distinct(&requests);
        assert_eq!((programs.len(), indices.as_slice()), (2, &[0, 1, 0][..]));
        let records: Vec<_> =
            programs.iter().map(|program| not_run(program, ExecutionVerdict::Infra, String::new(), "")).collect();
        let spread = spread(&requests, &indices, &records);
        let shown: Vec<_> = spread.iter().map(|record| (record.id.as_str(), record.deduplicated)).collect();
        assert_eq!(shown, [("a", false), ("b", false), ("c", true)]);
    }
}

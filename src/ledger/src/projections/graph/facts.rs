//! Which nodes and edges a record gives: pure, and the same for an event and for a comparison.

use crate::error::Result;
use crate::ledger::Census;
use crate::rows;
use crate::types::TaskRef;
use crate::types::learning::LearningRecord;
use crate::types::pattern::{PatternRecord, RelationRecord};

/// A node of the graph.
pub(super) struct Node {
    pub(super) id: String,
    pub(super) kind: &'static str,
    pub(super) properties: String,
}

/// A directed edge. Weight 0: the relation is gone.
pub(super) struct Edge {
    pub(super) source: String,
    pub(super) kind: String,
    pub(super) target: String,
    pub(super) weight: u64,
}

/// Id of a pattern's node.
pub(super) fn pattern_id(pattern: &str) -> String {
    format!("pattern:{pattern}")
}

/// Id of an adapter's node.
pub(super) fn adapter_id(digest: &str) -> String {
    format!("adapter:{digest}")
}

/// What a node is called, without its kind.
pub(super) fn name(id: String) -> String {
    id.split_once(':').map_or_else(|| id.clone(), |(_, name)| name.to_owned())
}

pub(super) fn of_pattern(pattern: &PatternRecord) -> Result<(Node, Vec<Edge>)> {
    let node = Node { id: pattern_id(&pattern.id), kind: "pattern", properties: rows::to_json(pattern)? };
    let edges = provenance(&node.id, "solves", pattern.task.as_ref(), pattern.adapter.as_ref());
    Ok((node, edges))
}

pub(super) fn of_learning(learning: &LearningRecord) -> Result<(Node, Vec<Edge>)> {
    let id = format!("learning:{}", learning.sequence);
    let node = Node { id, kind: "learning", properties: rows::to_json(learning)? };
    let edges = provenance(&node.id, "about", learning.task.as_ref(), learning.adapter.as_ref());
    Ok((node, edges))
}

pub(super) fn of_relation(relation: &RelationRecord) -> Edge {
    Edge {
        source: pattern_id(&relation.from),
        kind: relation.kind.to_string(),
        target: pattern_id(&relation.to),
        weight: relation.observations,
    }
}

fn provenance(
    source: &str,
    to_task: &str,
    task: Option<&TaskRef>,
    adapter: Option<&genesis_core::Digest>,
) -> Vec<Edge> {
    let edge = |kind: &str, target| Edge { source: source.to_owned(), kind: kind.to_owned(), target, weight: 1 };
    let task = task.map(|task| edge(to_task, format!("task:{}", task.id)));
    let adapter = adapter.map(|adapter| edge("earned_by", adapter_id(adapter.as_str())));
    task.into_iter().chain(adapter).collect()
}

/// Every node and edge that the ledger's tables give, as items to compare by.
pub(super) fn expected(census: &Census) -> Result<Vec<String>> {
    let mut items = Vec::new();
    let mut add = |tenant: &str, (node, edges): (Node, Vec<Edge>)| {
        items.push(format!("node\t{tenant}\t{}\t{}", node.id, node.properties));
        items.extend(edges.iter().map(|edge| item(tenant, edge)));
    };
    for (tenant, pattern) in &census.patterns {
        add(tenant, of_pattern(pattern)?);
    }
    for (tenant, learning) in &census.learnings {
        add(tenant, of_learning(learning)?);
    }
    items.extend(census.relations.iter().map(|(tenant, relation)| item(tenant, &of_relation(relation))));
    Ok(items)
}

fn item(tenant: &str, edge: &Edge) -> String {
    format!("edge\t{tenant}\t{}\t{}\t{}\t{}", edge.source, edge.kind, edge.target, edge.weight)
}

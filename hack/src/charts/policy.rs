//! What must hold for every rendering of the chart, whatever the values.
//!
//! - No wildcard in a role, no verb that raises rights, no access to Secrets; one namespace means no cluster-wide object.
//! - No pod runs as the default ServiceAccount, and no account hands out tokens by itself.
//! - Every pod fits the restricted Pod Security Standard, has a read-only root, requests, limits and probes.
//! - Every pod of the chart, and every pod that the operator makes, is denied all traffic by default.
//! - Services lead to ports that are there, and only the public one may leave the cluster.

mod network;
mod pods;
mod rbac;
mod services;

use serde_json::Value;

use super::Check;
use super::manifests::Rendering;
use super::objects::{at, kind};

/// One rule over all objects of a rendering: problems, and how many things it looked at.
type Rule = fn(&Rendering) -> Found;

/// What a rule has found.
#[derive(Default)]
struct Found {
    looked_at: usize,
    problems: Vec<String>,
}

const RULES: [(&str, Rule); 7] = [
    ("roles hold no wildcard and raise no rights", rbac::roles),
    ("one namespace means nothing cluster-wide", rbac::scope),
    ("no default ServiceAccount, no token by itself", rbac::accounts),
    ("pods fit the restricted standard", pods::restricted),
    ("requests, limits and probes everywhere", pods::bounded),
    ("all traffic is denied by default", network::denied),
    ("Services lead to ports that are there", services::lead),
];

/// Runs every rule over every rendering.
pub(super) fn check(renderings: &[Rendering]) -> Vec<Check> {
    let over_all = |(name, rule): (&'static str, Rule)| {
        let mut check = Check { name, looked_at: 0, problems: Vec::new() };
        for rendering in renderings {
            let found = rule(rendering);
            check.looked_at += found.looked_at;
            check.problems.extend(found.problems.iter().map(|problem| format!("{}: {problem}", rendering.name)));
        }
        check
    };
    RULES.into_iter().map(over_all).collect()
}

impl Found {
    /// Notes a problem where something does not hold.
    fn expect(&mut self, holds: bool, problem: impl FnOnce() -> String) {
        if !holds {
            self.problems.push(problem());
        }
    }
}

/// All objects of a kind.
fn of_kind<'a>(rendering: &'a Rendering, wanted: &'a str) -> impl Iterator<Item = &'a Value> {
    rendering.objects.iter().filter(move |object| kind(object) == wanted)
}

/// The objects that have pods, each with its pod template.
fn with_pods(rendering: &Rendering) -> impl Iterator<Item = (&Value, &Value)> {
    let kinds = ["Deployment", "StatefulSet", "DaemonSet", "Job"];
    let owners = rendering.objects.iter().filter(move |object| kinds.contains(&kind(object)));
    owners.map(|object| (object, at(object, &["spec", "template"])))
}

#[cfg(test)]
mod tests;

//! `spec.podFailurePolicy`: what a failed pod means. Pure.

use k8s_openapi::api::{
    batch::v1::{Job, PodFailurePolicyRule},
    core::v1::{ContainerStatus, Pod},
};
use kube::ResourceExt as _;

/// What a failed pod does to its job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It counts towards the backoff limit.
    Count,
    /// It is replaced and does not count.
    Ignore,
    /// The job fails, with this message.
    FailJob(String),
}

/// The verdict of the first rule that matches.
pub fn judge(job: &Job, pod: &Pod) -> Verdict {
    let rules = job.spec.as_ref().and_then(|s| s.pod_failure_policy.as_ref()).map_or(&[][..], |p| p.rules.as_slice());
    for (i, rule) in rules.iter().enumerate() {
        if let Some(why) = matches(rule, pod) {
            return match rule.action.as_str() {
                "Ignore" => Verdict::Ignore,
                "FailJob" => Verdict::FailJob(format!("{why} matching FailJob rule at index {i}")),
                _ => Verdict::Count,
            };
        }
    }
    Verdict::Count
}

/// Why a rule matches, as the condition's message begins.
fn matches(rule: &PodFailurePolicyRule, pod: &Pod) -> Option<String> {
    let status = pod.status.as_ref()?;
    let name = format!("{}/{}", pod.namespace().unwrap_or_default(), pod.name_any());
    if let Some(codes) = &rule.on_exit_codes {
        let containers = status.container_statuses.iter().flatten();
        let mut named = containers.filter(|c| codes.container_name.as_ref().is_none_or(|n| *n == c.name));
        return named.find_map(|container| {
            let code = exit_code(container)?;
            // Exit code 0 matches nothing, not even NotIn.
            let listed = codes.values.contains(&code);
            let hit = code != 0 && (listed == (codes.operator == "In"));
            hit.then(|| format!("Container {} for pod {name} failed with exit code {code}", container.name))
        });
    }
    rule.on_pod_conditions.iter().flatten().find_map(|pattern| {
        let wanted = pattern.status.as_deref().unwrap_or("True");
        let conditions = status.conditions.as_deref().unwrap_or_default();
        let hit = conditions.iter().any(|c| c.type_ == pattern.type_ && c.status == wanted);
        hit.then(|| format!("Pod {name} has condition {}", pattern.type_))
    })
}

fn exit_code(container: &ContainerStatus) -> Option<i32> {
    Some(container.state.as_ref()?.terminated.as_ref()?.exit_code)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn pod(code: i32, conditions: Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": { "name": "p", "namespace": "n" },
            "status": {
                "phase": "Failed", "conditions": conditions,
                "containerStatuses": [{ "name": "main", "ready": false, "restartCount": 0, "image": "", "imageID": "",
                                        "state": { "terminated": { "exitCode": code } } }],
            },
        }))
        .unwrap()
    }

    fn job(rules: Value) -> Job {
        serde_json::from_value(json!({ "spec": { "podFailurePolicy": { "rules": rules } } })).unwrap()
    }

    #[test]
    fn the_first_matching_rule_decides() {
        let job = job(json!([
            { "action": "Ignore", "onPodConditions": [{ "type": "DisruptionTarget", "status": "True" }] },
            { "action": "FailJob", "onExitCodes": { "containerName": "main", "operator": "In", "values": [42] } },
            { "action": "Count", "onExitCodes": { "operator": "NotIn", "values": [7] } },
        ]));
        let disrupted = json!([{ "type": "DisruptionTarget", "status": "True" }]);
        assert_eq!(judge(&job, &pod(42, disrupted)), Verdict::Ignore);
        assert_eq!(
            judge(&job, &pod(42, json!([]))),
            Verdict::FailJob(
                "Container main for pod n/p failed with exit code 42 matching FailJob rule at index 1".to_owned()
            )
        );
        assert_eq!(judge(&job, &pod(1, json!([]))), Verdict::Count);
    }
}

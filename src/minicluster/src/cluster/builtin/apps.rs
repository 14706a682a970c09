//! Deployment and ReplicaSet.

use serde_json::{Value, json};

use super::{Rules, pod, pod_validation::validate_template};
use crate::cluster::{
    error::Cause,
    meta::{child_mut, set_default},
    selector,
};

/// Deployment defaults and checks.
pub const DEPLOYMENT: Rules = Rules {
    default: |object| {
        let spec = child_mut(object, "spec");
        set_default(spec, "replicas", json!(1));
        set_default(spec, "revisionHistoryLimit", json!(10));
        set_default(spec, "progressDeadlineSeconds", json!(600));
        set_default(spec, "strategy", json!({}));
        if let Some(strategy) = spec.get_mut("strategy").and_then(Value::as_object_mut) {
            set_default(strategy, "type", json!("RollingUpdate"));
            if strategy["type"] == "RollingUpdate" {
                set_default(strategy, "rollingUpdate", json!({}));
                if let Some(rolling) = strategy.get_mut("rollingUpdate").and_then(Value::as_object_mut) {
                    set_default(rolling, "maxUnavailable", json!("25%"));
                    set_default(rolling, "maxSurge", json!("25%"));
                }
            }
        }
        pod::default_template(&mut object["spec"]["template"]);
    },
    prepare_create: |object| object["status"] = json!({}),
    validate: validate_workload,
    validate_update: validate_selector_unchanged,
    ..Rules::PLAIN
};

/// ReplicaSet defaults and checks.
pub const REPLICA_SET: Rules = Rules {
    default: |object| {
        set_default(child_mut(object, "spec"), "replicas", json!(1));
        pod::default_template(&mut object["spec"]["template"]);
    },
    prepare_create: |object| object["status"] = json!({ "replicas": 0 }),
    validate: validate_workload,
    validate_update: validate_selector_unchanged,
    ..Rules::PLAIN
};

fn validate_workload(object: &Value) -> Vec<Cause> {
    let spec = &object["spec"];
    let mut causes = Vec::new();
    if spec["replicas"].as_i64().is_some_and(|n| n < 0) {
        let detail = "must be greater than or equal to 0";
        causes.push(Cause::invalid("spec.replicas", &spec["replicas"], detail));
    }
    let labels = &spec["template"]["metadata"]["labels"];
    match selector::LabelSelector::from_json(&spec["selector"]) {
        Ok(parsed) if parsed.is_everything() => {
            let detail = "empty selector is invalid for deployment";
            causes.push(Cause::required("spec.selector", ""));
            causes.push(Cause::invalid("spec.selector", &json!({}), detail));
        }
        Ok(parsed) if !parsed.matches(labels) => {
            let detail = "`selector` does not match template `labels`";
            causes.push(Cause::invalid("spec.template.metadata.labels", labels, detail));
        }
        Ok(_) => {}
        Err(detail) => causes.push(Cause::invalid("spec.selector", &spec["selector"], &detail)),
    }
    causes.extend(validate_template("spec.template", &spec["template"]));
    if spec["template"]["spec"]["restartPolicy"] != "Always" {
        let value = &spec["template"]["spec"]["restartPolicy"];
        causes.push(Cause::not_supported("spec.template.spec.restartPolicy", value, &["Always".to_owned()]));
    }
    causes
}

fn validate_selector_unchanged(object: &Value, old: &Value) -> Vec<Cause> {
    if object["spec"]["selector"] == old["spec"]["selector"] {
        Vec::new()
    } else {
        vec![Cause::invalid("spec.selector", &object["spec"]["selector"], "field is immutable")]
    }
}

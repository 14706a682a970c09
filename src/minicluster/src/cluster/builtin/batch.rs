//! Job defaults and checks of `batch/v1`.

use serde_json::{Value, json};

use super::{Rules, pod, pod_validation::validate_template};
use crate::cluster::{
    error::Cause,
    meta::{self, child_mut, set_default},
};

/// Job behaviour.
pub const JOB: Rules = Rules {
    default: default_job,
    prepare_create: |object| {
        object["status"] = json!({});
        generate_selector(object);
    },
    validate: validate_job,
    validate_update,
    ..Rules::PLAIN
};

fn default_job(object: &mut Value) {
    let spec = child_mut(object, "spec");
    let absent = |spec: &serde_json::Map<String, Value>, field| spec.get(field).is_none_or(Value::is_null);
    if absent(spec, "completions") && absent(spec, "parallelism") {
        spec.insert("completions".to_owned(), json!(1));
    }
    set_default(spec, "parallelism", json!(1));
    let per_index = !absent(spec, "backoffLimitPerIndex");
    set_default(spec, "backoffLimit", json!(if per_index { i32::MAX } else { 6 }));
    set_default(spec, "completionMode", json!("NonIndexed"));
    set_default(spec, "suspend", json!(false));
    set_default(spec, "manualSelector", json!(false));
    let with_policy = !absent(spec, "podFailurePolicy");
    set_default(spec, "podReplacementPolicy", json!(if with_policy { "Failed" } else { "TerminatingOrFailed" }));
    for rule in spec.get_mut("podFailurePolicy").and_then(|p| p["rules"].as_array_mut()).into_iter().flatten() {
        for pattern in rule.get_mut("onPodConditions").and_then(Value::as_array_mut).into_iter().flatten() {
            if let Some(pattern) = pattern.as_object_mut() {
                set_default(pattern, "status", json!("True"));
            }
        }
    }
    pod::default_template(&mut object["spec"]["template"]);
}

/// Gives the job its own selector and labels its template with it, unless the selector is manual.
fn generate_selector(object: &mut Value) {
    if object["spec"]["manualSelector"] == json!(true) {
        return;
    }
    let (uid, name) = (meta::uid(object).to_owned(), meta::name(object).to_owned());
    object["spec"]["selector"] = json!({ "matchLabels": { "batch.kubernetes.io/controller-uid": uid } });
    let labels = meta::metadata_mut(&mut object["spec"]["template"]).entry("labels").or_insert_with(|| json!({}));
    for (key, value) in [
        ("controller-uid", &uid),
        ("batch.kubernetes.io/controller-uid", &uid),
        ("job-name", &name),
        ("batch.kubernetes.io/job-name", &name),
    ] {
        labels[key] = json!(value);
    }
}

fn validate_job(object: &Value) -> Vec<Cause> {
    let spec = &object["spec"];
    let mut causes = Vec::new();
    let non_negative = [
        "parallelism",
        "completions",
        "backoffLimit",
        "backoffLimitPerIndex",
        "activeDeadlineSeconds",
        "ttlSecondsAfterFinished",
    ];
    for field in non_negative {
        if spec[field].as_i64().is_some_and(|n| n < 0) {
            let detail = "must be greater than or equal to 0";
            causes.push(Cause::invalid(format!("spec.{field}"), &spec[field], detail));
        }
    }
    if spec["completionMode"] == "Indexed" && spec["completions"].is_null() {
        causes.push(Cause::required("spec.completions", "when completion mode is Indexed"));
    }
    causes.extend(validate_template("spec.template", &spec["template"]));
    let restart = &spec["template"]["spec"]["restartPolicy"];
    if restart != "OnFailure" && restart != "Never" {
        let detail = "valid values: \"OnFailure\", \"Never\"";
        causes.push(Cause::required("spec.template.spec.restartPolicy", detail));
    }
    if spec["podFailurePolicy"].is_object() {
        causes.extend(validate_failure_policy(spec));
    }
    causes
}

fn validate_failure_policy(spec: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    if spec["template"]["spec"]["restartPolicy"] != "Never" {
        let detail = "only \"Never\" is supported when podFailurePolicy is specified";
        causes.push(Cause::invalid(
            "spec.template.spec.restartPolicy",
            &spec["template"]["spec"]["restartPolicy"],
            detail,
        ));
    }
    for (i, rule) in spec["podFailurePolicy"]["rules"].as_array().into_iter().flatten().enumerate() {
        let path = format!("spec.podFailurePolicy.rules[{i}]");
        let actions = ["Count", "FailIndex", "FailJob", "Ignore"].map(str::to_owned);
        if !actions.iter().any(|a| rule["action"] == a.as_str()) {
            causes.push(Cause::not_supported(format!("{path}.action"), &rule["action"], &actions));
        }
        let conditions = rule["onPodConditions"].as_array().is_some_and(|c| !c.is_empty());
        if rule["onExitCodes"].is_object() == conditions {
            let detail = "specifying one of OnExitCodes and OnPodConditions is required";
            causes.push(Cause::invalid(path, &rule["action"], detail));
        }
    }
    causes
}

fn validate_update(object: &Value, old: &Value) -> Vec<Cause> {
    let (new, old_spec) = (&object["spec"], &old["spec"]);
    let mut causes = Vec::new();
    let mut immutable = |field: &str| {
        if new[field] != old_spec[field] {
            causes.push(Cause::invalid(format!("spec.{field}"), &new[field], "field is immutable"));
        }
    };
    immutable("selector");
    immutable("completionMode");
    immutable("podFailurePolicy");
    immutable("backoffLimitPerIndex");
    // Indexed jobs are elastic: completions may follow parallelism.
    let elastic = new["completionMode"] == "Indexed" && new["completions"] == new["parallelism"];
    if !elastic {
        immutable("completions");
    }
    let suspended = old_spec["suspend"] == json!(true) && old["status"]["startTime"].is_null();
    if suspended {
        // Queueing systems may still move a job that has not started: scheduling directives are open.
        if new["template"]["spec"]["containers"].as_array().map(Vec::len)
            != old_spec["template"]["spec"]["containers"].as_array().map(Vec::len)
        {
            immutable("template");
        }
    } else {
        immutable("template");
    }
    causes
}

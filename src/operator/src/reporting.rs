//! How Jobs know where to report, and with what token.

use genesis_core::Digest;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{EnvVar, EnvVarSource, Secret, SecretKeySelector};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::api::ObjectMeta;

use crate::config::Settings;
use crate::pods::variable;
use crate::token::{JobKind, Subject};

/// Key of the token in its Secret.
const TOKEN_KEY: &str = "token";

/// Where a Job reports, and which Secret holds its token.
pub fn report_environment(settings: &Settings, subject: Subject<'_>) -> Vec<EnvVar> {
    let key = SecretKeySelector { name: secret_name(subject), key: TOKEN_KEY.into(), optional: None };
    let source = EnvVarSource { secret_key_ref: Some(key), ..EnvVarSource::default() };
    vec![
        variable("GENESIS_REPORT_URL", &format!("{}{}", settings.report_url, subject.path())),
        EnvVar { name: "GENESIS_REPORT_TOKEN".into(), value: None, value_from: Some(source) },
    ]
}

/// The Secret with the token of an object's Jobs. Who may read Jobs and pods cannot report in their place.
pub fn report_secret(settings: &Settings, subject: Subject<'_>, owner: Vec<OwnerReference>) -> Secret {
    Secret {
        metadata: ObjectMeta {
            name: Some(secret_name(subject)),
            namespace: Some(subject.namespace.into()),
            owner_references: Some(owner),
            ..ObjectMeta::default()
        },
        data: Some([(TOKEN_KEY.into(), ByteString(subject.token(&settings.service_token).into_bytes()))].into()),
        immutable: Some(true),
        ..Secret::default()
    }
}

/// An object that is made again under its name gets another Secret: the old one may not be collected yet.
fn secret_name(subject: Subject<'_>) -> String {
    let digest = Digest::of_bytes(subject.uid.as_bytes());
    let tag = digest.short();
    match subject.kind {
        JobKind::TrainingRuns => format!("{}-train-report-{tag}", subject.name),
        JobKind::Evaluations => format!("{}-evaluate-report-{tag}", subject.name),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_token_stands_in_a_secret_and_nowhere_else() {
        let subject = Subject { kind: JobKind::TrainingRuns, namespace: "ns", name: "run", uid: "1" };
        let settings = crate::model::testing::settings();
        let secret = report_secret(&settings, subject, Vec::new());
        let token = subject.token(&settings.service_token);
        assert_eq!(secret.data.unwrap()[TOKEN_KEY], ByteString(token.clone().into_bytes()));
        let told = serde_json::to_value(report_environment(&settings, subject)).unwrap();
        assert!(!told.to_string().contains(&token));
        assert_eq!(told[1]["valueFrom"]["secretKeyRef"]["name"], json!(secret.metadata.name));
    }
}

//! `kubectl genesis check`: is the installation whole?

use std::collections::BTreeSet;
use std::io::Write;

use anyhow::Result;
use genesis_api::names::GROUP;
use genesis_api::{GenesisModel, TrainingRun};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec};
use k8s_openapi::api::core::v1::PersistentVolumeClaim;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::Api;
use kube::api::{ListParams, PostParams};

use super::{Ending, Session, fetch};
use crate::check::{self, Access, Question};
use crate::output::Form;
use crate::report::{Check, Report};

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  kubectl genesis check
  kubectl genesis check -n team -o json")]
pub struct Arguments {
    /// Form of the answer
    #[arg(long, short, value_enum, default_value_t)]
    output: Form,
}

impl Arguments {
    /// Runs it.
    pub async fn run(self, session: &Session, out: &mut impl Write) -> Result<Ending> {
        let mut checks = definitions(session).await;
        let known = !checks.iter().any(|check| check.numbers == "is not installed");
        checks.extend(workloads(session).await);
        checks.extend(check::permissions(&access(session).await?, &session.namespace));
        if known {
            let namespace = Some(session.namespace.as_str());
            let models: Vec<GenesisModel> = fetch::list(&session.client, namespace, &ListParams::default()).await?;
            let runs: Vec<TrainingRun> = fetch::list(&session.client, namespace, &ListParams::default()).await?;
            checks.extend(check::working(&models));
            checks.extend(check::claims(&volumes(session, &models).await?, &runs));
        }
        let bad = checks.iter().any(Check::is_bad);
        let verdict = if bad { "something is not right" } else { "all is well" };
        let report = Report { title: "Genesis".to_owned(), verdict: verdict.to_owned(), checks };
        out.write_all(self.output.of(&report, || report.text(session.coloured))?.as_bytes())?;
        Ok((!bad).into())
    }
}

async fn definitions(session: &Session) -> Vec<Check> {
    let api = Api::<CustomResourceDefinition>::all(session.client.clone());
    match api.list(&ListParams::default()).await {
        Ok(list) => check::definitions(&list.items),
        Err(error) => {
            let error = fetch::explained(error, "customresourcedefinitions");
            vec![Check::warns("CRDs", format!("cannot be read: {error:#}"), "ask for the right to list them")]
        }
    }
}

/// The workloads may be in any namespace; who may not look into all of them looks into this one.
async fn workloads(session: &Session) -> Vec<Check> {
    let everywhere = fetch::list::<Deployment>(&session.client, None, &ListParams::default()).await;
    let found = match everywhere {
        Ok(found) => Ok(found),
        Err(_) => fetch::list(&session.client, Some(&session.namespace), &ListParams::default()).await,
    };
    match found {
        Ok(found) => vec![check::workload("operator", &found), check::workload("gateway", &found)],
        Err(error) => {
            vec![Check::warns("workloads", format!("{error:#}"), "ask for the right to list deployments")]
        }
    }
}

async fn access(session: &Session) -> Result<Vec<(Question, Access)>> {
    let api = Api::<SelfSubjectAccessReview>::all(session.client.clone());
    let mut answers = Vec::new();
    for question in check::questions() {
        let attributes = ResourceAttributes {
            group: Some(GROUP.to_owned()),
            resource: Some(question.kind.plural().to_owned()),
            verb: Some(question.verb.to_owned()),
            namespace: Some(session.namespace.clone()),
            ..ResourceAttributes::default()
        };
        let spec = SelfSubjectAccessReviewSpec { resource_attributes: Some(attributes), ..Default::default() };
        let review = SelfSubjectAccessReview { spec, ..SelfSubjectAccessReview::default() };
        let answer = match api.create(&PostParams::default(), &review).await {
            Ok(answered) if answered.status.as_ref().is_some_and(|status| status.allowed) => Access::Allowed,
            Ok(_) => Access::Denied,
            Err(kube::Error::Api(status)) if matches!(status.code, 403..=405) => Access::Unknown,
            Err(error) => return Err(fetch::explained(error, "selfsubjectaccessreviews")),
        };
        answers.push((question, answer));
    }
    Ok(answers)
}

/// The volumes that models name, with their phases.
async fn volumes(session: &Session, models: &[GenesisModel]) -> Result<Vec<(String, Option<String>)>> {
    let names: BTreeSet<&String> = models.iter().filter_map(|model| model.spec.storage.claim_name.as_ref()).collect();
    let mut volumes = Vec::new();
    for name in names {
        let found = session.find::<PersistentVolumeClaim>(name).await?;
        let phase = found.map(|claim| claim.status.and_then(|status| status.phase).unwrap_or_else(|| "Pending".into()));
        volumes.push((name.clone(), phase));
    }
    Ok(volumes)
}

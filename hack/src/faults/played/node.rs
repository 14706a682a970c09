//! The cluster's controllers and kubelet, played: pods of Deployments are ready at once, and Jobs do what their programs
//! would.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use anyhow::{Context, Result};
use genesis_api::names::{ROLE_LABEL, Role};
use genesis_artifacts::Store;
use genesis_client::JobReporter;
use genesis_core::Digest;
use genesis_core::adapter::{PROOF_FILE, Proof, ProofEntry};
use genesis_core::promotion::{EvaluationSummary, SuiteSummary};
use genesis_core::wire::{ArtifactRef, JobEvent};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{EnvVar, Pod, Secret};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

/// Pause between two looks.
const PAUSE: Duration = Duration::from_millis(20);
/// Longest wait for an answer of the operator.
const SILENCE: Duration = Duration::from_secs(2);

/// Gain of every candidate, and where adapters are kept.
pub struct PlayedNode {
    /// A client without faults.
    pub client: Client,
    /// The artifact store of the model.
    pub store: Store,
    /// pass@1 gained by every candidate.
    pub gain: f64,
}

impl PlayedNode {
    /// Plays until the task is aborted. What cannot be done now, because the operator is down, is tried again.
    pub async fn play(self) {
        let mut done = BTreeSet::new();
        loop {
            for result in [self.deployments().await, self.jobs(&mut done).await] {
                if let Err(error) = result {
                    tracing::debug!("{error:#}");
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = k8s_openapi::NamespaceResourceScope, DynamicType = ()>,
    {
        Api::namespaced(self.client.clone(), "default")
    }

    async fn deployments(&self) -> Result<()> {
        let pods = self.api::<Pod>();
        let found = self.api::<Deployment>().list(&ListParams::default()).await?.items;
        for (index, deployment) in found.into_iter().enumerate() {
            let name = format!("{}-0", deployment.name_any());
            if pods.get_opt(&name).await?.is_some() {
                continue;
            }
            let template = deployment.spec.context("a Deployment has a spec")?.template;
            let labels = template.metadata.and_then(|metadata| metadata.labels);
            let pod = json!({ "metadata": { "name": name, "labels": labels }, "spec": template.spec });
            pods.create(&PostParams::default(), &serde_json::from_value(pod)?).await?;
            let status = json!({ "status": {
                "phase": "Running", "podIP": format!("127.0.1.{index}"),
                "conditions": [{ "type": "Ready", "status": "True" }],
            }});
            pods.patch_status(&name, &PatchParams::default(), &Patch::Merge(status)).await?;
        }
        Ok(())
    }

    async fn jobs(&self, done: &mut BTreeSet<String>) -> Result<()> {
        for job in self.api::<Job>().list(&ListParams::default()).await? {
            let uid = job.uid().unwrap_or_default();
            if !done.contains(&uid) {
                self.work(&job).await?;
                done.insert(uid);
            }
        }
        Ok(())
    }

    /// What the program of a Job does, and the controller of Jobs after it.
    async fn work(&self, job: &Job) -> Result<()> {
        let template = &job.spec.as_ref().context("a Job has a spec")?.template;
        let container = template.spec.as_ref().and_then(|pod| pod.containers.first()).context("it has a container")?;
        let env = self.environment(container.env.as_deref().unwrap_or_default()).await?;
        let variable = |name: &str| env.get(name).map(String::as_str).with_context(|| format!("{name} is set"));
        let (url, token) = (variable("GENESIS_REPORT_URL")?, variable("GENESIS_REPORT_TOKEN")?);
        // The connections of an operator that was killed are closed; those of a played one only fall silent.
        let http = reqwest::Client::builder().timeout(SILENCE).build()?;
        let reporter = JobReporter::new(http, url, token);
        reporter.tell(&JobEvent::Started { total_steps: 10, resumed_from: 0 }).await?;
        let role = template.metadata.as_ref().and_then(|metadata| metadata.labels.as_ref()?.get(ROLE_LABEL));
        let event = if role == Some(&Role::Trainer.to_string()) {
            self.train(&job.name_any())?
        } else {
            self.evaluate(&job.name_any())
        };
        reporter.tell(&event).await?;
        let complete = json!({ "conditions": [{ "type": "Complete", "status": "True" }], "succeeded": 1 });
        let patch = Patch::Merge(json!({ "status": complete }));
        self.api::<Job>().patch_status(&job.name_any(), &PatchParams::default(), &patch).await?;
        Ok(())
    }

    /// Values of variables, those from Secrets included.
    async fn environment(&self, variables: &[EnvVar]) -> Result<HashMap<String, String>> {
        let mut values = HashMap::new();
        for variable in variables {
            if let Some(value) = &variable.value {
                values.insert(variable.name.clone(), value.clone());
            }
            let Some(source) = variable.value_from.as_ref().and_then(|from| from.secret_key_ref.as_ref()) else {
                continue;
            };
            let secret = self.api::<Secret>().get(&source.name).await?;
            let bytes = secret.data.unwrap_or_default().remove(&source.key).context("the Secret has the key")?;
            values.insert(variable.name.clone(), String::from_utf8(bytes.0)?);
        }
        Ok(values)
    }

    fn train(&self, name: &str) -> Result<JobEvent> {
        let entry = ProofEntry { text: name.into(), adapter: vec![-0.5, -0.25], base: vec![-1.0, -1.0] };
        let proof = serde_json::to_vec(&Proof { entries: vec![entry] })?;
        let adapter = self.store.put_adapter(&[(PROOF_FILE, &proof), ("adapter_config.json", b"{}")])?;
        Ok(JobEvent::Trained { adapter, rank: 8, size_bytes: 2, first_loss: 1.5, last_loss: 0.5, steps: 10 })
    }

    fn evaluate(&self, name: &str) -> JobEvent {
        let suite = SuiteSummary {
            suite: "sealed".into(),
            tasks: 180,
            families: 60,
            samples: 8,
            infra: 0,
            baseline_pass1: 0.5,
            candidate_pass1: 0.5 + self.gain,
            baseline_pass8: 0.9,
            candidate_pass8: 0.9,
            pass1_by_family: vec![(3.0 * self.gain, 3); 60],
            pass8_by_family: vec![(0.0, 3); 60],
        };
        let summary =
            EvaluationSummary { suites: vec![suite], executions: 2880, seed: 1, ..EvaluationSummary::default() };
        let report = ArtifactRef { uri: "file:///reports/r".into(), digest: Digest::of_bytes(name.as_bytes()) };
        JobEvent::Evaluated { report, summary: Box::new(summary) }
    }
}

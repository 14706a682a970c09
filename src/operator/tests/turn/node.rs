//! Plays the cluster's controllers and kubelet: pods of Deployments are ready at once, and Jobs do what their programs
//! would.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use genesis_api::names::{ROLE_LABEL, Role};
use genesis_artifacts::Store;
use genesis_client::JobReporter;
use genesis_core::adapter::{PROOF_FILE, Proof, ProofEntry};
use genesis_core::wire::JobEvent;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::batch::v1::Job;
use k8s_openapi::api::core::v1::{EnvVar, Pod, Secret};
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, ResourceExt};
use serde_json::json;

use crate::evaluations::evaluated;

/// Gain of every candidate, and where adapters are kept.
pub struct PlayedNode {
    pub client: Client,
    pub store: Store,
    pub gain: f64,
}

impl PlayedNode {
    /// Plays until the task is aborted.
    pub async fn play(self) {
        let mut done = BTreeSet::new();
        loop {
            self.deployments().await;
            self.jobs(&mut done).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    async fn deployments(&self) {
        let deployments = Api::<Deployment>::namespaced(self.client.clone(), "default");
        let pods = Api::<Pod>::namespaced(self.client.clone(), "default");
        for (index, deployment) in deployments.list(&ListParams::default()).await.unwrap().items.into_iter().enumerate()
        {
            let name = format!("{}-0", deployment.name_any());
            if pods.get_opt(&name).await.unwrap().is_some() {
                continue;
            }
            let template = deployment.spec.unwrap().template;
            let metadata = json!({ "name": name, "labels": template.metadata.unwrap().labels });
            let pod: Pod = serde_json::from_value(json!({ "metadata": metadata, "spec": template.spec })).unwrap();
            pods.create(&PostParams::default(), &pod).await.unwrap();
            let status = json!({ "status": {
                "phase": "Running", "podIP": format!("127.0.1.{index}"),
                "conditions": [{ "type": "Ready", "status": "True" }],
            }});
            pods.patch_status(&name, &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
        }
    }

    async fn jobs(&self, done: &mut BTreeSet<String>) {
        let jobs = Api::<Job>::namespaced(self.client.clone(), "default");
        for job in jobs.list(&ListParams::default()).await.unwrap() {
            if !done.insert(job.name_any()) {
                continue;
            }
            let template = job.spec.clone().unwrap().template;
            let container = template.spec.unwrap().containers.remove(0);
            let variables = container.env.unwrap_or_default();
            let env: HashMap<String, EnvVar> = variables.into_iter().map(|var| (var.name.clone(), var)).collect();
            let url = env["GENESIS_REPORT_URL"].value.clone().unwrap();
            let token = token(&self.client, &env["GENESIS_REPORT_TOKEN"]).await;
            let reporter = JobReporter::new(reqwest::Client::new(), &url, &token);
            reporter.tell(&JobEvent::Started { total_steps: 10, resumed_from: 0 }).await.unwrap();
            let role = template.metadata.unwrap().labels.unwrap()[ROLE_LABEL].clone();
            let event = if role == Role::Trainer.to_string() {
                self.train(&job.name_any())
            } else {
                evaluated(self.gain, &job.name_any())
            };
            reporter.tell_until_accepted(&event).await.unwrap();
            let status =
                json!({ "status": { "conditions": [{ "type": "Complete", "status": "True" }], "succeeded": 1 } });
            jobs.patch_status(&job.name_any(), &PatchParams::default(), &Patch::Merge(status)).await.unwrap();
        }
    }

    fn train(&self, name: &str) -> JobEvent {
        let entry = ProofEntry { text: name.into(), adapter: vec![-0.5, -0.25], base: vec![-1.0, -1.0] };
        let proof = serde_json::to_vec(&Proof { entries: vec![entry] }).unwrap();
        let adapter = self.store.put_adapter(&[(PROOF_FILE, &proof), ("adapter_config.json", b"{}")]).unwrap();
        JobEvent::Trained { adapter, rank: 8, size_bytes: 2, first_loss: 1.5, last_loss: 0.5, steps: 10 }
    }
}

/// The value of a variable that comes from a Secret.
async fn token(client: &Client, variable: &EnvVar) -> String {
    let key = variable.value_from.clone().unwrap().secret_key_ref.unwrap();
    let secret = Api::<Secret>::namespaced(client.clone(), "default").get(&key.name).await.unwrap();
    String::from_utf8(secret.data.unwrap().remove(&key.key).unwrap().0).unwrap()
}

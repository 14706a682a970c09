//! What the demo asks of the Kubernetes API: it applies one object and reads the others.

use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use genesis_api::names::{INFERENCE_ADMIN_PORT, INFERENCE_PORT, Role, SANDBOX_PORT, pod_selector, training_job_name};
use genesis_api::{Evaluation, GenesisModel, Rollout, TrainingRun};
use genesis_client::InferenceClient;
use genesis_core::Digest;
use genesis_core::wire::Recipe;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, ObjectMeta, Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config, ResourceExt};
use serde_json::json;

use super::Options;
use super::patience::patient;
use crate::paths;

/// Namespace of the demo's objects.
pub(super) const NAMESPACE: &str = "default";
/// Name of the demo's GenesisModel.
pub(crate) const MODEL: &str = "seedling";
/// Name of the control's TrainingRun.
const CONTROL: &str = "seedling-control";

#[derive(Clone)]
pub(crate) struct Cluster {
    client: Client,
    namespace: String,
}

impl Cluster {
    /// To the namespace in which the demo's model is.
    pub(crate) async fn connect(kubeconfig: &Path) -> Result<Self> {
        Self::connect_in(kubeconfig, NAMESPACE).await
    }

    /// To another one.
    pub(crate) async fn connect_in(kubeconfig: &Path, namespace: &str) -> Result<Self> {
        let config = Kubeconfig::read_from(kubeconfig).with_context(|| format!("read {}", kubeconfig.display()))?;
        let config = Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?;
        Ok(Self { client: patient(Client::try_from(config)?), namespace: namespace.to_owned() })
    }

    pub(crate) fn models(&self) -> Api<GenesisModel> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) fn runs(&self) -> Api<TrainingRun> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) fn evaluations(&self) -> Api<Evaluation> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) fn rollouts(&self) -> Api<Rollout> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    /// Applies `manifests/samples/seedling.yaml` with this run's folder and seed in it.
    pub(crate) async fn apply_model(&self, options: &Options) -> Result<()> {
        let path = paths::root().join("manifests/samples/seedling.yaml");
        let text = std::fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))?;
        let mut model: serde_json::Value = serde_yaml::from_str(&text)?;
        let data = options.data.canonicalize()?;
        // A folder of this machine instead of a claim of a cluster.
        model["spec"]["storage"] = json!({ "uri": format!("file://{}/store", data.display()) });
        // Reached towards the end of the client's work, so that the dataset sees nearly all of it.
        model["spec"]["triggers"]["minNewLearnings"] = json!(options.loop_families * 6 * 33 / 10);
        model["spec"]["trainingTemplate"]["seed"] = json!(options.seed);
        model["spec"]["evaluationTemplate"]["sampling"]["seed"] = json!(options.seed);
        let apply = PatchParams::apply("genesis-demo").force();
        self.models().patch(MODEL, &apply, &Patch::Apply(model)).await.context("apply the GenesisModel")?;
        Ok(())
    }

    /// Holds the loop; serving goes on.
    pub(crate) async fn suspend(&self) -> Result<()> {
        let patch = Patch::Merge(json!({ "spec": { "suspend": true } }));
        self.models().patch(MODEL, &PatchParams::default(), &patch).await?;
        Ok(())
    }

    pub(crate) async fn model(&self) -> Result<GenesisModel> {
        Ok(self.models().get(MODEL).await?)
    }

    /// Waits for condition Ready.
    pub(crate) async fn wait_ready(&self) -> Result<()> {
        let start = Instant::now();
        loop {
            let model = self.model().await?;
            let conditions = model.status.map(|status| status.conditions).unwrap_or_default();
            let ready = conditions.iter().find(|condition| condition.type_ == "Ready");
            if ready.is_some_and(|condition| condition.status == "True") {
                return Ok(());
            }
            if start.elapsed() > Duration::from_secs(90) {
                let why = ready.map_or("it has no condition Ready", |condition| condition.message.as_str());
                bail!("GenesisModel {MODEL} is not Ready after 90 s: {why}");
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The TrainingRun that the loop made by itself, once its dataset is frozen.
    pub(crate) async fn wait_training_run(&self) -> Result<String> {
        let start = Instant::now();
        while start.elapsed() < Duration::from_mins(1) {
            for run in self.runs().list(&ListParams::default()).await? {
                let frozen = run.status.as_ref().is_some_and(|status| status.dataset.is_some());
                if frozen && run.name_any() != CONTROL {
                    return Ok(run.name_any());
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        bail!("no TrainingRun with a dataset appeared within 60 s of the trigger")
    }

    /// Creates a TrainingRun by hand, as a person would: like the loop's own, from the same evidence, but unfiltered.
    pub(crate) async fn create_control(&self, like: &str) -> Result<String> {
        let run = self.runs().get(like).await?;
        let mut spec = run.spec.clone();
        spec.dataset.recipe = Recipe::Unfiltered;
        spec.dataset.watermark = run.status.and_then(|status| status.dataset).and_then(|dataset| dataset.watermark);
        spec.trigger = Some("control: as many rows, not filtered by execution".to_owned());
        let control = TrainingRun {
            metadata: ObjectMeta { name: Some(CONTROL.to_owned()), ..ObjectMeta::default() },
            spec,
            status: None,
        };
        self.runs().create(&PostParams::default(), &control).await.context("create the control")?;
        Ok(CONTROL.to_owned())
    }

    /// What the API says of an object that it must not take, as `kubectl apply` sends it.
    pub(crate) async fn refusal_of(&self, plural: &str, object: &serde_json::Value) -> Result<String> {
        let namespace = &self.namespace;
        let uri = format!("/apis/genesis.truth.si/v1alpha1/namespaces/{namespace}/{plural}?fieldValidation=Strict");
        let request = http::Request::post(uri).header("content-type", "application/json");
        match self.client.request::<serde_json::Value>(request.body(serde_json::to_vec(object)?)?).await {
            Ok(taken) => bail!("the API took {taken}"),
            Err(kube::Error::Api(status)) => Ok(format!("{}: {}", status.code, status.message)),
            Err(error) => Err(error.into()),
        }
    }

    /// What the API says of a change of the GenesisModel that it must not take.
    pub(crate) async fn refused_change(&self, change: &serde_json::Value) -> Result<String> {
        match self.models().patch(MODEL, &PatchParams::default(), &Patch::Merge(change)).await {
            Ok(_) => bail!("the API took {change}"),
            Err(kube::Error::Api(status)) => Ok(format!("{}: {}", status.code, status.message)),
            Err(error) => Err(error.into()),
        }
    }

    /// Waits until no pod of a TrainingRun runs.
    pub(crate) async fn wait_no_pods(&self, run: &str, patience: Duration) -> Result<()> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let ours = ListParams::default().labels(&format!("batch.kubernetes.io/job-name={}", training_job_name(run)));
        let start = Instant::now();
        while start.elapsed() < patience {
            let phase = |pod: &Pod| pod.status.as_ref().and_then(|status| status.phase.clone()).unwrap_or_default();
            if pods.list(&ours).await?.iter().all(|pod| ["Succeeded", "Failed"].contains(&phase(pod).as_str())) {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        bail!("pods of TrainingRun {run} still run after {} s", patience.as_secs())
    }

    /// Clients of the ready serving pods.
    pub(crate) async fn inference(&self) -> Result<Vec<InferenceClient>> {
        let http = reqwest::Client::new();
        let of = |ip: &String| {
            let address = |port| format!("http://{ip}:{port}");
            InferenceClient::new(http.clone(), &address(INFERENCE_PORT), &address(INFERENCE_ADMIN_PORT))
        };
        Ok(self.addresses(Role::Serving).await?.iter().map(of).collect())
    }

    /// Addresses of the ready sandbox pods.
    pub(crate) async fn sandboxes(&self) -> Result<Vec<SocketAddr>> {
        let ips = self.addresses(Role::Sandbox).await?;
        ips.iter().map(|ip| Ok(format!("{ip}:{SANDBOX_PORT}").parse()?)).collect()
    }

    async fn addresses(&self, role: Role) -> Result<Vec<String>> {
        let pods: Api<Pod> = Api::namespaced(self.client.clone(), &self.namespace);
        let pods = pods.list(&ListParams::default().labels(&pod_selector(MODEL, role))).await?;
        let ready = |pod: &&Pod| {
            let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
            conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
        };
        Ok(pods.iter().filter(ready).filter_map(|pod| pod.status.as_ref()?.pod_ip.clone()).collect())
    }

    /// The digest that a serving pod reports for an adapter.
    pub(crate) async fn served_digest(&self, served_name: &str) -> Result<Digest> {
        let servers = self.inference().await?;
        let server = servers.first().context("no serving pod is ready")?;
        let models = server.models().await?;
        let model = models.into_iter().find(|model| model.id == served_name);
        model.and_then(|model| model.digest).with_context(|| format!("{served_name} is not served"))
    }
}

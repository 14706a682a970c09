//! `cargo dev conformance`: the minicluster answers as a real API server does.
//!
//! Sequences of requests are drawn from a seed and replayed against both, each in a namespace of its own: creating,
//! reading, replacing with a right, a stale or no resourceVersion, merging, server-side apply by two managers, status,
//! finalizers, preconditions, lists, invalid objects. After every request the two answers must be the same, apart from
//! what differs between any two servers.

mod answer;
mod step;

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail, ensure};
use genesis_minicluster::cluster::Cluster;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, Patch, PatchParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::runtime::conditions;
use kube::runtime::wait::await_condition;
use kube::{Client, Config, ResourceExt};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::Serialize;

use self::answer::Answer;
use self::step::{Script, Step};
use crate::cluster::ControlPlane;
use crate::report;

/// Requests of one sequence.
const LENGTH: usize = 40;

/// The report.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Conformance {
    /// Sequences.
    pub sequences: usize,
    /// Requests that both servers answered.
    pub requests: usize,
    /// By what was asked.
    pub by_step: BTreeMap<String, usize>,
    /// Requests that they answered differently.
    pub different: Vec<String>,
}

/// Replays `sequences` sequences against a real API server and the minicluster.
pub async fn run(sequences: usize, seed: u64, plane: &ControlPlane) -> Result<Conformance> {
    let real = client(plane).await?;
    let ours = Cluster::in_memory()?.client();
    for server in [&real, &ours] {
        install(server).await?;
    }
    let mut report = Conformance { sequences, ..Conformance::default() };
    for sequence in 0..sequences {
        let namespace = format!("conformance-{seed}-{sequence}");
        for server in [&real, &ours] {
            step::namespace(server, &namespace).await?;
        }
        let mut rng = ChaCha8Rng::seed_from_u64(seed.wrapping_mul(1_000_003).wrapping_add(sequence as u64));
        let mut scripts = [Script::new(&namespace), Script::new(&namespace)];
        for position in 0..LENGTH {
            let step = Step::draw(&mut rng);
            let (theirs, mine) =
                tokio::try_join!(scripts[0].clone().play(&real, &step), scripts[1].clone().play(&ours, &step))?;
            report.requests += 1;
            *report.by_step.entry(step.name().to_owned()).or_default() += 1;
            let (theirs, mine) = (scripts[0].note(&step, theirs), scripts[1].note(&step, mine));
            if theirs != mine {
                report.different.push(difference(sequence, position, &step, &theirs, &mine));
                // What follows would differ for this reason only.
                break;
            }
        }
    }
    report.print();
    println!("report: {}", report::write("conformance", &report)?.display());
    let differences = report.different.join("\n\n");
    ensure!(report.different.is_empty(), "the minicluster answers differently:\n{differences}");
    Ok(report)
}

fn difference(sequence: usize, position: usize, step: &Step, theirs: &Answer, mine: &Answer) -> String {
    format!("sequence {sequence}, request {position}: {step:?}\n  {}", theirs.difference(mine))
}

async fn client(plane: &ControlPlane) -> Result<Client> {
    let config = Kubeconfig::read_from(plane.kubeconfig())?;
    Ok(Client::try_from(Config::from_custom_kubeconfig(config, &KubeConfigOptions::default()).await?)?)
}

async fn install(client: &Client) -> Result<()> {
    let definitions = Api::<CustomResourceDefinition>::all(client.clone());
    for definition in genesis_api::crds() {
        let name = definition.name_any();
        let params = PatchParams::apply("genesis-conformance").force();
        definitions.patch(&name, &params, &Patch::Apply(&definition)).await.with_context(|| format!("apply {name}"))?;
        let established = await_condition(definitions.clone(), &name, conditions::is_crd_established());
        let within = tokio::time::timeout(std::time::Duration::from_secs(60), established).await;
        if !matches!(within, Ok(Ok(_))) {
            bail!("{name} is not established within a minute");
        }
    }
    // The resource is served a moment after its definition is established.
    for _ in 0..100 {
        let models = Api::<genesis_api::GenesisModel>::namespaced(client.clone(), "default");
        if models.list(&kube::api::ListParams::default()).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    bail!("GenesisModels are not served 10 s after their definition was established")
}

impl Conformance {
    fn print(&self) {
        let mut table = report::table(&["request", "replayed"]);
        for (name, count) in &self.by_step {
            table.add_row([name.clone(), count.to_string()]);
        }
        println!("{table}");
        let Self { sequences, requests, different, .. } = self;
        println!("{requests} requests in {sequences} sequences, {} answered differently", different.len());
    }
}

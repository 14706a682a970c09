//! `cargo dev installed`: the whole loop on a real node, installed as an administrator would install it.
//!
//! The images of this build are imported, both charts are installed by Helm, `manifests/samples/seedling.yaml` is applied
//! by kubectl, and a client sends tasks to a forwarded port. Everything runs in pods of a namespace that enforces the
//! restricted Pod Security level, the generated programs under gVisor. Then what an administrator would try next:
//! `kubectl wait`, uninstalling and installing again, and deleting the namespace. Between the two, a program tries to
//! get out of a sandbox ([`isolation`]).

mod helm;
mod isolation;
mod kubectl;
mod lifecycle;
mod store;

use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use serde::Serialize;

use crate::cluster::Node;
use crate::demo::{Cluster, Options, Stage, Traffic, show, suites};
use crate::{images, paths, report};
use helm::Helm;
use kubectl::Kubectl;

/// Namespace of the release and of its models.
const NAMESPACE: &str = "genesis";
/// The sample's own trigger, in learnings; a request teaches a little more than three.
const FAMILIES_FOR_THE_SAMPLE: usize = 66;

/// What was seen. Times are seconds.
#[derive(Debug, Serialize)]
pub struct Installed {
    node_seconds: f64,
    install_seconds: f64,
    verdict: String,
    completion: String,
    answered: usize,
    verified: usize,
    dropped: usize,
    executions_in_gvisor: i64,
    turn_seconds: f64,
    conditions_waited_for: Vec<String>,
    isolation: Vec<isolation::Attempt>,
    kept_over_reinstall: Vec<String>,
    namespace_deleted_seconds: f64,
    seconds: f64,
}

/// Options of a turn on the unchanged sample, with data in `data`.
pub fn options(data: &Path) -> Options {
    Options { loop_families: FAMILIES_FOR_THE_SAMPLE, sealed_families: 30, ..Options::tiny(data.to_owned()) }
}

/// Runs it to its end on a node of its own.
pub async fn run(options: &Options) -> Result<Installed> {
    let clock = Instant::now();
    let stage = Stage::begin("node", "control plane, containerd, gVisor, network; importing images");
    let node = Node::start(&options.data.join("node"))?;
    for image in images::write(&options.data.join("images"), &[])? {
        node.import(&image.archive)?;
    }
    let node_seconds = clock.elapsed().as_secs_f64();
    stage.end("the node is ready and has the images");

    let kubectl = Kubectl::new(node.kubeconfig(), NAMESPACE);
    let begun = Instant::now();
    let stage = Stage::begin("install", "both charts, by Helm");
    kubectl.run(&["create", "namespace", NAMESPACE])?;
    let level = "pod-security.kubernetes.io/enforce=restricted";
    kubectl.run(&["label", "namespace", NAMESPACE, level])?;
    let helm = Helm::new(node.kubeconfig())?;
    helm.install("genesis-crds", &[])?;
    helm.install("genesis", &[])?;
    let install_seconds = begun.elapsed().as_secs_f64();
    stage.end("operator and gateway are ready, in a namespace at the restricted level");

    let stage = Stage::begin("apply", "tasks into the store, the sample as it is");
    let suites = suites::make(options)?;
    store::fill(&kubectl, &options.data.join("store"))?;
    kubectl.run(&["apply", "--filename", &sample()])?;
    kubectl.run(&["wait", "--for=condition=Ready", "genesismodel/seedling", "--timeout=180s"])?;
    stage.end("GenesisModel seedling is Ready");

    let begun = Instant::now();
    let forwarded = kubectl.forward("genesis-gateway", 8000, &options.data.join("forward.log"))?;
    let cluster = Cluster::connect_in(node.kubeconfig(), NAMESPACE).await?;
    let traffic = Traffic::new(&forwarded.address, &suites.loop_tasks, options.seed)?.in_namespace(NAMESPACE);
    let learned = show::learning(&cluster, &traffic).await?;
    let run = cluster.wait_training_run().await?;
    show::training(&cluster, &run).await?;
    let evaluation = show::evaluation(&cluster).await?;
    let rollout = show::rollout(&cluster, &traffic).await?;
    ensure!(rollout.completion == "Promoted", "the turn was not promoted: {} {}", evaluation.message, rollout.message);
    let turn_seconds = begun.elapsed().as_secs_f64();

    let stage = Stage::begin("wait", "kubectl wait for a condition of each kind");
    let conditions_waited_for = lifecycle::wait_for_each_kind(&kubectl, &run)?;
    stage.end(&conditions_waited_for.join(", "));

    let stage = Stage::begin("isolation", "a program that tries every way out of a sandbox pod");
    let isolation = isolation::try_every_layer(&kubectl, &options.data)?;
    stage.end("nothing is reached with either layer alone, and what is there is reached with neither");

    let stage = Stage::begin("reinstall", "uninstalling and installing again");
    drop(forwarded);
    let kept_over_reinstall = lifecycle::reinstall(&kubectl, &helm, &rollout.served_name)?;
    stage.end(&format!("kept: {}", kept_over_reinstall.join(", ")));

    let stage = Stage::begin("delete", "deleting the namespace with everything in it");
    let namespace_deleted_seconds = lifecycle::delete_namespace(&kubectl)?;
    stage.end("it is gone");

    let found = Installed {
        node_seconds,
        install_seconds,
        verdict: evaluation.verdict,
        completion: rollout.completion,
        answered: learned.answered,
        verified: learned.verified,
        dropped: rollout.dropped,
        executions_in_gvisor: evaluation.executions,
        turn_seconds,
        conditions_waited_for,
        isolation,
        kept_over_reinstall,
        namespace_deleted_seconds,
        seconds: clock.elapsed().as_secs_f64(),
    };
    found.show()?;
    Ok(found)
}

fn sample() -> String {
    paths::root().join("manifests/samples/seedling.yaml").display().to_string()
}

impl Installed {
    /// Whether the candidate was promoted by the loop.
    pub fn promoted(&self) -> bool {
        self.completion == "Promoted" && self.verdict == "Pass"
    }

    fn show(&self) -> Result<()> {
        let mut table = report::table(&["on a real node", ""]);
        table.add_row(["verdict, rollout", &format!("{}, {}", self.verdict, self.completion)]);
        table.add_row(["requests answered, dropped", &format!("{}, {}", self.answered, self.dropped)]);
        table.add_row(["programs executed by the evaluation", &self.executions_in_gvisor.to_string()]);
        for attempt in &self.isolation {
            table.add_row([format!("reached with {}", attempt.layer), format!("{:?}", attempt.reached())]);
        }
        let seconds = [
            ("node with images", self.node_seconds),
            ("both charts", self.install_seconds),
            ("one turn", self.turn_seconds),
            ("namespace deleted", self.namespace_deleted_seconds),
            ("everything", self.seconds),
        ];
        for (what, seconds) in seconds {
            table.add_row([format!("{what}, seconds"), format!("{seconds:.1}")]);
        }
        println!("\n{table}\n{}", report::write("installed", self)?.display());
        Ok(())
    }
}

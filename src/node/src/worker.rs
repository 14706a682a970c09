//! The life of one pod.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::api::{DeleteParams, Patch, PatchParams, Preconditions};
use kube::{Api, Client, ResourceExt};
use serde_json::json;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::address::Addresses;
use crate::backoff::Backoff;
use crate::probe::Prober;
use crate::process::{Launch, Process, exit_code};
use crate::status::{self, After, Ended, Facts, State};
use crate::{Error, Options, environment};

const DEFAULT_GRACE: Duration = Duration::from_secs(30);

/// What all workers of a node use.
pub struct Shared {
    pub client: Client,
    pub addresses: Addresses,
    pub http: reqwest::Client,
    pub options: Options,
    pub shutdown: CancellationToken,
}

/// The newest version of the pod; `None` once it is gone.
type Updates = watch::Receiver<Option<Arc<Pod>>>;

/// Why a wait ended.
enum Interrupt {
    /// The pod is to be deleted, or is gone.
    Leave,
    /// The node stops.
    Shutdown,
}

struct Worker {
    shared: Arc<Shared>,
    updates: Updates,
    pods: Api<Pod>,
    name: String,
    facts: Facts,
    backoff: Backoff,
}

/// Runs a pod until it has ended for good, is deleted, or the node stops.
pub async fn run(shared: Arc<Shared>, updates: Updates) {
    let Some(pod) = updates.borrow().clone() else { return };
    let Ok(address) = shared.addresses.next().inspect_err(|error| tracing::error!(%error, "A pod gets no address.")) else {
        return;
    };
    let namespace = pod.namespace().unwrap_or_default();
    let name = pod.name_any();
    let mut worker = Worker {
        pods: Api::namespaced(shared.client.clone(), &namespace),
        facts: recovered(&pod, address, Timestamp::now()),
        name,
        shared,
        updates,
        backoff: Backoff::default(),
    };
    let interrupt = worker.live(&pod).await;
    if matches!(interrupt, Some(Interrupt::Leave)) {
        worker.finish_deletion().await;
    }
}

/// What is known of a pod that this process has not run yet. If its status says that it ran, its process was lost with
/// the node before.
fn recovered(pod: &Pod, address: Ipv4Addr, now: Timestamp) -> Facts {
    let old = pod.status.as_ref().and_then(|status| status.container_statuses.as_ref()?.first().cloned());
    let running = old.as_ref().and_then(|status| status.state.as_ref()?.running.clone());
    let restarts = old.map_or(0, |status| status.restart_count);
    let lost = running.map(|running| Ended {
        code: status::LOST_CODE,
        reason: status::LOST_REASON.to_owned(),
        started: running.started_at.map_or(now, |time| time.0),
        finished: now,
    });
    let state = State::Waiting { reason: "ContainerCreating", message: String::new() };
    Facts { address, started: now, state, restarts, last: lost, disrupted: false }
}

impl Worker {
    async fn live(&mut self, pod: &Pod) -> Option<Interrupt> {
        if pod.metadata.deletion_timestamp.is_some() {
            return Some(Interrupt::Leave);
        }
        let container = match supported(pod) {
            Ok(container) => container.clone(),
            Err(error) => return self.refuse(&error).await,
        };
        let policy = pod.spec.as_ref().and_then(|spec| spec.restart_policy.clone()).unwrap_or_else(|| "Always".to_owned());
        if let Some(lost) = self.facts.last.clone() {
            if policy == "Never" {
                self.facts.disrupted = true;
                self.facts.state = State::Ended(lost);
                self.report().await;
                return None;
            }
            self.facts.restarts += 1;
        }
        loop {
            let begun = Instant::now();
            let ended = match self.start(pod, &container).await {
                Ok(process) => match self.watch_process(process, &container).await {
                    Ok(ended) => ended,
                    Err(interrupt) => return Some(interrupt),
                },
                Err(error) => {
                    let wait = self.backoff.after(begun.elapsed());
                    self.facts.state = State::Waiting { reason: "CreateContainerError", message: error.to_string() };
                    self.report().await;
                    if let Some(interrupt) = self.pause(wait).await {
                        return Some(interrupt);
                    }
                    continue;
                }
            };
            if status::after(&policy, ended.code) != After::Restart {
                self.facts.state = State::Ended(ended);
                self.report().await;
                return None;
            }
            let wait = self.backoff.after(begun.elapsed());
            self.facts.last = Some(ended);
            self.facts.restarts += 1;
            self.facts.state = State::Waiting { reason: "CrashLoopBackOff", message: format!("restarting in {} ms", wait.as_millis()) };
            self.report().await;
            if let Some(interrupt) = self.pause(wait).await {
                return Some(interrupt);
            }
        }
    }

    async fn start(&mut self, pod: &Pod, container: &Container) -> Result<Process, Error> {
        let variables = environment::resolve(&self.shared.client, pod, container, self.facts.address).await?;
        let words = container.command.iter().flatten().chain(container.args.iter().flatten());
        let words: Vec<String> = words.map(|word| environment::expand(word, &variables)).collect();
        let log = format!("{}_{}_{}.log", pod.namespace().unwrap_or_default(), self.name, container.name);
        let launch = Launch {
            words: &words,
            environment: &variables,
            folder: container.working_dir.as_deref(),
            binaries: &self.shared.options.binaries,
            log: &self.shared.options.data.join("logs").join(log),
        };
        let process = Process::start(&launch)?;
        let ready = container.readiness_probe.is_none();
        self.facts.state = State::Running { since: Timestamp::now(), ready };
        self.report().await;
        Ok(process)
    }

    /// Probes a running process until it ends, is to end, or fails its liveness.
    async fn watch_process(&mut self, mut process: Process, container: &Container) -> Result<Ended, Interrupt> {
        let started = Timestamp::now();
        let prober = |probe| Prober::new(probe, container, self.facts.address, &self.shared.http);
        let readiness = container.readiness_probe.as_ref().map(prober);
        let liveness = container.liveness_probe.as_ref().map(prober);
        let (ready_line, mut ready) = watch::channel(readiness.is_none());
        let probing = async {
            match &readiness {
                Some(prober) => follow_readiness(prober, &ready_line).await,
                None => std::future::pending().await,
            }
        };
        let living = async {
            match &liveness {
                Some(prober) => until_dead(prober).await,
                None => std::future::pending().await,
            }
        };
        tokio::pin!(probing, living);
        loop {
            tokio::select! {
                status = process.wait() => {
                    process.sweep();
                    let code = status.map_or(status::LOST_CODE, exit_code);
                    return Ok(Ended { code, reason: status::reason_of(code).to_owned(), started, finished: Timestamp::now() });
                }
                () = &mut probing => {}
                () = &mut living => {
                    tracing::warn!(pod = self.name, "The liveness probe failed; the container is restarted.");
                    let code = process.terminate(DEFAULT_GRACE).await.map_or(status::LOST_CODE, exit_code);
                    return Ok(Ended { code: code.max(1), reason: "Error".to_owned(), started, finished: Timestamp::now() });
                }
                Ok(()) = ready.changed() => {
                    let ready = *ready.borrow_and_update();
                    self.facts.state = State::Running { since: started, ready };
                    self.report().await;
                }
                interrupt = interrupted(&mut self.updates, &self.shared.shutdown) => {
                    let grace = match interrupt {
                        Interrupt::Leave => grace_of(self.updates.borrow().as_deref()),
                        Interrupt::Shutdown => DEFAULT_GRACE.min(Duration::from_secs(10)),
                    };
                    process.terminate(grace).await;
                    return Err(interrupt);
                }
            }
        }
    }

    async fn refuse(&mut self, error: &Error) -> Option<Interrupt> {
        self.facts.state = State::Waiting { reason: "InvalidPod", message: error.to_string() };
        self.report().await;
        Some(interrupted(&mut self.updates, &self.shared.shutdown).await)
    }

    async fn pause(&mut self, wait: Duration) -> Option<Interrupt> {
        tokio::select! {
            () = tokio::time::sleep(wait) => None,
            interrupt = interrupted(&mut self.updates, &self.shared.shutdown) => Some(interrupt),
        }
    }

    /// Reports the status, until the API has taken it or the pod is gone: a status that is lost would never be told.
    async fn report(&mut self) {
        for attempt in 0..40_u64 {
            let Some(pod) = self.updates.borrow().clone() else { return };
            let status = status::status_of(&pod, &self.facts, Timestamp::now());
            let patch = Patch::Merge(json!({ "metadata": { "uid": pod.metadata.uid }, "status": status }));
            match self.pods.patch_status(&self.name, &PatchParams::default(), &patch).await {
                Ok(_) => return,
                Err(kube::Error::Api(answer)) if answer.code == 404 || answer.code == 409 => return,
                Err(error) => tracing::debug!(%error, pod = self.name, "A pod's status was not taken; trying again."),
            }
            tokio::time::sleep(Duration::from_millis(50 * (attempt + 1).min(20))).await;
        }
    }

    /// The process is gone: now the object may go.
    async fn finish_deletion(&mut self) {
        let Some(pod) = self.updates.borrow().clone() else { return };
        let preconditions = Preconditions { uid: pod.uid(), resource_version: None };
        let params = DeleteParams { grace_period_seconds: Some(0), preconditions: Some(preconditions), ..DeleteParams::default() };
        for _ in 0..20 {
            match self.pods.delete(&self.name, &params).await {
                Ok(_) => return,
                Err(kube::Error::Api(answer)) if answer.code == 404 || answer.code == 409 => return,
                Err(error) => tracing::debug!(%error, pod = self.name, "A pod was not deleted; trying again."),
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }
}

fn supported(pod: &Pod) -> Result<&Container, Error> {
    let refuse = |what: String| Error::Unsupported { pod: pod.name_any(), what };
    let containers = pod.spec.as_ref().map(|spec| spec.containers.as_slice()).unwrap_or_default();
    match containers {
        [container] if container.command.as_ref().is_some_and(|words| !words.is_empty()) => Ok(container),
        [_] => Err(refuse("no command".to_owned())),
        _ => Err(refuse(format!("{} containers", containers.len()))),
    }
}

fn grace_of(pod: Option<&Pod>) -> Duration {
    let Some(pod) = pod else { return Duration::ZERO };
    let asked = pod.metadata.deletion_grace_period_seconds;
    let usual = pod.spec.as_ref().and_then(|spec| spec.termination_grace_period_seconds);
    asked.or(usual).map_or(DEFAULT_GRACE, |seconds| Duration::from_secs(seconds.max(0) as u64))
}

/// Waits until the pod is to go or the node stops.
async fn interrupted(updates: &mut Updates, shutdown: &CancellationToken) -> Interrupt {
    loop {
        let leaving = updates.borrow_and_update().as_ref().is_none_or(|pod| pod.metadata.deletion_timestamp.is_some());
        if leaving {
            return Interrupt::Leave;
        }
        tokio::select! {
            () = shutdown.cancelled() => return Interrupt::Shutdown,
            changed = updates.changed() => if changed.is_err() { return Interrupt::Shutdown },
        }
    }
}

async fn follow_readiness(prober: &Prober, line: &watch::Sender<bool>) {
    tokio::time::sleep(prober.initial_delay()).await;
    let mut failures = 0;
    let mut succeeded = false;
    loop {
        if prober.ask().await {
            failures = 0;
            succeeded = true;
            line.send_if_modified(|ready| !std::mem::replace(ready, true));
        } else {
            failures += 1;
            if failures >= prober.failure_threshold() {
                line.send_if_modified(|ready| std::mem::replace(ready, false));
            }
        }
        tokio::time::sleep(prober.pause(succeeded)).await;
    }
}

async fn until_dead(prober: &Prober) {
    tokio::time::sleep(prober.initial_delay()).await;
    let mut failures = 0;
    while failures < prober.failure_threshold() {
        failures = if prober.ask().await { 0 } else { failures + 1 };
        tokio::time::sleep(prober.pause(true)).await;
    }
}

//! The life of one container: start, probe, end, start again.

mod preparation;
mod probing;

use std::{sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Container, Pod};
use kube::ResourceExt as _;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{
    backoff::Backoff,
    context::Context,
    pod::seconds,
    probe::ProbeTarget,
    process::{self, Process, exit_code},
    status::{ContainerRecord, Ended, Phase},
};

/// How long a container that cannot be set up waits before it is tried again.
const CONFIG_RETRY: Duration = Duration::from_secs(1);

/// How often a container that is not ready yet is asked at least, so that a start is noticed soon.
const READY_POLL: Duration = Duration::from_secs(1);

/// When the container has to be gone; `None` while it may run.
pub type Stop = watch::Receiver<Option<Instant>>;

/// One container of a pod.
pub struct ContainerRun {
    /// The node.
    pub context: Arc<Context>,
    /// The pod as it was taken on.
    pub pod: Arc<Pod>,
    /// The container.
    pub container: Container,
    /// Address of the pod.
    pub pod_ip: String,
    /// Told to stop.
    pub stop: Stop,
    /// Takes every change of the record.
    pub reports: mpsc::UnboundedSender<(String, ContainerRecord)>,
}

/// Why a container that still runs has to end.
enum End {
    Stopped,
    OutOfMemory,
    Unhealthy,
}

/// Resolves when the container has to stop.
async fn told_to_stop(stop: &mut Stop) {
    // The pod's task holds the sender for as long as its containers run.
    stop.wait_for(Option::is_some).await.ok();
}

/// Whether a container that ended is started again.
fn restarts(policy: &str, exit_code: i32) -> bool {
    match policy {
        "Never" => false,
        "OnFailure" => exit_code != 0,
        _ => true,
    }
}

impl ContainerRun {
    /// Runs the container until it has ended for good. `record` is what an earlier life of the node left.
    pub async fn run(mut self, mut record: ContainerRecord) {
        let policy = self.pod.spec.as_ref().and_then(|s| s.restart_policy.clone()).unwrap_or_default();
        let mut backoff = Backoff::default();
        loop {
            if self.stopping() {
                let never_ran = Ended {
                    exit_code: 137,
                    reason: "ContainerStatusUnknown".to_owned(),
                    message: Some("The container could not be located when the pod was terminated".to_owned()),
                    started_at: None,
                    finished_at: Timestamp::now(),
                };
                record.phase = Phase::Ended(record.last.take().unwrap_or(never_ran));
                return self.report(&record);
            }
            let began = Instant::now();
            let Some(ended) = self.run_once(&mut record).await else { continue };
            let again = restarts(&policy, ended.exit_code) && !self.stopping();
            record.ready = false;
            record.started = false;
            if !again {
                record.phase = Phase::Ended(ended);
                return self.report(&record);
            }
            record.last = Some(ended);
            let delay = backoff.next(began.elapsed());
            if !delay.is_zero() {
                self.back_off(&mut record, delay).await;
            }
            record.restarts += 1;
        }
    }

    async fn back_off(&mut self, record: &mut ContainerRecord, delay: Duration) {
        let (name, pod) = (&self.container.name, self.pod.name_any());
        let message = format!(
            "back-off {delay:?} restarting failed container={name} pod={pod}_{}({})",
            self.pod.namespace().unwrap_or_default(),
            self.pod.uid().unwrap_or_default()
        );
        record.phase = Phase::Waiting { reason: "CrashLoopBackOff", message: Some(message.clone()) };
        self.report(record);
        self.context.event(&self.pod, true, "BackOff", message).await;
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            () = told_to_stop(&mut self.stop) => {}
        }
    }

    /// One life of the container; `None` if it could not be set up and the caller should look again.
    async fn run_once(&mut self, record: &mut ContainerRecord) -> Option<Ended> {
        let program = match self.prepare().await {
            Ok(program) => program,
            Err(why) => {
                record.phase = Phase::Waiting { reason: "CreateContainerConfigError", message: Some(why) };
                self.report(record);
                tokio::select! {
                    () = tokio::time::sleep(CONFIG_RETRY) => {}
                    () = told_to_stop(&mut self.stop) => {}
                }
                return None;
            }
        };
        let target = ProbeTarget {
            pod_ip: self.pod_ip.clone(),
            environment: program.environment.clone(),
            directory: program.directory.clone(),
            bin_dir: self.context.options.bin_dir.clone(),
        };
        let started_at = Timestamp::now();
        let mut process = match self.context.spawner.spawn(program).await {
            Ok(process) => process,
            Err(error) => return Some(self.not_started(&error.to_string()).await),
        };
        record.id = Some(format!("process://{}", process.pid()));
        record.phase = Phase::Running(started_at);
        record.started = self.container.startup_probe.is_none();
        record.ready = record.started && self.container.readiness_probe.is_none();
        self.report(record);
        self.context.event(&self.pod, false, "Started", "Container started".to_owned()).await;
        let (code, reason) = self.supervise(&mut process, &target, record).await;
        Some(Ended {
            exit_code: code,
            reason: reason.unwrap_or(if code == 0 { "Completed" } else { "Error" }).to_owned(),
            message: None,
            started_at: Some(started_at),
            finished_at: Timestamp::now(),
        })
    }

    /// Waits for the process to end by itself, by request, by its liveness probe or by its memory limit.
    async fn supervise(
        &self,
        process: &mut Process,
        target: &ProbeTarget,
        record: &mut ContainerRecord,
    ) -> (i32, Option<&'static str>) {
        let limit = memory_limit(&self.container);
        let mut stop = self.stop.clone();
        let event = {
            let (pgid, log) = (process.pid(), process.log().to_owned());
            tokio::select! {
                status = process.wait() => return (status.map_or(137, exit_code), None),
                () = told_to_stop(&mut stop) => End::Stopped,
                () = self.context.memory.exceeded(pgid, limit) => End::OutOfMemory,
                never = process::keep_bounded(log) => match never {},
                () = self.probe(target, record) => End::Unhealthy,
            }
        };
        match event {
            End::OutOfMemory => {
                process.kill_group();
                process.wait().await.ok();
                (137, Some("OOMKilled"))
            }
            End::Unhealthy => {
                let name = &self.container.name;
                let note = format!("Container {name} failed liveness probe, will be restarted");
                self.context.event(&self.pod, false, "Killing", note).await;
                let grace = self.pod.spec.as_ref().and_then(|s| s.termination_grace_period_seconds).unwrap_or(30);
                let deadline = Instant::now() + seconds(grace);
                (self.end(process, watch::channel(Some(deadline)).1).await, None)
            }
            End::Stopped => {
                let note = format!("Stopping container {}", self.container.name);
                process.terminate();
                let (code, ()) = tokio::join!(
                    self.end(process, self.stop.clone()),
                    self.context.event(&self.pod, false, "Killing", note)
                );
                (code, None)
            }
        }
    }

    /// Asks the process to end and makes it end at the deadline, which may still come closer.
    async fn end(&self, process: &mut Process, mut stop: Stop) -> i32 {
        process.terminate();
        loop {
            let deadline = (*stop.borrow_and_update()).unwrap_or_else(Instant::now);
            let changed = async {
                if stop.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            };
            tokio::select! {
                status = process.wait() => return status.map_or(137, exit_code),
                () = tokio::time::sleep_until(deadline) => {
                    process.kill_group();
                    return process.wait().await.map_or(137, exit_code);
                }
                () = changed => {}
            }
        }
    }

    async fn not_started(&self, why: &str) -> Ended {
        let message = format!("failed to start container {:?}: {why}", self.container.name);
        self.context.event(&self.pod, true, "Failed", format!("Error: {message}")).await;
        Ended {
            exit_code: 128,
            reason: "StartError".to_owned(),
            message: Some(message),
            started_at: None,
            finished_at: Timestamp::now(),
        }
    }

    fn stopping(&self) -> bool {
        self.stop.borrow().is_some()
    }

    fn report(&self, record: &ContainerRecord) {
        // The pod's task outlives its containers.
        self.reports.send((self.container.name.clone(), record.clone())).ok();
    }
}

fn memory_limit(container: &Container) -> Option<u64> {
    let quantity = container.resources.as_ref()?.limits.as_ref()?.get("memory")?;
    Some(crate::quantity::parse(&quantity.0)? as u64)
}

//! One pod on the node: its containers, its reports, its end.

mod api;
mod start;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Pod, PodStatus};
use kube::{Api, ResourceExt as _};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::Instant,
};

use self::{api::is_another_pod, start::recover};
use super::{
    agent::{LEAVE_GRACE, Seen},
    context::Context,
    status::{ContainerRecord, Inputs, pod_status},
};

/// Grace of a pod that has vanished from the API.
const VANISHED_GRACE: Duration = Duration::from_secs(2);

/// First and longest wait before the API is asked again.
const RETRY: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// A pod that is being run.
pub struct PodRun {
    context: Arc<Context>,
    api: Api<Pod>,
    pod: Arc<Pod>,
    pod_ip: String,
    start_time: Timestamp,
    containers: BTreeMap<String, ContainerRecord>,
    failure: Option<(&'static str, &'static str)>,
    disrupted: bool,
    vanished: bool,
    leaving: bool,
    stop: watch::Sender<Option<Instant>>,
}

impl PodRun {
    /// Takes a pod on. What its status says of containers an earlier life of the node ran is taken over.
    pub fn new(context: Arc<Context>, pod: Arc<Pod>) -> std::io::Result<Self> {
        let api = Api::namespaced(context.client.clone(), &pod.namespace().unwrap_or_default());
        let status = pod.status.clone().unwrap_or_default();
        // A pod that has ended only waits to be deleted and keeps the address it had.
        let pod_ip = match status.pod_ip.clone().filter(|_| is_finished(&pod)) {
            Some(ip) => ip,
            None => context.addresses.take()?.to_string(),
        };
        let now = Timestamp::now();
        let containers = pod.spec.iter().flat_map(|s| &s.containers).map(|c| {
            let before = status.container_statuses.iter().flatten().find(|s| s.name == c.name);
            (c.name.clone(), before.map_or_else(ContainerRecord::new, |s| recover(&pod, s, now)))
        });
        Ok(Self {
            api,
            pod_ip,
            start_time: status.start_time.map_or(now, |t| t.0),
            containers: containers.collect(),
            failure: None,
            disrupted: false,
            vanished: false,
            leaving: false,
            stop: watch::Sender::new(None),
            context,
            pod,
        })
    }

    /// Runs the pod until it is gone from the API or has ended and been reported.
    pub async fn run(mut self, mut updates: watch::Receiver<Seen>) {
        let (reports, mut changes) = mpsc::unbounded_channel();
        let mut tasks = JoinSet::new();
        self.follow_deletion();
        self.start_containers(&reports, &mut tasks);
        let mut reported = is_finished(&self.pod).then(|| self.status(None));
        let (mut retry, mut not_before) = (RETRY.0, Instant::now());
        loop {
            let status = self.status(reported.as_ref());
            let dirty = !self.vanished && !self.leaving && reported.as_ref() != Some(&status);
            let done = tasks.is_empty() && changes.is_empty();
            if done && self.leaving {
                // Nothing is reported of this end: the next life of the node takes the pod up where the API has it.
                return;
            }
            let ended = done && !dirty;
            let deleting = self.pod.metadata.deletion_timestamp.is_some();
            if ended && (self.vanished || (deleting && self.finalize().await)) {
                break;
            }
            let deadline = self.deadline();
            tokio::select! {
                biased;
                Some((name, record)) = changes.recv() => {
                    self.containers.insert(name, record);
                    // Several changes at once are one report.
                    while let Ok((name, record)) = changes.try_recv() {
                        self.containers.insert(name, record);
                    }
                }
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
                changed = updates.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let seen = updates.borrow_and_update().clone();
                    self.take_update(seen);
                }
                () = sleep_until(deadline), if self.failure.is_none() && !done => {
                    self.failure =
                        Some(("DeadlineExceeded", "Pod was active on the node longer than the specified deadline"));
                    self.stop_by(self.grace());
                }
                outcome = self.report(&status, not_before), if dirty => match outcome {
                    Ok(()) => {
                        reported = Some(status);
                        retry = RETRY.0;
                    }
                    Err(error) if is_another_pod(&error) => self.vanish(),
                    Err(error) => {
                        tracing::debug!(pod = %self.pod.name_any(), %error, "status not reported; trying again");
                        not_before = Instant::now() + retry;
                        retry = (2 * retry).min(RETRY.1);
                    }
                },
                () = tokio::time::sleep(retry), if ended && deleting => retry = (2 * retry).min(RETRY.1),
            }
        }
        self.clean_up();
    }

    fn status(&self, reported: Option<&PodStatus>) -> PodStatus {
        let seen = self.pod.status.clone().unwrap_or_default();
        pod_status(&Inputs {
            previous: reported.unwrap_or(&seen),
            pod: &self.pod,
            pod_ip: &self.pod_ip,
            start_time: self.start_time,
            containers: &self.containers,
            ending: self.stop.borrow().is_some(),
            failure: self.failure,
            disrupted: self.disrupted,
            now: Timestamp::now(),
        })
    }

    fn take_update(&mut self, seen: Seen) {
        match seen {
            Seen::Pod(pod) => {
                self.pod = pod;
                self.follow_deletion();
            }
            Seen::Gone => self.vanish(),
            Seen::Leaving => {
                self.leaving = true;
                self.stop_by(self.grace().min(LEAVE_GRACE));
            }
        }
    }

    fn follow_deletion(&mut self) {
        let metadata = &self.pod.metadata;
        if metadata.deletion_timestamp.is_some() {
            self.stop_by(seconds(metadata.deletion_grace_period_seconds.unwrap_or_default()));
        }
    }

    fn vanish(&mut self) {
        self.vanished = true;
        self.stop_by(VANISHED_GRACE);
    }

    /// Has every container end within `grace`; an earlier deadline stays.
    fn stop_by(&self, grace: Duration) {
        let deadline = Instant::now() + grace;
        self.stop.send_if_modified(|stop| {
            let sooner = stop.is_none_or(|current| deadline < current);
            if sooner {
                *stop = Some(deadline);
            }
            sooner
        });
    }

    fn grace(&self) -> Duration {
        seconds(self.pod.spec.as_ref().and_then(|s| s.termination_grace_period_seconds).unwrap_or(30))
    }

    /// When `activeDeadlineSeconds` is over.
    fn deadline(&self) -> Option<Instant> {
        let limit = self.pod.spec.as_ref()?.active_deadline_seconds?;
        let end = self.start_time.as_second().saturating_add(limit);
        Some(Instant::now() + seconds(end.saturating_sub(Timestamp::now().as_second())))
    }

    fn clean_up(&self) {
        let dir = self.context.pod_dir(&self.pod.uid().unwrap_or_default());
        // It is not there if the pod never started.
        std::fs::remove_dir_all(dir).ok();
    }
}

/// A number of seconds from an object: none where it is negative, and never so many that a deadline overflows.
pub fn seconds(count: i64) -> Duration {
    Duration::from_secs(count.clamp(0, i64::from(i32::MAX)).unsigned_abs())
}

/// Whether a pod has ended for good.
pub fn is_finished(pod: &Pod) -> bool {
    matches!(pod.status.as_ref().and_then(|s| s.phase.as_deref()), Some("Succeeded" | "Failed"))
}

async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}

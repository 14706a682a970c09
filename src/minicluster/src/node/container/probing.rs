//! The probes of a container that runs.

use super::{ContainerRecord, ContainerRun, READY_POLL};
use crate::node::probe::{self, ProbeTarget, Threshold};
use k8s_openapi::api::core::v1::Probe;

impl ContainerRun {
    /// Runs the probes; returns when the container has to be restarted.
    pub(super) async fn probe(&self, target: &ProbeTarget, record: &mut ContainerRecord) {
        if let Some(startup) = &self.container.startup_probe {
            probe::initial_delay(startup).await;
            if !self.passes(startup, target).await {
                return;
            }
            record.started = true;
            record.ready = self.container.readiness_probe.is_none();
            self.report(record);
        }
        let readiness = self.follow_readiness(target, record);
        let liveness = async {
            match &self.container.liveness_probe {
                Some(liveness) => {
                    probe::initial_delay(liveness).await;
                    while self.passes(liveness, target).await {}
                }
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = readiness => {}
            () = liveness => {}
        }
    }

    async fn follow_readiness(&self, target: &ProbeTarget, record: &mut ContainerRecord) {
        let Some(readiness) = &self.container.readiness_probe else { return std::future::pending().await };
        probe::initial_delay(readiness).await;
        let mut threshold = Threshold::new(readiness);
        loop {
            let result = probe::run(readiness, &self.container, target).await;
            if let Some(ready) = threshold.count(result.is_ok())
                && ready != record.ready
            {
                record.ready = ready;
                self.report(record);
            }
            if let Err(why) = result
                && record.ready
            {
                self.context.event(&self.pod, true, "Unhealthy", format!("Readiness probe failed: {why}")).await;
            }
            let wait = if record.ready { probe::period(readiness) } else { probe::period(readiness).min(READY_POLL) };
            tokio::time::sleep(wait).await;
        }
    }

    /// Runs a startup or liveness probe until it passes (true) or has failed for good (false).
    async fn passes(&self, probe: &Probe, target: &ProbeTarget) -> bool {
        let mut threshold = Threshold::new(probe);
        loop {
            let result = probe::run(probe, &self.container, target).await;
            if let Err(why) = &result {
                self.context.event(&self.pod, true, "Unhealthy", format!("Probe failed: {why}")).await;
            }
            if let Some(passed) = threshold.count(result.is_ok()) {
                if passed {
                    tokio::time::sleep(probe::period(probe)).await;
                }
                return passed;
            }
            tokio::time::sleep(probe::period(probe)).await;
        }
    }
}

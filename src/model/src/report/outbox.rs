//! What the operator has not heard yet.

use genesis_client::JobReporter;
use genesis_core::wire::JobEvent;

/// Events before the last one, each of which is outdated by a newer one of its kind.
#[derive(Default)]
pub(super) struct Outbox {
    started: Option<JobEvent>,
    unusable: Vec<JobEvent>,
    checkpoint: Option<JobEvent>,
    progress: Option<JobEvent>,
}

impl Outbox {
    /// Keeps an event until it is heard or outdated.
    pub fn keep(&mut self, event: JobEvent) {
        match event {
            JobEvent::Progress { .. } => self.progress = Some(event),
            JobEvent::Checkpoint { .. } => self.checkpoint = Some(event),
            JobEvent::Started { .. } => self.started = Some(event),
            _ => self.unusable.push(event),
        }
    }

    /// Whether everything was heard.
    pub fn is_empty(&self) -> bool {
        self.started.is_none() && self.unusable.is_empty() && self.checkpoint.is_none() && self.progress.is_none()
    }

    /// Tells what there is, each once, and stops where the operator cannot be reached.
    pub async fn deliver(&mut self, operator: &JobReporter) {
        if let Some(event) = &self.started {
            match operator.tell(event).await {
                // The operator counts attempts by this event: one it may have heard is not told again.
                Err(error) if error.is_transient() && error.had_no_effect() => return complain(&error),
                done => settle(done),
            }
            self.started = None;
        }
        while let Some(event) = self.unusable.first() {
            match operator.tell(event).await {
                Err(error) if error.is_transient() => return complain(&error),
                done => settle(done),
            }
            self.unusable.remove(0);
        }
        if let Some(event) = &self.checkpoint {
            match operator.tell(event).await {
                Err(error) if error.is_transient() => return complain(&error),
                done => settle(done),
            }
            self.checkpoint = None;
        }
        // The next one carries the same knowledge.
        if let Some(event) = self.progress.take() {
            settle(operator.tell(&event).await);
        }
    }
}

/// Heard, or refused for good.
fn settle(told: Result<(), genesis_client::Error>) {
    if let Err(error) = told {
        complain(&error);
    }
}

fn complain(error: &genesis_client::Error) {
    tracing::warn!("{error}");
}

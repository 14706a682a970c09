use std::time::Duration;

use genesis_core::wire::JobEvent;

use crate::Error;
use crate::transport::Transport;

/// A Job's line to the operator: the address and token that its pod was given.
#[derive(Clone, Debug)]
pub struct JobReporter {
    transport: Transport,
}

impl JobReporter {
    /// `url` is the address of the one object this token is bound to.
    pub fn new(http: reqwest::Client, url: &str, token: &str) -> Self {
        Self { transport: Transport::new(http, "the operator", url, Some(token.to_owned())) }
    }

    /// Tells an event once. Progress may be lost: the next one carries the same knowledge.
    pub async fn tell(&self, event: &JobEvent) -> Result<(), Error> {
        self.transport.tell("", event).await
    }

    /// Tells an event until it is accepted: an operator that restarts must not cost an hour of training. The pauses
    /// between attempts add up to about two minutes; on top of them, each of the 31 attempts takes as long as the
    /// client's timeout lets it. An answer that trying again cannot change ends it at once.
    pub async fn tell_until_accepted(&self, event: &JobEvent) -> Result<(), Error> {
        let mut wait = Duration::from_millis(200);
        for _ in 0..30 {
            match self.tell(event).await {
                Err(error) if error.is_transient() => {
                    tracing::warn!(%error, "The operator did not take the event; trying again.");
                    tokio::time::sleep(wait).await;
                    wait = (wait * 2).min(Duration::from_secs(5));
                }
                done => return done,
            }
        }
        self.tell(event).await
    }
}

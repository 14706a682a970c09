//! What a run tells: JSON lines on standard output, and the operator.

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use genesis_client::JobReporter;
use genesis_core::wire::JobEvent;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

mod outbox;

use self::outbox::Outbox;

/// Longest wait for one answer of the operator.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause before what was not heard is told again.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// How long the last event waits for those before it.
const BEFORE_LAST: Duration = Duration::from_secs(5);

/// Why an event was not taken.
#[derive(Debug, thiserror::Error)]
#[error("the operator did not accept the event: {0}")]
pub struct NotAccepted(String);

/// What the reporting task is asked to do.
enum Order {
    /// Tell an event, if no newer one takes its place.
    Tell(JobEvent),
    /// Tell the last event until it is accepted.
    TellLast(JobEvent, oneshot::Sender<Result<(), NotAccepted>>),
    /// Say when everything was heard.
    Flush(oneshot::Sender<()>),
}

/// Tells events in the background: training does not wait for an operator that is slow. Of checkpoints and progress
/// only the newest is told; the last event is told until it is accepted.
pub struct Reporter {
    runtime: Runtime,
    queue: Option<mpsc::UnboundedSender<Order>>,
}

impl Reporter {
    /// Tells standard output, and the operator where there is a `url`.
    pub fn start(url: Option<&str>, token: &str) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let queue = match url {
            None => None,
            Some(url) => {
                let http = genesis_client::http_client(ANSWER_TIMEOUT).map_err(std::io::Error::other)?;
                let (sender, receiver) = mpsc::unbounded_channel();
                runtime.spawn(deliver(JobReporter::new(http, url, token), receiver));
                Some(sender)
            }
        };
        Ok(Self { runtime, queue })
    }

    /// A flag that becomes true when the process is asked to stop.
    pub fn interruption(&self) -> std::io::Result<Arc<AtomicBool>> {
        let asked = Arc::new(AtomicBool::new(false));
        let _guard = self.runtime.enter();
        for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
            let (mut signals, asked) = (signal(kind)?, Arc::clone(&asked));
            self.runtime.spawn(async move {
                while signals.recv().await.is_some() {
                    asked.store(true, Ordering::Relaxed);
                }
            });
        }
        Ok(asked)
    }

    /// Tells an event and does not wait for an answer.
    pub fn tell(&self, event: &JobEvent) {
        print_line(event);
        if let Some(queue) = &self.queue {
            // The queue ends only with the runtime.
            let _ = queue.send(Order::Tell(event.clone()));
        }
    }

    /// Tells an event and waits until the operator has accepted it, or for good refuses.
    pub fn tell_and_wait(&self, event: &JobEvent) -> Result<(), NotAccepted> {
        print_line(event);
        let Some(queue) = &self.queue else { return Ok(()) };
        let (sender, receiver) = oneshot::channel();
        let gone = || NotAccepted("the reporting task ended".to_owned());
        queue.send(Order::TellLast(event.clone(), sender)).map_err(|_| gone())?;
        self.runtime.block_on(receiver).unwrap_or_else(|_| Err(gone()))
    }

    /// Waits until the operator has heard what was told so far; false if that takes longer than `limit`. To be called
    /// before a process ends without a last event: what is still queued is lost with it.
    pub fn flush(&self, limit: Duration) -> bool {
        let Some(queue) = &self.queue else { return true };
        let (sender, receiver) = oneshot::channel();
        queue.send(Order::Flush(sender)).is_ok()
            && self.runtime.block_on(async { matches!(tokio::time::timeout(limit, receiver).await, Ok(Ok(()))) })
    }
}

fn print_line(event: &JobEvent) {
    if let Ok(line) = serde_json::to_string(event) {
        let mut out = std::io::stdout().lock();
        // A closed pipe must not end a training that the operator hears about in another way.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

async fn deliver(operator: JobReporter, mut queue: mpsc::UnboundedReceiver<Order>) {
    let mut outbox = Outbox::default();
    let mut flushing: Vec<oneshot::Sender<()>> = Vec::new();
    loop {
        // What was not heard is told again after a pause, or together with what comes before that.
        let order = if outbox.is_empty() {
            queue.recv().await
        } else {
            let pause = tokio::time::timeout(RETRY_PAUSE, queue.recv());
            pause.await.unwrap_or_else(|_| queue.try_recv().ok())
        };
        if order.is_none() && queue.is_closed() && queue.is_empty() {
            return;
        }
        let mut next = order;
        while let Some(order) = next {
            match order {
                Order::Tell(event) => outbox.keep(event),
                Order::Flush(heard) => flushing.push(heard),
                Order::TellLast(event, acknowledgement) => {
                    // What led to the end is told if that is quick: the end matters more.
                    let _ = tokio::time::timeout(BEFORE_LAST, outbox.deliver(&operator)).await;
                    outbox = Outbox::default();
                    let told = operator.tell_until_accepted(&event).await;
                    // Nobody waits any more where the process is about to end.
                    let _ = acknowledgement.send(told.map_err(|error| NotAccepted(error.to_string())));
                }
            }
            next = queue.try_recv().ok();
        }
        outbox.deliver(&operator).await;
        if outbox.is_empty() {
            // As above.
            for heard in flushing.drain(..) {
                let _ = heard.send(());
            }
        }
    }
}

#[cfg(test)]
mod tests;

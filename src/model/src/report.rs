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

/// Longest wait for one answer of the operator.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Why an event was not taken.
#[derive(Debug, thiserror::Error)]
#[error("the operator did not accept the event: {0}")]
pub struct NotAccepted(String);

type Acknowledgement = oneshot::Sender<Result<(), NotAccepted>>;

/// Tells events in order, in the background: training does not wait for an operator that is slow.
pub struct Reporter {
    runtime: Runtime,
    queue: Option<mpsc::UnboundedSender<(JobEvent, Option<Acknowledgement>)>>,
}

impl Reporter {
    /// Tells standard output, and the operator where there is a `url`.
    pub fn start(url: Option<&str>, token: &str) -> std::io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let queue = match url {
            None => None,
            Some(url) => {
                let http = reqwest::Client::builder().timeout(ANSWER_TIMEOUT).build().map_err(std::io::Error::other)?;
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
            let _ = queue.send((event.clone(), None));
        }
    }

    /// Tells an event and waits until the operator has accepted it, or for good refuses.
    pub fn tell_and_wait(&self, event: &JobEvent) -> Result<(), NotAccepted> {
        print_line(event);
        let Some(queue) = &self.queue else { return Ok(()) };
        let (sender, receiver) = oneshot::channel();
        let gone = || NotAccepted("the reporting task ended".to_owned());
        queue.send((event.clone(), Some(sender))).map_err(|_| gone())?;
        self.runtime.block_on(receiver).unwrap_or_else(|_| Err(gone()))
    }
}

fn print_line(event: &JobEvent) {
    if let Ok(line) = serde_json::to_string(event) {
        let mut out = std::io::stdout().lock();
        // A closed pipe must not end a training that the operator hears about in another way.
        let _ = writeln!(out, "{line}").and_then(|()| out.flush());
    }
}

async fn deliver(operator: JobReporter, mut queue: mpsc::UnboundedReceiver<(JobEvent, Option<Acknowledgement>)>) {
    while let Some((event, acknowledgement)) = queue.recv().await {
        let outdated = matches!(event, JobEvent::Progress { .. }) && !queue.is_empty();
        let result = match event {
            JobEvent::Progress { .. } if outdated => Ok(()),
            JobEvent::Progress { .. } => operator.tell(&event).await,
            _ => operator.tell_until_accepted(&event).await,
        };
        if let Err(error) = &result {
            tracing::warn!("{error}");
        }
        if let Some(acknowledgement) = acknowledgement {
            let _ = acknowledgement.send(result.map_err(|error| NotAccepted(error.to_string())));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use axum::Router;
    use axum::extract::State;
    use axum::http::{HeaderMap, StatusCode};
    use axum::routing::post;

    use super::*;

    type Heard = Arc<Mutex<Vec<String>>>;

    /// An operator that answers with `statuses`, one after the other, then with 200.
    fn operator(statuses: &'static [u16]) -> (Runtime, String, Heard) {
        let heard = Heard::default();
        let state = Arc::clone(&heard);
        let answer = async move |State(heard): State<Heard>, headers: HeaderMap, body: String| {
            let mut heard = heard.lock().unwrap();
            assert_eq!(headers["authorization"], "Bearer secret");
            heard.push(body);
            StatusCode::from_u16(statuses.get(heard.len() - 1).copied().unwrap_or(200)).unwrap()
        };
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/job", listener.local_addr().unwrap());
        let app = Router::new().route("/job", post(answer)).with_state(state);
        runtime.spawn(async move { axum::serve(listener, app).await });
        (runtime, url, heard)
    }

    fn progress(step: u64) -> JobEvent {
        JobEvent::Progress {
            step,
            total_steps: 9,
            loss: None,
            learning_rate: None,
            tokens_per_second: None,
            eta_seconds: None,
        }
    }

    fn failed() -> JobEvent {
        JobEvent::Failed { reason: "DatasetInvalid".into(), message: "x".into(), retriable: false }
    }

    #[test]
    fn events_arrive_in_order_with_the_token_and_the_last_is_acknowledged() {
        let (_runtime, url, heard) = operator(&[]);
        let reporter = Reporter::start(Some(&url), "secret").unwrap();
        reporter.tell(&JobEvent::Started { total_steps: 9, resumed_from: 0 });
        reporter.tell(&progress(1));
        reporter.tell_and_wait(&failed()).unwrap();
        let heard = heard.lock().unwrap();
        assert!(heard[0].contains("started") && heard.last().unwrap().contains("failed"), "{heard:?}");
    }

    #[test]
    fn a_busy_operator_is_asked_again() {
        let (_runtime, url, heard) = operator(&[503, 500]);
        Reporter::start(Some(&url), "secret").unwrap().tell_and_wait(&failed()).unwrap();
        assert_eq!(heard.lock().unwrap().len(), 3);
    }

    #[test]
    fn a_refusal_is_final_and_is_told() {
        let (_runtime, url, heard) = operator(&[403]);
        let refused = Reporter::start(Some(&url), "secret").unwrap().tell_and_wait(&failed()).unwrap_err();
        assert!(refused.to_string().contains("403"), "{refused}");
        assert_eq!(heard.lock().unwrap().len(), 1);
    }

    #[test]
    fn without_an_operator_standard_output_is_enough() {
        Reporter::start(None, "").unwrap().tell_and_wait(&failed()).unwrap();
    }
}

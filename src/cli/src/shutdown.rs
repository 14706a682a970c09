//! SIGTERM and Ctrl-C ask a process to finish what it does and end.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Exit code of a process that was told twice, as a shell gives it to one that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// A token that is cancelled by the first SIGTERM or SIGINT. A second one ends the process at once.
pub fn token() -> CancellationToken {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    let (ask, requests) = mpsc::unbounded_channel();
    for kind in [SignalKind::terminate(), SignalKind::interrupt()] {
        let ask = ask.clone();
        tokio::spawn(async move {
            let Ok(mut signals) = signal(kind) else { return };
            while signals.recv().await.is_some() && ask.send(()).is_ok() {}
        });
    }
    tokio::spawn(async move {
        if obey(requests, &cancelled).await {
            leave();
        }
    });
    token
}

/// Cancels `token` at the first request; says at the second one that it was made.
async fn obey(mut requests: mpsc::UnboundedReceiver<()>, token: &CancellationToken) -> bool {
    if requests.recv().await.is_none() {
        return false;
    }
    tracing::info!("Shutting down. Ask again to end at once.");
    token.cancel();
    requests.recv().await.is_some()
}

#[expect(clippy::disallowed_methods, reason = "whoever asks twice does not want to wait for a clean shutdown")]
fn leave() {
    std::process::exit(INTERRUPTED);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_request_cancels_and_the_second_ends() {
        let (ask, requests) = mpsc::unbounded_channel();
        let token = CancellationToken::new();
        let cancelled = token.clone();
        let obeying = tokio::spawn(async move { obey(requests, &cancelled).await });
        ask.send(()).unwrap();
        token.cancelled().await;
        assert!(!obeying.is_finished());
        ask.send(()).unwrap();
        assert!(obeying.await.unwrap());
    }

    #[tokio::test]
    async fn where_no_signal_can_come_nothing_ends() {
        let token = CancellationToken::new();
        let (ask, requests) = mpsc::unbounded_channel();
        drop(ask);
        assert!(!obey(requests, &token).await);
        assert!(!token.is_cancelled());
    }
}

//! SIGTERM and Ctrl-C ask a process to finish what it does and end.

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Exit code of a process that was told twice, as a shell gives it to one that Ctrl-C ended.
const INTERRUPTED: i32 = 130;

/// A token that is cancelled by the first SIGTERM or SIGINT. A second one ends the process at once.
pub fn token() -> CancellationToken {
    let token = CancellationToken::new();
    let cancelled = token.clone();
    tokio::spawn(async move {
        let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
        else {
            return;
        };
        obey(async || asked(&mut terminate, &mut interrupt).await, &cancelled).await;
        leave();
    });
    token
}

/// Cancels `token` when asked for the first time; returns when asked again.
async fn obey(mut asked: impl AsyncFnMut(), token: &CancellationToken) {
    asked().await;
    tracing::info!("Shutting down. Ask again to end at once.");
    token.cancel();
    asked().await;
}

#[expect(clippy::disallowed_methods, reason = "whoever asks twice does not want to wait for a clean shutdown")]
fn leave() {
    std::process::exit(INTERRUPTED);
}

async fn asked(terminate: &mut Signal, interrupt: &mut Signal) {
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_first_request_cancels_and_the_second_ends() {
        let (ask, mut requests) = tokio::sync::mpsc::unbounded_channel();
        let token = CancellationToken::new();
        let cancelled = token.clone();
        let obeying = tokio::spawn(async move {
            obey(
                async || {
                    requests.recv().await;
                },
                &cancelled,
            )
            .await;
        });
        ask.send(()).unwrap();
        token.cancelled().await;
        assert!(!obeying.is_finished());
        ask.send(()).unwrap();
        obeying.await.unwrap();
    }
}

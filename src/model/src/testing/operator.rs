//! An operator that listens; for the tests in `src` and in `tests`.

use std::convert::Infallible;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use genesis_core::wire::JobEvent;
use tokio::runtime::Runtime;

/// Token and event of every report, answered or not.
type Heard = Arc<Mutex<Vec<(String, JobEvent)>>>;

/// Hears reports until it is dropped.
pub struct Operator {
    /// Where it listens.
    pub url: String,
    heard: Heard,
    _runtime: Runtime,
}

impl Operator {
    /// Answers with `statuses`, one after the other, then with 200.
    pub fn answering(statuses: &'static [u16]) -> Self {
        Self::new(move |number| status(statuses.get(number).copied().unwrap_or(200)))
    }

    /// Breaks the connection in its first `count` answers.
    pub fn hanging_up(count: usize) -> Self {
        Self::new(move |number| {
            let broken = futures::stream::iter([Ok(Bytes::from("o")), Err(std::io::Error::other("broken"))]);
            if number < count { Body::from_stream(broken).into_response() } else { status(200) }
        })
    }

    fn new(answer: impl Fn(usize) -> Response + Clone + Send + Sync + 'static) -> Self {
        let heard = Heard::default();
        let state = Arc::clone(&heard);
        let listen = async move |State(heard): State<Heard>, headers: HeaderMap, body: String| {
            let token = headers["authorization"].to_str().unwrap().to_owned();
            let mut heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
            heard.push((token, serde_json::from_str(&body).unwrap()));
            Ok::<_, Infallible>(answer(heard.len() - 1))
        };
        let runtime = Runtime::new().unwrap();
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}/job", listener.local_addr().unwrap());
        let app = Router::new().route("/job", post(listen)).with_state(state);
        runtime.spawn(async move { axum::serve(listener, app).await });
        Self { url, heard, _runtime: runtime }
    }

    /// The events, in the order in which they came.
    pub fn heard(&self) -> Vec<JobEvent> {
        self.all().into_iter().map(|(_, event)| event).collect()
    }

    /// The tokens that came with them.
    pub fn tokens(&self) -> Vec<String> {
        self.all().into_iter().map(|(token, _)| token).collect()
    }

    fn all(&self) -> Vec<(String, JobEvent)> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn status(code: u16) -> Response {
    StatusCode::from_u16(code).unwrap().into_response()
}

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Error;
use crate::gateway::FENCE_HEADER;

/// Longest wait for a connection: the parts are on one network.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const MESSAGE_CHARACTERS: usize = 500;

/// A client for the clients of this crate that waits at most `answer` for a whole answer: without a limit, a server
/// that is stopped in the middle of an answer is waited for for ever.
pub fn http_client(answer: Duration) -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder().connect_timeout(CONNECT_TIMEOUT).timeout(answer).build()
}

/// One base address with the words that errors use for it.
#[derive(Clone, Debug)]
pub(crate) struct Transport {
    http: reqwest::Client,
    what: &'static str,
    base: String,
    token: Option<String>,
    /// Number of the leader that asks; 0 where there is none.
    fence: Arc<AtomicU64>,
}

impl Transport {
    pub(crate) fn new(http: reqwest::Client, what: &'static str, base: &str, token: Option<String>) -> Self {
        Self { http, what, base: base.trim_end_matches('/').to_owned(), token, fence: Arc::default() }
    }

    pub(crate) fn fence(&self, number: u64) {
        self.fence.store(number, Ordering::Relaxed);
    }

    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Error> {
        let url = self.url(path);
        self.json(&url, self.http.get(&url)).await
    }

    pub(crate) async fn post<T: DeserializeOwned>(&self, path: &str, body: &impl Serialize) -> Result<T, Error> {
        let url = self.url(path);
        self.json(&url, self.http.post(&url).json(body)).await
    }

    /// Posts and does not look at what a 2xx says.
    pub(crate) async fn tell(&self, path: &str, body: &impl Serialize) -> Result<(), Error> {
        let url = self.url(path);
        self.text(&url, self.http.post(&url).json(body)).await.map(drop)
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    async fn json<T: DeserializeOwned>(&self, url: &str, request: reqwest::RequestBuilder) -> Result<T, Error> {
        let text = self.text(url, request).await?;
        serde_json::from_str(&text).map_err(|e| Error::Malformed {
            what: self.what,
            url: url.to_owned(),
            message: e.to_string(),
        })
    }

    async fn text(&self, url: &str, request: reqwest::RequestBuilder) -> Result<String, Error> {
        let request = match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        let request = match self.fence.load(Ordering::Relaxed) {
            0 => request,
            number => request.header(FENCE_HEADER, number),
        };
        let unreachable = |source| Error::Unreachable { what: self.what, url: url.to_owned(), source };
        let response = request.send().await.map_err(unreachable)?;
        let status = response.status();
        let text = response.text().await.map_err(unreachable)?;
        if status.is_success() {
            return Ok(text);
        }
        let message = text.chars().take(MESSAGE_CHARACTERS).collect();
        Err(Error::Refused { what: self.what, url: url.to_owned(), status: status.as_u16(), message })
    }
}

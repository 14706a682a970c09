//! Asking the operator for an improvement cycle.

use std::time::Duration;

use serde::Deserialize;

use crate::config::Secret;
use crate::routing::ModelKey;

/// The operator's internal endpoint.
#[derive(Clone)]
pub struct Operator {
    http: reqwest::Client,
    url: Option<String>,
    token: Secret,
    patience: Duration,
}

/// Why no cycle was started.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// This gateway was not told where it is.
    #[error("this gateway knows no operator")]
    Unknown,
    /// It did not answer.
    #[error("the operator cannot be reached: {0}")]
    Unreachable(#[source] reqwest::Error),
    /// It said no, and why.
    #[error("the operator refused: {message}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Its words.
        message: String,
    },
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Improving {
    training_run: String,
}

/// The part of an error that is for people.
#[derive(Deserialize)]
struct Refusal {
    message: String,
}

impl Operator {
    /// `url` is the operator's internal address; it has `patience` to answer.
    pub fn new(http: reqwest::Client, url: Option<String>, token: Secret, patience: Duration) -> Self {
        Self { http, url, token, patience }
    }

    /// Starts a cycle; returns the name of its TrainingRun.
    pub async fn improve(&self, model: &ModelKey) -> Result<String, OperatorError> {
        let base = self.url.as_deref().ok_or(OperatorError::Unknown)?.trim_end_matches('/');
        let url = format!("{base}/internal/v1/models/{}/{}/improve", model.namespace, model.name);
        let sent = self.http.post(url).bearer_auth(self.token.reveal()).timeout(self.patience).send().await;
        let response = sent.map_err(OperatorError::Unreachable)?;
        let status = response.status();
        let text = response.text().await.map_err(OperatorError::Unreachable)?;
        if !status.is_success() {
            let message =
                serde_json::from_str::<Refusal>(&text).map_or_else(|_| text.chars().take(300).collect(), |r| r.message);
            return Err(OperatorError::Refused { status: status.as_u16(), message });
        }
        let malformed =
            |_| OperatorError::Refused { status: status.as_u16(), message: "it named no TrainingRun".to_owned() };
        Ok(serde_json::from_str::<Improving>(&text).map_err(malformed)?.training_run)
    }
}

//! What can go wrong in each step of a reconcile. The name of the variant is the reason in events and metrics.

use std::time::Duration;

/// Why a reconcile ended early. It is tried again; nothing that was done is undone.
#[derive(Debug, thiserror::Error, strum::IntoStaticStr)]
#[allow(
    clippy::enum_variant_names,
    reason = "the names are reasons in events, where the words around them are missing"
)]
pub enum Error {
    /// Nothing was decided.
    #[error("the state could not be read: {0}")]
    ObserveFailed(#[from] ObserveError),
    /// Part of what was decided was done.
    #[error("what was decided could not be done: {0}")]
    ActFailed(#[from] ActError),
    /// All was done, but it is not written down.
    #[error("the status could not be written: {0}")]
    StatusFailed(#[from] StatusError),
}

/// Why something could not be read.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// The Kubernetes API did not answer.
    #[error("{what}: {source}")]
    Kubernetes {
        /// What was asked for.
        what: &'static str,
        /// What the client said.
        source: Box<kube::Error>,
    },
}

/// Why something could not be done.
#[derive(Debug, thiserror::Error)]
pub enum ActError {
    /// The Kubernetes API refused, or did not answer.
    #[error("{what}: {source}")]
    Kubernetes {
        /// What was to be done.
        what: &'static str,
        /// What the client said.
        source: Box<kube::Error>,
    },
    /// An object of this name belongs to another, and is not touched.
    #[error("{what}: {kind} {name} belongs to another object; delete it, or wait until it is collected")]
    NameTaken {
        /// What was to be done.
        what: &'static str,
        /// Its kind.
        kind: String,
        /// Its name.
        name: String,
    },
    /// The gateway refused, or did not answer.
    #[error("{what}: {source}")]
    Gateway {
        /// What was to be done.
        what: &'static str,
        /// What the client said.
        source: genesis_client::Error,
    },
}

/// Why a status could not be written.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The object changed after it was read: the decision may be out of date, and is taken again.
    #[error("the object changed meanwhile")]
    Conflict,
    /// The Kubernetes API refused, or did not answer.
    #[error("{0}")]
    Kubernetes(#[source] Box<kube::Error>),
}

impl Error {
    /// Reason for events and metrics.
    pub fn reason(&self) -> &'static str {
        self.into()
    }

    /// When to try again.
    pub fn retry_after(&self) -> Duration {
        match self {
            Self::StatusFailed(StatusError::Conflict) => Duration::from_millis(100),
            Self::ObserveFailed(_) | Self::ActFailed(_) | Self::StatusFailed(_) => Duration::from_secs(2),
        }
    }

    /// Whether a person should hear of it. A conflict is everyday work.
    pub fn is_worth_an_event(&self) -> bool {
        !matches!(self, Self::StatusFailed(StatusError::Conflict))
    }
}

impl ActError {
    /// Whether it will be the same when it is tried again, until somebody changes something: then people must find it in
    /// the status. A server that is down or overloaded gets over it by itself, and more writes would not help it.
    pub fn lasts(&self) -> bool {
        match self {
            Self::Kubernetes { source, .. } => match source.as_ref() {
                kube::Error::Api(status) => {
                    (400..500).contains(&status.code) && ![404, 409, 429].contains(&status.code)
                }
                _ => false,
            },
            Self::NameTaken { .. } | Self::Gateway { .. } => true,
        }
    }
}

/// Turns an error of the client into one of the observing step.
pub(crate) fn observing(what: &'static str) -> impl FnOnce(kube::Error) -> ObserveError {
    move |source| ObserveError::Kubernetes { what, source: Box::new(source) }
}

/// Turns an error of the client into one of the acting step.
pub(crate) fn acting(what: &'static str) -> impl FnOnce(kube::Error) -> ActError {
    move |source| ActError::Kubernetes { what, source: Box::new(source) }
}

/// Turns an error of the gateway into one of the acting step.
pub(crate) fn asking_gateway(what: &'static str) -> impl FnOnce(genesis_client::Error) -> ActError {
    move |source| ActError::Gateway { what, source }
}

impl From<kube::Error> for StatusError {
    fn from(error: kube::Error) -> Self {
        match error {
            kube::Error::Api(status) if status.code == 409 => Self::Conflict,
            other => Self::Kubernetes(Box::new(other)),
        }
    }
}

/// Why a call did not give an answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No answer came.
    #[error("{what} at {url} cannot be reached: {source}")]
    Unreachable {
        /// Which part.
        what: &'static str,
        /// Its address.
        url: String,
        /// What the transport said.
        source: reqwest::Error,
    },
    /// It answered with an error.
    #[error("{what} at {url} answered {status}: {message}")]
    Refused {
        /// Which part.
        what: &'static str,
        /// Its address.
        url: String,
        /// HTTP status.
        status: u16,
        /// Its words, cut to 500 characters.
        message: String,
    },
    /// It answered something else than agreed.
    #[error("{what} at {url} answered what cannot be read: {message}")]
    Malformed {
        /// Which part.
        what: &'static str,
        /// Its address.
        url: String,
        /// What is wrong with it.
        message: String,
    },
}

impl Error {
    /// Whether asking again can help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Unreachable { .. } => true,
            Self::Refused { status, .. } => matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504),
            Self::Malformed { .. } => false,
        }
    }

    /// Whether the request certainly had no effect. A connection that breaks, or a timeout, leaves that open.
    pub fn had_no_effect(&self) -> bool {
        match self {
            Self::Unreachable { source, .. } => source.is_connect(),
            Self::Refused { .. } => true,
            Self::Malformed { .. } => false,
        }
    }

    /// The HTTP status, where there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Self::Refused { status, .. } => Some(*status),
            Self::Unreachable { .. } | Self::Malformed { .. } => None,
        }
    }
}

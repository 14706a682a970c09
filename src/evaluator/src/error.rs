/// Why an evaluation could not be made. None of these is a verdict.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A suite cannot be read.
    #[error("suite {name}: {source}")]
    Suite {
        /// Its name.
        name: String,
        /// Why.
        source: genesis_artifacts::Error,
    },
    /// A suite is not what it should be.
    #[error("suite {name} is not a list of tasks: {message}")]
    SuiteFormat {
        /// Its name.
        name: String,
        /// What is wrong, with its place.
        message: String,
    },
    /// The models did not answer.
    #[error("sampling: {0}")]
    Inference(#[from] genesis_client::Error),
    /// A model answered with fewer texts than it was asked for. They are not failures of the model that is judged.
    #[error("{model} gave {got} of {wanted} answers to task {task}")]
    Answers {
        /// Served name.
        model: String,
        /// The task.
        task: String,
        /// Answers asked for.
        wanted: usize,
        /// Answers that came.
        got: usize,
    },
    /// No address was given.
    #[error("no {0} was given: pass at least one --{0} address")]
    NoEndpoint(&'static str),
    /// The sandbox did not answer.
    #[error("executing: {0}")]
    Sandbox(String),
    /// The report could not be kept.
    #[error("report: {0}")]
    Report(#[from] genesis_artifacts::Error),
    /// The operator did not take the result.
    #[error("the result could not be told: {0}")]
    Untold(genesis_client::Error),
}

impl Error {
    /// CamelCase reason for the object's condition.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Suite { .. } | Self::SuiteFormat { .. } => "SuiteInvalid",
            Self::Inference(_) => "InferenceUnreachable",
            Self::Answers { .. } => "InferenceMalformed",
            Self::NoEndpoint(_) => "NoEndpoint",
            Self::Sandbox(_) => "SandboxUnreachable",
            Self::Report(_) => "ReportUploadFailed",
            Self::Untold(_) => "OperatorUnreachable",
        }
    }

    /// Whether another attempt can help.
    pub fn is_retriable(&self) -> bool {
        match self {
            Self::Suite { source, .. } => source.is_io(),
            Self::SuiteFormat { .. } | Self::NoEndpoint(_) => false,
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_on_a_failing_disk_may_be_read_later_and_a_wrong_one_may_not() {
        let suite = |source| Error::Suite { name: "sealed".into(), source }.is_retriable();
        let failed = |kind: std::io::ErrorKind| genesis_artifacts::Error::Io {
            action: "read",
            path: "/store".into(),
            source: kind.into(),
        };
        assert!(suite(failed(std::io::ErrorKind::TimedOut)));
        assert!(!suite(failed(std::io::ErrorKind::NotFound)));
        assert!(!suite(genesis_artifacts::Error::Uri("x".into())));
    }
}

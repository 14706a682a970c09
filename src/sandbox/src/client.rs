//! The blocking client of a pool.
//!
//! The client is a few bytes and holds no connection: clone it freely. In async code run a batch with
//! `tokio::task::spawn_blocking(move || client.execute(&requests))`; one call occupies one blocking thread
//! until the last record of the batch is there.

use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use genesis_core::execution::{ExecutionRecord, ExecutionRequest};

use crate::frame::{Answer, FrameError, MAX_ANSWER, MAX_PROGRAMS, MAX_REQUEST, Request, read_frame, write_frame};

/// Bytes of source and tests that one frame of the client carries at most, well below [`MAX_REQUEST`].
const FRAME_TARGET: usize = MAX_REQUEST / 4;

/// A client of one pool.
#[derive(Clone, Debug)]
pub struct Client {
    address: SocketAddr,
    connect_timeout: Duration,
    patience: Duration,
}

/// Why a batch has no records. None of these says anything about the programs.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The pool cannot be reached.
    #[error("the sandbox pool at {address} cannot be reached: {source}; start it with `genesis-sandbox serve`")]
    Unreachable {
        /// Its address.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// The exchange broke off.
    #[error("the exchange with the sandbox pool broke off: {0}")]
    Frame(#[from] FrameError),
    /// The pool refused the batch.
    #[error("the sandbox pool refused the batch: {0}")]
    Refused(String),
    /// The pool answered something else than was asked.
    #[error("the sandbox pool ended the exchange without one record for each program")]
    Incomplete,
}

impl Client {
    /// A client of the pool at `address`, with five seconds to connect and thirty seconds of patience
    /// beyond the wall clocks of the programs.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, connect_timeout: Duration::from_secs(5), patience: Duration::from_secs(30) }
    }

    /// The same client with other times: `connect` to connect, and `patience` on top of the sum of the wall
    /// clocks of a batch, which is what one worker would need at worst.
    #[must_use]
    pub fn with_timeouts(self, connect: Duration, patience: Duration) -> Self {
        Self { connect_timeout: connect, patience, ..self }
    }

    /// Runs programs; one record for each, in the same order. Long lists are sent as several batches.
    ///
    /// # Errors
    /// Where the pool cannot be reached, refuses, or does not answer in time.
    pub fn execute(&self, requests: &[ExecutionRequest]) -> Result<Vec<ExecutionRecord>, ClientError> {
        let mut records = Vec::with_capacity(requests.len());
        let mut rest = requests;
        while !rest.is_empty() {
            let (batch, later) = rest.split_at(batch_length(rest));
            records.extend(self.exchange(batch)?);
            rest = later;
        }
        Ok(records)
    }

    fn exchange(&self, batch: &[ExecutionRequest]) -> Result<Vec<ExecutionRecord>, ClientError> {
        let unreachable = |source| ClientError::Unreachable { address: self.address, source };
        let mut stream = TcpStream::connect_timeout(&self.address, self.connect_timeout).map_err(unreachable)?;
        let programs: u64 = batch.iter().map(|request| request.limits.wall_ms).fold(0, u64::saturating_add);
        stream
            .set_read_timeout(Some(self.patience.saturating_add(Duration::from_millis(programs))))
            .map_err(unreachable)?;
        stream.set_write_timeout(Some(self.patience)).map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        write_frame(&mut stream, &Request { requests: batch.to_vec() }, MAX_REQUEST)?;
        match read_frame(&mut stream, MAX_ANSWER)? {
            Some(Answer::Records(records)) if records.len() == batch.len() => Ok(records),
            Some(Answer::Error(reason)) => Err(ClientError::Refused(reason)),
            Some(Answer::Records(_)) | None => Err(ClientError::Incomplete),
        }
    }
}

/// How many of the first requests go into one frame: at least one.
fn batch_length(requests: &[ExecutionRequest]) -> usize {
    let mut bytes = 0;
    let fitting = requests.iter().take(MAX_PROGRAMS).take_while(|request| {
        bytes += request.source.len() + serde_json::to_vec(&request.tests).map_or(0, |tests| tests.len());
        bytes <= FRAME_TARGET
    });
    fitting.count().max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(source: String) -> ExecutionRequest {
        serde_json::from_value(serde_json::json!({"id": "a", "source": source, "tests": null})).unwrap()
    }

    #[test]
    fn batches_are_bounded_in_number_and_in_bytes() {
        assert_eq!(batch_length(&vec![request("pass".to_owned()); 3]), 3);
        assert_eq!(batch_length(&vec![request("pass".to_owned()); 2_000]), MAX_PROGRAMS);
        assert_eq!(batch_length(&vec![request("#".repeat(FRAME_TARGET / 3)); 3]), 2);
        assert_eq!(batch_length(&[request("#".repeat(FRAME_TARGET * 2))]), 1);
    }

    #[test]
    fn a_pool_that_is_not_there_is_named() {
        let error = Client::new(([127, 0, 0, 1], 1).into()).execute(&[request("pass".to_owned())]).unwrap_err();
        assert!(error.to_string().contains("127.0.0.1:1"), "{error}");
    }
}

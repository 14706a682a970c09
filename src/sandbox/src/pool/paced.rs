//! A stream whose reads and writes have to be done by a point in time, however many they are.

use std::io::{ErrorKind, Read, Result, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

/// A client's stream for the length of one frame.
#[derive(Debug)]
pub(super) struct Paced<'a> {
    stream: &'a TcpStream,
    /// How long the first byte may take, and all that follow it.
    silence: Duration,
    patience: Duration,
    deadline: Option<Instant>,
}

impl<'a> Paced<'a> {
    /// Waits `silence` for the first byte and `patience` for what follows.
    pub(super) fn new(stream: &'a TcpStream, silence: Duration, patience: Duration) -> Self {
        Self { stream, silence, patience, deadline: None }
    }

    /// Whether a first byte has come or gone.
    pub(super) fn has_begun(&self) -> bool {
        self.deadline.is_some()
    }

    /// What is left for the next call.
    fn left(&self) -> Result<Duration> {
        let left = self.deadline.map_or(self.silence, |deadline| deadline.saturating_duration_since(Instant::now()));
        if left.is_zero() { Err(ErrorKind::TimedOut.into()) } else { Ok(left) }
    }

    fn begin(&mut self) {
        let end = Instant::now() + self.patience;
        self.deadline.get_or_insert(end);
    }
}

impl Read for Paced<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        self.stream.set_read_timeout(Some(self.left()?))?;
        let count = self.stream.read(buffer)?;
        self.begin();
        Ok(count)
    }
}

impl Write for Paced<'_> {
    fn write(&mut self, buffer: &[u8]) -> Result<usize> {
        self.begin();
        self.stream.set_write_timeout(Some(self.left()?))?;
        self.stream.write(buffer)
    }

    fn flush(&mut self) -> Result<()> {
        self.stream.flush()
    }
}

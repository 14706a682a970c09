//! One process under the supervisor's eyes: its line, its outputs and its end.

use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::time::Instant;

use genesis_core::execution::Capture;
use nix::errno::Errno;
use nix::poll::PollFlags;
use nix::unistd::read;

use crate::capture::Tap;
use crate::cell::{Cell, CellError, Running, Usage};
use crate::group::Counters;
use crate::line::{Frame, Garbled};

const STREAMS: [&str; 2] = ["stdout", "stderr"];

/// A program, or a test program, in its cell.
pub(super) struct Participant<'a> {
    cell: &'a mut Cell,
    running: Running,
    outputs: [Option<OwnedFd>; 2],
    taps: [Tap; 2],
    status: Option<i32>,
    killed: bool,
}

impl<'a> Participant<'a> {
    pub(super) fn new(cell: &'a mut Cell, mut running: Running) -> Self {
        let outputs = running.outputs.take().map_or([None, None], |outputs| outputs.map(Some));
        Self { cell, running, outputs, taps: [Tap::default(), Tap::default()], status: None, killed: false }
    }

    pub(super) fn started(&self) -> Instant {
        self.running.started
    }

    /// Whether its process, and everything that it started, has ended.
    pub(super) fn ended(&self) -> bool {
        self.status.is_some()
    }

    pub(super) fn killed(&self) -> bool {
        self.killed
    }

    /// Descriptors to wait for.
    pub(super) fn interests(&self) -> impl Iterator<Item = (BorrowedFd<'_>, PollFlags)> {
        let line = (!self.ended() && self.running.line.is_open()).then(|| {
            let write = if self.running.line.wants_to_write() { PollFlags::POLLOUT } else { PollFlags::empty() };
            (self.running.line.as_fd(), PollFlags::POLLIN | write)
        });
        let control = (!self.ended()).then(|| (self.cell.control().as_fd(), PollFlags::POLLIN));
        let outputs = self.outputs.iter().flatten().map(|output| (output.as_fd(), PollFlags::POLLIN));
        line.into_iter().chain(control).chain(outputs)
    }

    /// Takes note of its end, if it has come.
    pub(super) fn look_for_end(&mut self) -> Result<(), CellError> {
        self.status = self.cell.poll_status()?;
        Ok(())
    }

    pub(super) fn fill(&mut self) {
        self.running.line.flush();
        self.running.line.fill();
    }

    pub(super) fn next(&mut self) -> Result<Option<Frame>, Garbled> {
        self.running.line.next()
    }

    pub(super) fn say(&mut self, kind: u8, text: &str) {
        self.running.line.say(kind, text);
    }

    pub(super) fn kill(&mut self) -> Result<(), CellError> {
        self.killed = true;
        self.cell.stop()
    }

    pub(super) fn look(&self) -> Result<Counters, CellError> {
        self.cell.look(&self.running)
    }

    pub(super) fn ran_out_of_memory(&self) -> bool {
        self.cell.ran_out_of_memory(&self.running)
    }

    pub(super) fn prove_empty(&self) -> Result<(), CellError> {
        self.cell.prove_empty()
    }

    /// Reads what can be read now; says which stream carried more than `limit` bytes.
    pub(super) fn read_outputs(&mut self, limit: u64) -> Result<Option<&'static str>, CellError> {
        let mut buffer = [0; 16 << 10];
        for ((output, tap), name) in self.outputs.iter_mut().zip(&mut self.taps).zip(STREAMS) {
            while let Some(descriptor) = output {
                match read(&*descriptor, &mut buffer) {
                    Ok(0) => *output = None,
                    Ok(count) => tap.take(&buffer[..count]),
                    Err(Errno::EAGAIN) => break,
                    Err(Errno::EINTR) => {}
                    Err(errno) => return Err(errno.into()),
                }
                if tap.total() > limit {
                    return Ok(Some(name));
                }
            }
        }
        Ok(None)
    }

    /// Closes the account: wait status, what was used, what was written.
    pub(super) fn finish(self) -> Result<(i32, Usage, [Capture; 2]), CellError> {
        let usage = self.cell.usage(&self.running)?;
        Ok((self.status.unwrap_or_default(), usage, self.taps.map(Tap::finish)))
    }
}

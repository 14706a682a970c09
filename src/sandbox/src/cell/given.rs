//! What a program is given when it starts: its bounds, and somewhere to write.

use std::os::fd::OwnedFd;

use genesis_core::execution::Limits;
use nix::errno::Errno;
use nix::fcntl::OFlag;

use super::CellError;
use crate::group::{Allowance, STACK};

/// Memory of the fork server's own growth that is not charged to a program.
pub(super) const OWN_GROWTH: u64 = 1 << 20;

/// Where a program's output goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Sink {
    /// To the supervisor.
    Read,
    /// Nowhere.
    Discard,
}

type Ends = (Option<[OwnedFd; 2]>, [OwnedFd; 2]);

/// Our ends and the program's ends of stdout and stderr.
pub(super) fn open_sink(sink: Sink) -> Result<Ends, CellError> {
    if sink == Sink::Discard {
        let null = || std::fs::OpenOptions::new().write(true).open("/dev/null").map(OwnedFd::from);
        return Ok((None, [null()?, null()?]));
    }
    let pipe = || -> Result<(OwnedFd, OwnedFd), Errno> {
        let (reader, writer) = nix::unistd::pipe2(OFlag::O_CLOEXEC)?;
        nix::fcntl::fcntl(&reader, nix::fcntl::FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        Ok((reader, writer))
    };
    let ((stdout, their_stdout), (stderr, their_stderr)) = (pipe()?, pipe()?);
    Ok((Some([stdout, stderr]), [their_stdout, their_stderr]))
}

/// The bounds that a program's process puts on itself before it runs the program (zygote.py).
///
/// Under control groups they are a second line: the group bounds memory and processes, the supervisor's clocks bound
/// time. In gVisor they are the first.
pub(super) fn bounds(limits: &Limits, allowed: Allowance) -> [u8; 40] {
    let numbers = [
        limits.cpu_ms.div_ceil(1_000) + 1,
        limits.memory_bytes + limits.processes * STACK + OWN_GROWTH,
        limits.memory_bytes + allowed.space,
        limits.file_bytes,
        limits.processes + allowed.processes,
    ];
    let mut message = [0; 40];
    for (place, number) in message.chunks_exact_mut(8).zip(numbers) {
        place.copy_from_slice(&number.to_le_bytes());
    }
    message
}

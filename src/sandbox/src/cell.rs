//! A cell: an isolated place in which programs run one after the other.
//!
//! Three processes make it. The *supervisor* (this one) stays outside and decides everything. The *warden*
//! (`warden.rs`) is outside the cell's pid namespace and inside its mount namespace; it replaces the scratch
//! file system between programs. The *zygote* (`python/zygote.py`) is pid 1 inside; it forks one process per
//! program and reports when nothing of it is left. README.md of this crate has the argument why that is safe.

mod account;
mod blueprint;
mod enter;
mod given;
mod identity;
mod launch;
mod lockdown;
mod stage;
mod syscalls;
mod warden;

use std::io::IoSlice;
use std::os::fd::{AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use genesis_core::execution::Limits;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{ControlMessage, MsgFlags, recv, send, sendmsg};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::Pid;

pub(crate) use account::{CellError, Usage};
pub(crate) use blueprint::Blueprint;
pub use blueprint::BlueprintError;
pub(crate) use given::Sink;
use given::{bounds, open_sink};
pub(crate) use identity::Identity;
pub use identity::IdentityError;
pub use launch::LaunchError;
pub use stage::Stage;

use crate::group::{Counters, Group};
use crate::line::{Job, Line};

/// How long the warden and the zygote may take for what takes them a millisecond.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many inodes a program's scratch has.
pub(crate) const SCRATCH_INODES: u64 = 4_096;

/// A running cell. Dropping it ends every process in it and waits for that.
#[derive(Debug)]
pub(crate) struct Cell {
    warden: Pid,
    warden_socket: OwnedFd,
    control: OwnedFd,
    zygote: Pid,
    group: Group,
    own_memory: u64,
}

/// One program in a cell, as long as it runs.
#[derive(Debug)]
pub(crate) struct Running {
    /// The line to the harness in the program's process.
    pub(crate) line: Line,
    /// Reading ends of stdout and stderr, not blocking.
    pub(crate) outputs: Option<[OwnedFd; 2]>,
    /// When the cell was asked to start it.
    pub(crate) started: Instant,
    before: Counters,
}

impl Cell {
    /// Starts one program: fresh scratch, bounds in force, then a fork of the zygote.
    pub(crate) fn start(&mut self, limits: &Limits, job: &Job, sink: Sink) -> Result<Running, CellError> {
        let scratch = (limits.memory_bytes / 4).clamp(limits.file_bytes * 2, (limits.file_bytes * 2).max(16 << 20));
        self.ask_warden(&[&[warden::FRESH][..], &scratch.to_le_bytes(), &SCRATCH_INODES.to_le_bytes()].concat())?;
        // One more for the zygote.
        self.group.limit(self.own_memory + limits.memory_bytes, limits.processes + 1)?;
        let before = self.group.counters()?;
        let (line, theirs) = Line::open(job)?;
        let (outputs, [stdout, stderr]) = open_sink(sink)?;
        let started = Instant::now();
        let message = bounds(limits, self.group.allowance(limits)?);
        let descriptors = [theirs.as_raw_fd(), stdout.as_raw_fd(), stderr.as_raw_fd()];
        let sent = sendmsg::<()>(
            self.control.as_raw_fd(),
            &[IoSlice::new(&message)],
            &[ControlMessage::ScmRights(&descriptors)],
            MsgFlags::MSG_NOSIGNAL,
            None,
        );
        sent.map_err(|_| CellError::Gone { who: "zygote" })?;
        Ok(Running { line, outputs, started, before })
    }

    /// The zygote, as a pid of the host.
    pub(crate) fn zygote(&self) -> i32 {
        self.zygote.as_raw()
    }

    /// Asks the zygote to kill the program. It answers with the program's status as always.
    pub(crate) fn stop(&self) -> Result<(), CellError> {
        send(self.control.as_raw_fd(), b"K", MsgFlags::MSG_NOSIGNAL)
            .map(drop)
            .map_err(|_| CellError::Gone { who: "zygote" })
    }

    /// The socket that becomes readable when the program and all it started have ended.
    pub(crate) fn control(&self) -> &OwnedFd {
        &self.control
    }

    /// The wait status of the program's process, once it and everything it started has ended.
    pub(crate) fn poll_status(&self) -> Result<Option<i32>, CellError> {
        let mut packet = [0; 4];
        match recv(self.control.as_raw_fd(), &mut packet, MsgFlags::MSG_DONTWAIT) {
            Ok(4) => Ok(Some(i32::from_le_bytes(packet))),
            Err(Errno::EAGAIN | Errno::EINTR) => Ok(None),
            Ok(_) | Err(_) => Err(CellError::Gone { who: "zygote" }),
        }
    }

    /// What the program uses now: processor time since it was started, memory, processes.
    pub(crate) fn look(&self, running: &Running) -> Result<Counters, CellError> {
        let now = self.group.counters()?;
        Ok(Counters { processor_ns: now.processor_ns.saturating_sub(running.before.processor_ns), ..now })
    }

    /// Whether the kernel stops a cell that uses too much; otherwise the supervisor has to look often.
    pub(crate) fn is_bounded_by_the_kernel(&self) -> bool {
        self.group.is_bounded_by_the_kernel()
    }

    /// Proves, by the kernel's list, that no process but the zygote is in the cell.
    pub(crate) fn prove_empty(&self) -> Result<(), CellError> {
        let left = self.group.members()?.iter().filter(|&&member| member != self.zygote.as_raw()).count();
        if left == 0 { Ok(()) } else { Err(CellError::NotEmpty(left)) }
    }

    /// What the program used, after its end.
    pub(crate) fn usage(&self, running: &Running) -> Result<Usage, CellError> {
        self.prove_empty()?;
        let (before, now) = (running.before, self.group.counters()?);
        Ok(Usage {
            processor: Duration::from_nanos(now.processor_ns.saturating_sub(before.processor_ns)),
            peak_bytes: self.group.peak()?.saturating_sub(self.own_memory),
            out_of_memory: now.kills > before.kills,
            out_of_processes: now.refusals > before.refusals,
            refusals_unseen: !self.is_bounded_by_the_kernel(),
            out_of_disk: self.ask_warden(&[warden::USAGE])? == warden::FULL,
        })
    }

    /// Whether memory ran out since the program was started, in a cell that has otherwise been lost.
    pub(crate) fn ran_out_of_memory(&self, running: &Running) -> bool {
        self.group.counters().is_ok_and(|now| now.kills > running.before.kills)
    }

    fn ask_warden(&self, command: &[u8]) -> Result<u8, CellError> {
        let gone = |_| CellError::Gone { who: "warden" };
        send(self.warden_socket.as_raw_fd(), command, MsgFlags::MSG_NOSIGNAL).map_err(gone)?;
        await_readable(&self.warden_socket, "warden")?;
        let mut answer = [0; 2];
        match recv(self.warden_socket.as_raw_fd(), &mut answer, MsgFlags::empty()).map_err(gone)? {
            2 if answer[0] == warden::FAILED => Err(CellError::Scratch(Errno::from_raw(i32::from(answer[1])))),
            2 => Ok(answer[0]),
            _ => Err(CellError::Gone { who: "warden" }),
        }
    }
}

impl Drop for Cell {
    fn drop(&mut self) {
        // The warden kills the zygote, waits for it, and ends. Where it does not, it is killed itself, and
        // the zygote with it (PR_SET_PDEATHSIG).
        let _ = send(self.warden_socket.as_raw_fd(), &[warden::QUIT], MsgFlags::MSG_NOSIGNAL);
        let deadline = Instant::now() + PATIENCE;
        let ended = || !matches!(waitpid(self.warden, Some(WaitPidFlag::WNOHANG)), Ok(WaitStatus::StillAlive));
        while !ended() {
            if Instant::now() > deadline {
                let _ = kill(self.warden, Signal::SIGKILL);
                let _ = waitpid(self.warden, None);
                break;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Waits until a socket of the cell has something to say.
fn await_readable(socket: &OwnedFd, who: &'static str) -> Result<(), CellError> {
    use std::os::fd::AsFd as _;
    let mut polled = [PollFd::new(socket.as_fd(), PollFlags::POLLIN)];
    let timeout = PollTimeout::try_from(PATIENCE).unwrap_or(PollTimeout::MAX);
    loop {
        match poll(&mut polled, timeout) {
            Ok(0) => return Err(CellError::Silent { who }),
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

//! Starting a cell: fork, hand out identities, put pid 1 into its group, wait for the interpreter.

use std::io::Read as _;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use nix::unistd::{ForkResult, Pid, pipe2};

use super::blueprint::PROGRAM_ID;
use super::stage::Stage;
use super::{Blueprint, Cell, CellError, Group, Identity, await_readable, enter};
use crate::cgroup::CgroupError;
use crate::sys;

/// Why a cell cannot be started: which protection the machine does not grant, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// A step failed.
    #[error("{} is not granted here ({errno}): {}", stage.protection(), stage.remedy())]
    NotGranted {
        /// The step.
        stage: Stage,
        /// What the system said.
        errno: Errno,
    },
    /// A process of the cell ended early.
    #[error("python did not start in the cell: {0}")]
    Interpreter(String),
    /// Identities cannot be mapped.
    #[error("user mapping is not granted here ({0}): run as root with CAP_SETUID and CAP_SETGID")]
    Mapping(std::io::Error),
    /// The cell's group cannot be used.
    #[error(transparent)]
    Cgroup(#[from] CgroupError),
    /// The machine is out of something that is not a protection.
    #[error("a cell cannot be started: {0}")]
    System(#[from] Errno),
    /// A process of the cell does not answer.
    #[error("a cell cannot be started: {0}")]
    Cell(String),
}

impl From<CellError> for LaunchError {
    fn from(error: CellError) -> Self {
        Self::Cell(error.to_string())
    }
}

impl Cell {
    /// Starts a cell and waits until its interpreter is ready to fork.
    ///
    /// # Errors
    /// Names the first protection that the machine does not grant. Nothing is left behind then.
    pub(crate) fn launch(
        blueprint: &Blueprint,
        mut group: Group,
        identity: Option<Identity>,
    ) -> Result<Self, LaunchError> {
        let (warden_socket, their_warden_socket) = packets()?;
        let (control, their_control) = packets()?;
        let (complaints, their_complaints) = pipe2(OFlag::O_CLOEXEC)?;
        fcntl(&complaints, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
        // Bounds for the interpreter's own start.
        group.limit(256 << 20, 8)?;
        let warden = match sys::fork()? {
            ForkResult::Child => enter::run(blueprint, &their_warden_socket, &their_control, &their_complaints),
            ForkResult::Parent { child } => child,
        };
        drop((their_warden_socket, their_control, their_complaints));
        // From here on dropping the cell ends what was started.
        let zygote = Pid::from_raw(0);
        let mut cell = Self { warden, warden_socket, control, zygote, group, own_memory: 0 };
        cell.handshake(identity)?;
        if let Err(error) = cell.await_interpreter() {
            return Err(explained(error, complaints));
        }
        cell.own_memory = cell.group.memory()? + super::given::OWN_GROWTH;
        Ok(cell)
    }

    fn handshake(&mut self, identity: Option<Identity>) -> Result<(), LaunchError> {
        loop {
            match receive(&self.warden_socket, "warden")?.as_slice() {
                [enter::NEEDS_IDENTITY] => {
                    map_users(self.warden, identity).map_err(LaunchError::Mapping)?;
                    send(self.warden_socket.as_raw_fd(), b"M", MsgFlags::MSG_NOSIGNAL)?;
                }
                [enter::STARTED, pid @ ..] => {
                    let pid = pid.try_into().map(i32::from_le_bytes).unwrap_or_default();
                    self.zygote = Pid::from_raw(pid);
                    self.group.add(pid)?;
                    send(self.control.as_raw_fd(), b"G", MsgFlags::MSG_NOSIGNAL)?;
                    return Ok(());
                }
                other => return Err(refusal(other)),
            }
        }
    }

    fn await_interpreter(&self) -> Result<(), LaunchError> {
        match receive(&self.control, "zygote")?.as_slice() {
            b"ready" => Ok(()),
            other => Err(refusal(other)),
        }
    }
}

fn packets() -> Result<(OwnedFd, OwnedFd), Errno> {
    socketpair(AddressFamily::Unix, SockType::SeqPacket, None, SockFlag::SOCK_CLOEXEC)
}

fn receive(socket: &OwnedFd, who: &'static str) -> Result<Vec<u8>, LaunchError> {
    await_readable(socket, who)?;
    let mut packet = [0; 64];
    match recv(socket.as_raw_fd(), &mut packet, MsgFlags::empty()) {
        Ok(0) | Err(Errno::ECONNRESET) => Err(LaunchError::Interpreter(format!("its {who} has ended"))),
        Ok(length) => Ok(packet[..length].to_vec()),
        Err(errno) => Err(errno.into()),
    }
}

/// Reads the packet by which a child says which step failed.
fn refusal(packet: &[u8]) -> LaunchError {
    let stage = packet.get(1).copied().and_then(Stage::of);
    let errno = packet.get(2..6).and_then(|bytes| bytes.try_into().ok()).map(i32::from_le_bytes);
    match (packet.first(), stage, errno) {
        (Some(&enter::FAILED), Some(stage), Some(errno)) => {
            LaunchError::NotGranted { stage, errno: Errno::from_raw(errno) }
        }
        _ => LaunchError::Interpreter("it broke the handshake".to_owned()),
    }
}

/// Adds what the interpreter wrote before it ended.
fn explained(error: LaunchError, complaints: OwnedFd) -> LaunchError {
    let LaunchError::Interpreter(what) = error else { return error };
    let mut text = Vec::new();
    // Ends with an error where the other side is still open; what was read until then is kept.
    let _ = std::fs::File::from(complaints).take(4 << 10).read_to_end(&mut text);
    let text = String::from_utf8_lossy(&text);
    let last = text.trim().lines().last().map(|line| format!("; it wrote: {line}")).unwrap_or_default();
    LaunchError::Interpreter(what + &last)
}

/// Maps user and group 0 and 1000 of the cell to unprivileged ones of the host. Without an identity there is only 1000,
/// which is the supervisor's own: an ordinary user has no other to give.
fn map_users(process: Pid, identity: Option<Identity>) -> std::io::Result<()> {
    let Some(identity) = identity else {
        std::fs::write(format!("/proc/{process}/setgroups"), "deny").or_else(|error| match error.kind() {
            // gVisor has no such file, and no call to change the groups here either.
            std::io::ErrorKind::NotFound => Ok(()),
            _ => Err(error),
        })?;
        std::fs::write(format!("/proc/{process}/uid_map"), format!("{PROGRAM_ID} {} 1\n", nix::unistd::getuid()))?;
        return std::fs::write(
            format!("/proc/{process}/gid_map"),
            format!("{PROGRAM_ID} {} 1\n", nix::unistd::getgid()),
        );
    };
    let map = format!("0 {} 1\n{PROGRAM_ID} {} 1\n", identity.root, identity.program);
    std::fs::write(format!("/proc/{process}/uid_map"), &map)?;
    std::fs::write(format!("/proc/{process}/gid_map"), &map)
}

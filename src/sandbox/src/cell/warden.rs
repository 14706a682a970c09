//! The warden of a cell: outside its pid namespace, inside its mount namespace.
//!
//! It has two duties that need rights a program must not have: it gives each program a new, empty scratch
//! file system, and it ends the cell. It takes commands from the supervisor only, of fixed form.

use std::os::fd::RawFd;

use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{MsgFlags, recv, send};
use nix::sys::statvfs::statvfs;
use nix::sys::wait::waitpid;
use nix::unistd::Pid;

use super::blueprint::{PROGRAM_ID, SCRATCH};
use crate::sys;

/// Command: replace the scratch by an empty one. Followed by bytes and inodes, 64 bits each.
pub(super) const FRESH: u8 = b'F';
/// Command: how full is the scratch?
pub(super) const USAGE: u8 = b'U';
/// Answer of a command that was done.
pub(super) const DONE: u8 = b'D';
/// Answer to [`USAGE`] where no block or no inode is free.
pub(super) const FULL: u8 = b'X';
/// Answer of a command that failed; the second byte is the error number.
pub(super) const FAILED: u8 = b'E';
/// Command: end the cell.
pub(super) const QUIT: u8 = b'Q';

/// Serves until the supervisor says [`QUIT`] or goes away; then ends the cell.
pub(super) fn serve(socket: RawFd, zygote: Pid) -> ! {
    let mut packet = [0; 17];
    while let Ok(length) = recv(socket, &mut packet, MsgFlags::empty()) {
        let answer = match packet.first() {
            Some(&FRESH) if length == packet.len() => fresh(number(&packet[1..9]), number(&packet[9..17])),
            Some(&USAGE) if length == 1 => usage(),
            _ => break,
        };
        let packet = answer.map_or_else(|errno| [FAILED, errno as u8], |code| [code, 0]);
        if send(socket, &packet, MsgFlags::MSG_NOSIGNAL).is_err() {
            break;
        }
    }
    // Killing pid 1 kills the pid namespace; waiting makes sure that nothing of it is left.
    let _ = kill(zygote, Signal::SIGKILL);
    let _ = waitpid(zygote, None);
    sys::exit_now(0)
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte))
}

/// Lets the old scratch go and mounts a new one that only a program's user may use.
fn fresh(bytes: u64, inodes: u64) -> nix::Result<u8> {
    loop {
        match umount2(SCRATCH, MntFlags::MNT_DETACH) {
            Ok(()) => {}
            // Nothing is mounted there any more.
            Err(Errno::EINVAL) => break,
            Err(errno) => return Err(errno),
        }
    }
    let mut options = [0; 96];
    let length = {
        use std::io::Write as _;
        let mut rest = &mut options[..95];
        write!(rest, "mode=0700,uid={PROGRAM_ID},gid={PROGRAM_ID},size={bytes},nr_inodes={inodes}")
            .map_err(|_| Errno::ENAMETOOLONG)?;
        95 - rest.len()
    };
    let options = std::ffi::CStr::from_bytes_with_nul(&options[..=length]).map_err(|_| Errno::EINVAL)?;
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some(c"scratch"), SCRATCH, Some(c"tmpfs"), flags, Some(options))?;
    Ok(DONE)
}

fn usage() -> nix::Result<u8> {
    let scratch = statvfs(SCRATCH)?;
    Ok(if scratch.blocks_free() == 0 || scratch.files_free() == 0 { FULL } else { DONE })
}

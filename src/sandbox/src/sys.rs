//! The few system calls that have no safe wrapper. Every `unsafe` of this crate is in this file.

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::unistd::ForkResult;

/// Forks the calling process.
///
/// The child may only make system calls and allocate: another thread may have held any other lock at this
/// moment. (The C library makes its allocator usable in the child.)
#[allow(unsafe_code)]
pub(crate) fn fork() -> nix::Result<ForkResult> {
    // SAFETY: the two callers (`cell::launch`, `cell::enter`) run system calls on prepared data in the
    // child, take no lock of this program, and leave it by `execve` or `exit_now`.
    unsafe { nix::unistd::fork() }
}

/// Ends the process at once, without destructors: they belong to the process that was forked.
#[allow(unsafe_code)]
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: `_exit` has no preconditions.
    unsafe { libc::_exit(code) }
}

/// Makes `number` refer to the file of `descriptor`, kept across `execve`.
#[allow(unsafe_code)]
pub(crate) fn place(descriptor: &impl AsRawFd, number: RawFd) -> nix::Result<()> {
    // SAFETY: only called between fork and exec, where nothing owns `number`.
    Errno::result(unsafe { libc::dup2(descriptor.as_raw_fd(), number) }).map(drop)
}

/// Moves a descriptor to the first free number from `from` on, closed by `execve`.
#[allow(unsafe_code)]
pub(crate) fn move_up(descriptor: &impl AsRawFd, from: RawFd) -> nix::Result<OwnedFd> {
    // SAFETY: `F_DUPFD_CLOEXEC` takes a number and returns a descriptor that nobody else owns.
    Errno::result(unsafe { libc::fcntl(descriptor.as_raw_fd(), libc::F_DUPFD_CLOEXEC, from) }).map(|new| {
        // SAFETY: as above, the new descriptor is ours alone.
        unsafe { OwnedFd::from_raw_fd(new) }
    })
}

/// The kernel's log, as far as this process may read it.
#[allow(unsafe_code)]
pub(crate) fn kernel_log() -> String {
    const READ_ALL: i32 = 3;
    let mut text = vec![0_u8; 64 << 10];
    // SAFETY: the buffer is as long as the call is told.
    let length = unsafe { libc::klogctl(READ_ALL, text.as_mut_ptr().cast(), text.len() as i32) };
    text.truncate(usize::try_from(length).unwrap_or(0));
    String::from_utf8_lossy(&text).into_owned()
}

/// Closes every descriptor from `first` on.
#[allow(unsafe_code)]
pub(crate) fn close_from(first: u32) -> nix::Result<()> {
    // SAFETY: only called between fork and exec; the owners of these numbers live in the parent.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, u32::MAX, 0) }).map(drop)
}

/// Takes every capability but those of `kept` (bit masks, see capabilities(7)) out of the bounding set,
/// and leaves exactly `kept` permitted and effective.
#[allow(unsafe_code)]
pub(crate) fn keep_capabilities(kept: u64) -> nix::Result<()> {
    const VERSION_3: u32 = 0x2008_0522;
    for capability in 0..64 {
        if kept & (1 << capability) != 0 {
            continue;
        }
        // SAFETY: plain numbers. EINVAL says that this kernel has no capability of that number.
        match Errno::result(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) }) {
            Ok(_) => {}
            Err(Errno::EINVAL) => break,
            Err(error) => return Err(error),
        }
    }
    let (low, high) = (kept as u32, (kept >> 32) as u32);
    let header: [u32; 2] = [VERSION_3, 0];
    let sets: [u32; 6] = [low, low, 0, high, high, 0];
    // SAFETY: `header` and `sets` have the layout of `__user_cap_header_struct` and two `__user_cap_data_struct`.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) }).map(drop)
}

//! From a fork of the supervisor to the fork server of a cell: every step that takes something away.
//!
//! The code between fork and exec makes system calls on data prepared before (the supervisor has other
//! threads). What little it allocates relies on `fork` of the C library, which leaves the allocator usable in
//! the child. Each step is one [`Stage`], and the first that fails is reported by number, so that the
//! supervisor can say which protection the machine does not grant.

use std::convert::Infallible;
use std::os::fd::{AsRawFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::prctl;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, sigprocmask};
use nix::sys::socket::{MsgFlags, recv, send};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{
    ForkResult, Gid, Uid, chdir, execve, mkdir, pivot_root, setgroups, sethostname, setresgid, setresuid, setsid,
    symlinkat, write,
};

use super::blueprint::{Blueprint, Step};
use super::lockdown;
use super::stage::{Failed, Stage, at};
use super::warden;
use crate::surroundings::Surroundings;
use crate::sys;

/// Numbers of the descriptors of a warden; everything above is closed.
const WARDEN: RawFd = 3;
const CONTROL: RawFd = 4;
const COMPLAINTS: RawFd = 5;

/// Packets of the handshake over the warden's socket.
pub(super) const NEEDS_IDENTITY: u8 = b'I';
pub(super) const STARTED: u8 = b'Z';
pub(super) const FAILED: u8 = b'E';

/// The life of the forked child: builds the cell, forks its pid 1, and stays as its warden. Never returns.
pub(super) fn run(
    blueprint: &Blueprint,
    warden: &impl AsRawFd,
    control: &impl AsRawFd,
    complaints: &impl AsRawFd,
) -> ! {
    let outcome = arrange(warden, control, complaints)
        .map_err(at(Stage::Descriptors))
        .and_then(|()| match blueprint.surroundings {
            Surroundings::Linux => build(blueprint).and_then(|()| leave_the_host()),
            Surroundings::Gvisor => leave_as_one_user().and_then(|()| build(blueprint)).and_then(|()| leave_the_pod()),
        })
        .and_then(|()| start(blueprint));
    match outcome {
        Ok(zygote) => warden::serve(WARDEN, zygote),
        Err(failed) => {
            report(WARDEN, failed);
            sys::exit_now(1)
        }
    }
}

fn report(socket: RawFd, failed: Failed) {
    let mut packet = [FAILED, failed.stage as u8, 0, 0, 0, 0];
    packet[2..].copy_from_slice(&(failed.errno as i32).to_le_bytes());
    // Where even this fails, the closed socket says so.
    let _ = send(socket, &packet, MsgFlags::MSG_NOSIGNAL);
}

/// Keeps three sockets under fixed numbers, closes the rest, and dies with the supervisor's thread.
fn arrange(warden: &impl AsRawFd, control: &impl AsRawFd, complaints: &impl AsRawFd) -> nix::Result<()> {
    let moved = [sys::move_up(warden, 64)?, sys::move_up(control, 64)?, sys::move_up(complaints, 64)?];
    for (descriptor, number) in moved.iter().zip([WARDEN, CONTROL, COMPLAINTS]) {
        sys::place(descriptor, number)?;
    }
    let null = open(c"/dev/null", OFlag::O_RDWR, Mode::empty())?;
    for number in 0..3 {
        sys::place(&null, number)?;
    }
    // `moved` and `null` are above the fixed numbers, or they are the stdio that was just placed.
    std::mem::forget((moved, null));
    sys::close_from(COMPLAINTS as u32 + 1)?;
    sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None)?;
    prctl::set_pdeathsig(Signal::SIGKILL)?;
    prctl::set_name(c"genesis-warden")?;
    setsid()?;
    chdir(c"/")
}

/// Builds the read-only root, with the rights of the supervisor: later mounts cannot undo these.
fn build(blueprint: &Blueprint) -> Result<(), Failed> {
    const NONE: Option<&std::ffi::CStr> = None;
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    let root = || -> nix::Result<()> {
        umask(Mode::from_bits_truncate(0o022));
        unshare(CloneFlags::CLONE_NEWNS)?;
        mount(NONE, c"/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
        mount(
            Some(c"cell"),
            blueprint.base.as_c_str(),
            Some(c"tmpfs"),
            quiet,
            Some(c"mode=0755,size=1m,nr_inodes=4096"),
        )?;
        for step in &blueprint.steps {
            match step {
                Step::Directory(path) => mkdir(path.as_c_str(), Mode::from_bits_truncate(0o755))?,
                Step::Link { target, path } => symlinkat(target.as_c_str(), nix::fcntl::AT_FDCWD, path.as_c_str())?,
                Step::File { path, content } => {
                    let flags = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_CLOEXEC;
                    let file = open(path.as_c_str(), flags, Mode::from_bits_truncate(0o644))?;
                    if write(&file, content)? != content.len() {
                        return Err(Errno::ENOSPC);
                    }
                }
                Step::Bind { source, target, device } => {
                    mount(Some(source.as_c_str()), target.as_c_str(), NONE, MsFlags::MS_BIND, NONE)?;
                    let own = if *device { MsFlags::MS_NOEXEC } else { MsFlags::MS_NODEV };
                    let flags = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | MsFlags::MS_NOSUID | own;
                    mount(NONE, target.as_c_str(), NONE, flags, NONE)?;
                }
            }
        }
        let sealed = MsFlags::MS_REMOUNT | MsFlags::MS_BIND | MsFlags::MS_RDONLY | quiet;
        mount(NONE, blueprint.base.as_c_str(), NONE, sealed, NONE)
    };
    root().map_err(at(Stage::Mounts))
}

/// Gives up the host: its users, then every other namespace.
fn leave_the_host() -> Result<(), Failed> {
    unshare(CloneFlags::CLONE_NEWUSER).map_err(at(Stage::User))?;
    let identity = || -> nix::Result<()> {
        send(WARDEN, &[NEEDS_IDENTITY], MsgFlags::MSG_NOSIGNAL)?;
        let mut answer = [0];
        if recv(WARDEN, &mut answer, MsgFlags::empty())? == 0 {
            return Err(Errno::EPIPE);
        }
        let (user, group) = (Uid::from_raw(0), Gid::from_raw(0));
        setgroups(&[])?;
        setresgid(group, group, group)?;
        setresuid(user, user, user)?;
        // The change of identity cleared it.
        prctl::set_pdeathsig(Signal::SIGKILL)
    };
    identity().map_err(at(Stage::Identity))?;
    leave(&[
        (CloneFlags::CLONE_NEWNS, Stage::Mounts),
        (CloneFlags::CLONE_NEWPID, Stage::Pid),
        (CloneFlags::CLONE_NEWNET, Stage::Net),
        (CloneFlags::CLONE_NEWIPC, Stage::Ipc),
        (CloneFlags::CLONE_NEWUTS, Stage::Uts),
        (CloneFlags::CLONE_NEWCGROUP, Stage::Cgroup),
    ])
}

/// In gVisor the supervisor is an ordinary user: a user namespace comes first and gives the rights to build the rest.
fn leave_as_one_user() -> Result<(), Failed> {
    unshare(CloneFlags::CLONE_NEWUSER).map_err(at(Stage::User))?;
    let mapped = || -> nix::Result<()> {
        send(WARDEN, &[NEEDS_IDENTITY], MsgFlags::MSG_NOSIGNAL)?;
        if recv(WARDEN, &mut [0], MsgFlags::empty())? == 0 { Err(Errno::EPIPE) } else { Ok(()) }
    };
    mapped().map_err(at(Stage::Identity))
}

/// The namespaces that gVisor has beside that of users and that of mounts.
fn leave_the_pod() -> Result<(), Failed> {
    leave(&[
        (CloneFlags::CLONE_NEWPID, Stage::Pid),
        (CloneFlags::CLONE_NEWNET, Stage::Net),
        (CloneFlags::CLONE_NEWIPC, Stage::Ipc),
        (CloneFlags::CLONE_NEWUTS, Stage::Uts),
    ])
}

fn leave(namespaces: &[(CloneFlags, Stage)]) -> Result<(), Failed> {
    namespaces.iter().try_for_each(|&(flag, stage)| unshare(flag).map_err(at(stage)))
}

/// Forks pid 1 of the cell; returns its pid on the host.
fn start(blueprint: &Blueprint) -> Result<nix::unistd::Pid, Failed> {
    match sys::fork().map_err(at(Stage::Pid))? {
        ForkResult::Parent { child } => {
            let mut packet = [STARTED, 0, 0, 0, 0];
            packet[1..].copy_from_slice(&child.as_raw().to_le_bytes());
            send(WARDEN, &packet, MsgFlags::MSG_NOSIGNAL).map_err(at(Stage::Descriptors))?;
            // The warden keeps neither socket of its zygote: their ends must say when the zygote has gone.
            for number in [CONTROL, COMPLAINTS] {
                sys::place(&0, number).map_err(at(Stage::Descriptors))?;
            }
            Ok(child)
        }
        ForkResult::Child => {
            let failed = match become_zygote(blueprint) {
                Err(failed) => failed,
                Ok(never) => match never {},
            };
            report(CONTROL, failed);
            sys::exit_now(1)
        }
    }
}

/// Pid 1: takes the root, the rights and the calls away, waits to be put into its cgroup, and becomes the fork server.
fn become_zygote(blueprint: &Blueprint) -> Result<Infallible, Failed> {
    const NONE: Option<&std::ffi::CStr> = None;
    prctl::set_pdeathsig(Signal::SIGKILL).map_err(at(Stage::Descriptors))?;
    setsid().map_err(at(Stage::Descriptors))?;
    sethostname("cell").map_err(at(Stage::Uts))?;
    let enter_root = || -> nix::Result<()> {
        let base = blueprint.base.as_c_str();
        // A copy of its own, because a mount that came with the namespace cannot become the root.
        mount(Some(base), base, NONE, MsFlags::MS_BIND | MsFlags::MS_REC, NONE)?;
        chdir(base)
    };
    enter_root().map_err(at(Stage::Mounts))?;
    // gVisor's cannot hide the zygote, which is of the program's user there: it is left out.
    if blueprint.surroundings == Surroundings::Linux {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        let hidden = Some(c"hidepid=invisible,subset=pid");
        mount(Some(c"proc"), c"proc", Some(c"proc"), flags, hidden).map_err(at(Stage::Proc))?;
    }
    let leave_old_root = || -> nix::Result<()> {
        pivot_root(c".", c".")?;
        umount2(c".", MntFlags::MNT_DETACH)?;
        chdir(c"/")
    };
    leave_old_root().map_err(at(Stage::Mounts))?;
    sys::place(&COMPLAINTS, 2).map_err(at(Stage::Descriptors))?;
    // The fork server finds its socket under number 3, and nothing else is open.
    sys::place(&CONTROL, WARDEN).map_err(at(Stage::Descriptors))?;
    lockdown::limit_resources(blueprint.surroundings).map_err(at(Stage::Resources))?;
    if blueprint.surroundings == Surroundings::Linux {
        lockdown::restrict_files().map_err(|()| Failed { stage: Stage::Landlock, errno: Errno::last() })?;
    }
    lockdown::drop_capabilities(blueprint.surroundings).map_err(at(Stage::Capabilities))?;
    prctl::set_no_new_privs().map_err(at(Stage::NoNewPrivileges))?;
    lockdown::filter_calls(&blueprint.filters).map_err(|()| Failed { stage: Stage::Seccomp, errno: Errno::last() })?;
    let mut go = [0];
    if recv(CONTROL, &mut go, MsgFlags::empty()).map_err(at(Stage::Descriptors))? == 0 {
        sys::exit_now(0);
    }
    sys::close_from(CONTROL as u32).map_err(at(Stage::Descriptors))?;
    let execution = execve(blueprint.program.as_c_str(), &blueprint.arguments, &blueprint.environment);
    execution.map_err(|errno| {
        report(WARDEN, Failed { stage: Stage::Interpreter, errno });
        sys::exit_now(1)
    })
}

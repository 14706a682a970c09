//! What is taken from pid 1 of a cell, and thereby from everything it forks.

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, PathBeneath, PathFd, Ruleset, RulesetAttr,
    RulesetCreatedAttr, RulesetStatus, Scope,
};
use nix::sys::resource::{Resource, setrlimit};
use seccompiler::BpfProgram;

use crate::surroundings::Surroundings;
use crate::sys;

/// Capabilities of the fork server inside its own user namespace (capabilities(7)): KILL, SETGID, SETUID.
/// A program loses them too, when its process changes its user id.
const ZYGOTE_CAPABILITIES: u64 = 1 << 5 | 1 << 6 | 1 << 7;
/// Landlock that a cell cannot do without: every way to write, create, remove and truncate.
const REQUIRED: ABI = ABI::V3;
/// Landlock that is used where the kernel has it: TCP, devices, abstract sockets, signals.
const WELCOME: ABI = ABI::V6;

/// The bounds that are the same for every program. The others are set for each program (zygote.py).
pub(super) fn limit_resources(surroundings: Surroundings) -> nix::Result<()> {
    let everywhere = [(Resource::RLIMIT_CORE, 0), (Resource::RLIMIT_NOFILE, 1_024), (Resource::RLIMIT_STACK, 8 << 20)];
    // gVisor does not let these be set: it has no message queues, and locks no memory of the machine.
    let of_linux =
        [(Resource::RLIMIT_MEMLOCK, 64 << 10), (Resource::RLIMIT_MSGQUEUE, 0), (Resource::RLIMIT_SIGPENDING, 256)];
    let of_linux = of_linux.into_iter().filter(|_| surroundings == Surroundings::Linux);
    everywhere.into_iter().chain(of_linux).try_for_each(|(resource, limit)| setrlimit(resource, limit, limit))
}

/// Landlock: reading and running everywhere, writing only beneath `/box` and to `/dev/null`.
pub(super) fn restrict_files() -> Result<(), ()> {
    let status = ruleset().map_err(drop)?;
    if status == RulesetStatus::NotEnforced { Err(()) } else { Ok(()) }
}

fn ruleset() -> Result<RulesetStatus, Box<dyn std::error::Error>> {
    let read = AccessFs::from_read(WELCOME);
    let write = AccessFs::from_all(WELCOME)
        & !(AccessFs::Execute | AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
    let to_null: BitFlags<AccessFs> = AccessFs::WriteFile | AccessFs::Truncate;
    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(REQUIRED))?
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(WELCOME))?
        .handle_access(AccessNet::from_all(WELCOME))?
        .scope(Scope::from_all(WELCOME))?
        .create()?;
    for (path, access) in [("/", read), ("/box", write), ("/dev/null", to_null)] {
        ruleset = ruleset.add_rule(PathBeneath::new(PathFd::new(path)?, access))?;
    }
    Ok(ruleset.restrict_self()?.ruleset)
}

/// Leaves the three capabilities that the fork server needs, and no way to more. In gVisor, where programs are of its
/// own user, it needs none.
pub(super) fn drop_capabilities(surroundings: Surroundings) -> nix::Result<()> {
    sys::keep_capabilities(match surroundings {
        Surroundings::Linux => ZYGOTE_CAPABILITIES,
        Surroundings::Gvisor => 0,
    })
}

/// Installs the seccomp filters.
pub(super) fn filter_calls(filters: &[BpfProgram]) -> Result<(), ()> {
    filters.iter().try_for_each(|filter| seccompiler::apply_filter(filter)).map_err(drop)
}

//! The steps by which a cell is closed, and what to do where the machine does not grant one.

use nix::errno::Errno;

/// One step. The number travels from the child to the supervisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Stage {
    /// Arranging descriptors and signals.
    Descriptors,
    /// Building and entering the read-only root.
    Mounts,
    /// A user namespace.
    User,
    /// Becoming an unprivileged user.
    Identity,
    /// A pid namespace.
    Pid,
    /// A network namespace.
    Net,
    /// An ipc namespace.
    Ipc,
    /// A uts namespace.
    Uts,
    /// A cgroup namespace.
    Cgroup,
    /// Its own /proc.
    Proc,
    /// rlimits.
    Resources,
    /// Landlock.
    Landlock,
    /// Giving up capabilities.
    Capabilities,
    /// no_new_privs.
    NoNewPrivileges,
    /// The seccomp filter.
    Seccomp,
    /// Starting the interpreter inside.
    Interpreter,
}

/// The stages in the order of their numbers, with the name of the protection and the way to get it.
const STAGES: [(Stage, &str, &str); 16] = [
    (Stage::Descriptors, "process set-up", "look for a limit on processes or open files (ulimit -a)"),
    (Stage::Mounts, "mount namespace", "run as root with CAP_SYS_ADMIN and without a profile that forbids mount(2)"),
    (
        Stage::User,
        "user namespace",
        "set user.max_user_namespaces above 0 and allow user namespaces in the container's profile",
    ),
    (Stage::Identity, "user mapping", "run as root with CAP_SETUID and CAP_SETGID"),
    (Stage::Pid, "pid namespace", "set user.max_pid_namespaces above 0"),
    (Stage::Net, "network namespace", "set user.max_net_namespaces above 0"),
    (Stage::Ipc, "ipc namespace", "set user.max_ipc_namespaces above 0"),
    (Stage::Uts, "uts namespace", "set user.max_uts_namespaces above 0"),
    (Stage::Cgroup, "cgroup namespace", "set user.max_cgroup_namespaces above 0"),
    (
        Stage::Proc,
        "private /proc",
        "the /proc around the supervisor must be whole (Kubernetes: procMount: Unmasked); Linux 5.8 or newer",
    ),
    (Stage::Resources, "rlimits", "raise the hard limits of the supervisor (ulimit -H)"),
    (Stage::Landlock, "landlock", "use Linux 6.2 or newer with landlock in the kernel's lsm= list"),
    (Stage::Capabilities, "capabilities", "allow prctl(PR_CAPBSET_DROP) and capset in the container's profile"),
    (Stage::NoNewPrivileges, "no_new_privs", "use Linux 3.5 or newer"),
    (
        Stage::Seccomp,
        "seccomp",
        "use a kernel with CONFIG_SECCOMP_FILTER and allow seccomp(2) in the container's profile",
    ),
    (Stage::Interpreter, "python", "name another interpreter with --python"),
];

impl Stage {
    /// The stage of a number.
    pub(super) fn of(number: u8) -> Option<Self> {
        STAGES.get(usize::from(number)).map(|&(stage, ..)| stage)
    }

    /// The name of the protection.
    pub fn protection(self) -> &'static str {
        STAGES[self as usize].1
    }

    /// What to do where the machine does not grant it.
    pub fn remedy(self) -> &'static str {
        STAGES[self as usize].2
    }
}

/// The first step that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failed {
    pub(super) stage: Stage,
    pub(super) errno: Errno,
}

/// Attributes an error to a stage.
pub(super) fn at(stage: Stage) -> impl Fn(Errno) -> Failed {
    move |errno| Failed { stage, errno }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_stage_has_its_number_and_a_remedy() {
        for (number, (stage, protection, remedy)) in STAGES.into_iter().enumerate() {
            assert_eq!(stage as usize, number);
            assert_eq!(Stage::of(number as u8), Some(stage));
            assert!(!protection.is_empty() && !remedy.is_empty());
        }
        assert_eq!(Stage::of(STAGES.len() as u8), None);
    }
}

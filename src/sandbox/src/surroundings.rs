//! What is around the supervisor. It decides which protections a cell takes from Linux and which from gVisor.

use std::fmt;

/// The kernel that the supervisor and its cells talk to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Surroundings {
    /// Linux itself. Root builds cells with users of their own, control groups and Landlock.
    Linux,
    /// gVisor, whose kernel is a process of its own and has no Landlock. An ordinary user without capabilities builds
    /// cells with namespaces and seccomp. gVisor and the bounds of the pod are the wall towards the machine.
    Gvisor,
}

impl Surroundings {
    /// Looks which kernel answers.
    pub fn detect() -> Self {
        let version = std::fs::read_to_string("/proc/version").unwrap_or_default();
        Self::of(&version, &crate::sys::kernel_log())
    }

    /// gVisor says its name in the version and in the kernel's log; both must be there. A log that cannot be read
    /// is a log of Linux, where reading it is a privilege.
    fn of(version: &str, log: &str) -> Self {
        let named = version.split_whitespace().any(|word| word.ends_with("-gvisor"));
        if named && log.contains("Starting gVisor") { Self::Gvisor } else { Self::Linux }
    }
}

impl fmt::Display for Surroundings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Linux => "linux",
            Self::Gvisor => "gvisor",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gvisor_must_say_so_twice() {
        let version = "Linux version 4.19.0-gvisor #1 SMP Sun Jan 10 15:06:54 PST 2016";
        let log = "<6>[    0.000000] Starting gVisor...\n<6>[    0.310661] Creating process schedule...\n";
        assert_eq!(Surroundings::of(version, log), Surroundings::Gvisor);
        assert_eq!(Surroundings::of(version, ""), Surroundings::Linux);
        assert_eq!(Surroundings::of("Linux version 6.18.44 (a builder of gvisor)", log), Surroundings::Linux);
    }
}

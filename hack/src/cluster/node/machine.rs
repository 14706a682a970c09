//! What a machine must grant, and the packages that are installed where they are missing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use super::cgroups;

/// What this machine does not grant. A test that meets this says so and is skipped.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("this machine does not grant a node: {}", .0.join("; "))]
pub struct Missing(pub Vec<String>);

/// Programs of the machine, the Debian package of each, and where it may be.
const PACKAGES: [(&str, &str, &[&str]); 6] = [
    ("unshare", "util-linux", &["/usr/bin", "/bin"]),
    ("ip", "iproute2", &["/usr/sbin", "/sbin", "/usr/bin"]),
    ("iptables", "iptables", &["/usr/sbin", "/sbin"]),
    ("ipset", "ipset", &["/usr/sbin", "/sbin"]),
    ("runc", "runc", &["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin"]),
    ("bridge", "containernetworking-plugins", CNI_FOLDERS),
];

const CNI_FOLDERS: &[&str] = &["/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"];

/// What is tried in a throw-away network, and what it means where it fails.
const TRIALS: [(&str, &str); 5] = [
    ("true", "mount, network and pid namespaces"),
    ("ip link add try type bridge", "bridges"),
    ("test -e /proc/sys/net/bridge/bridge-nf-call-iptables", "the kernel's br_netfilter"),
    ("iptables --wait --table nat --append POSTROUTING --jump MASQUERADE", "iptables with masquerading"),
    ("ipset create try hash:ip && iptables --append FORWARD --match set --match-set try src --jump REJECT", "ipsets"),
];

/// Installs what is missing and can be installed; says what cannot.
pub(super) fn prepare() -> Result<()> {
    if !nix::unistd::geteuid().is_root() {
        return Err(Missing(vec!["root".to_owned()]).into());
    }
    let mut missing = install()?;
    for (trial, what) in TRIALS {
        if !tried(trial) {
            missing.push(what.to_owned());
        }
    }
    missing.extend(cgroups::missing());
    if !std::fs::read_to_string("/proc/filesystems").is_ok_and(|known| known.contains("\toverlay\n")) {
        missing.push("overlayfs".to_owned());
    }
    if missing.is_empty() { Ok(()) } else { Err(Missing(missing).into()) }
}

/// The folder with the network plugins.
pub(super) fn cni_folder() -> Result<PathBuf> {
    found("bridge", CNI_FOLDERS).and_then(|path| path.parent().map(Path::to_owned)).context("find CNI's plugins")
}

fn install() -> Result<Vec<String>> {
    let absent = || PACKAGES.iter().filter(|(program, _, folders)| found(program, folders).is_none());
    let packages: Vec<&str> = absent().map(|(_, package, _)| *package).collect();
    if !packages.is_empty() && found("apt-get", &["/usr/bin"]).is_some() {
        eprintln!("Installing {}.", packages.join(", "));
        apt(&["update"])?;
        apt(&[&["install", "--yes", "--no-install-recommends"], packages.as_slice()].concat())?;
    }
    Ok(absent().map(|(program, package, _)| format!("{program} (Debian's package {package})")).collect())
}

fn apt(words: &[&str]) -> Result<()> {
    // Whether it helped is looked at afterwards: a list that could not be fetched is no reason to stop.
    Command::new("apt-get")
        .arg("--quiet=2")
        .args(words)
        .env("DEBIAN_FRONTEND", "noninteractive")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .context("run apt-get")?;
    Ok(())
}

fn found(program: &str, folders: &[&str]) -> Option<PathBuf> {
    folders.iter().map(|folder| Path::new(folder).join(program)).find(|path| path.exists())
}

fn tried(script: &str) -> bool {
    Command::new("unshare")
        .args(["--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child", "--", "sh", "-c", script])
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_reads_as_a_sentence() {
        let missing = Missing(vec!["root".to_owned(), "bridges".to_owned()]);
        assert_eq!(missing.to_string(), "this machine does not grant a node: root; bridges");
    }

    #[test]
    fn programs_are_looked_for_in_their_folders_only() {
        assert_eq!(found("sh", &["/nowhere"]), None);
        assert!(found("sh", &["/nowhere", "/bin"]).is_some());
    }
}

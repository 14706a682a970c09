//! What the node's namespaces look like from inside: mounts and network.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use nix::mount::{MsFlags, mount};

use super::layout::{BRIDGE, Layout, METADATA};
use crate::cluster::NODE_ADDRESS;

/// What the kubelet expects of the kernel. It would set these for the whole machine and leave them so; it finds them as
/// it wants them instead, in its own mounts.
const EXPECTED: [(&str, &str); 6] = [
    ("vm/overcommit_memory", "1"),
    ("vm/panic_on_oom", "0"),
    ("kernel/panic", "10"),
    ("kernel/panic_on_oops", "1"),
    ("kernel/keys/root_maxkeys", "1000000"),
    ("kernel/keys/root_maxbytes", "25000000"),
];

/// Folders of the machine that daemons write to by their fixed names, and where that goes. What is mounted on must be
/// there; where it was made for this, it stays empty on the machine: removing it would take it from other nodes.
const FOLDERS: [(&str, &str); 2] = [("/var/lib/kubelet", "kubelet"), ("/var/log", "log")];

/// Takes the machine's folders out of the daemons' sight.
pub(super) fn mounts(layout: &Layout) -> Result<()> {
    mount(Some("run"), "/run", Some("tmpfs"), MsFlags::empty(), None::<&str>).context("mount a tmpfs on /run")?;
    for (place, name) in FOLDERS {
        let own = layout.file(name);
        fs::create_dir_all(&own).with_context(|| format!("create {}", own.display()))?;
        fs::create_dir_all(place).with_context(|| format!("create {place}"))?;
        bind(&own, Path::new(place))?;
    }
    for (name, value) in EXPECTED {
        let place = Path::new("/proc/sys").join(name);
        if place.exists() {
            bind(&layout.write(&format!("settings/sys/{name}"), value)?, &place)?;
        }
    }
    Ok(())
}

fn bind(from: &Path, to: &Path) -> Result<()> {
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>)
        .with_context(|| format!("mount {} on {}", from.display(), to.display()))
}

/// A bridge that is the node's address, and no way out.
pub(super) fn network() -> Result<()> {
    ip("link set lo up")?;
    ip(&format!("link add {BRIDGE} type bridge"))?;
    ip(&format!("address add {NODE_ADDRESS}/16 dev {BRIDGE}"))?;
    ip(&format!("link set {BRIDGE} up"))?;
    ip(&format!("route add default dev {BRIDGE}"))?;
    // So that a check can play a cloud's metadata service.
    ip(&format!("address add {METADATA}/32 dev lo"))?;
    // Packets from pod to pod cross the bridge, where only this shows them to iptables.
    for (name, value) in [("net/ipv4/ip_forward", "1"), ("net/bridge/bridge-nf-call-iptables", "1")] {
        fs::write(Path::new("/proc/sys").join(name), value).with_context(|| format!("set {name}"))?;
    }
    Ok(())
}

fn ip(words: &str) -> Result<()> {
    let status = Command::new("ip").args(words.split(' ')).status().context("run ip")?;
    ensure!(status.success(), "ip {words} failed");
    Ok(())
}

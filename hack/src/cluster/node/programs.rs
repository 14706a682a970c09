//! The node's programs: from Go modules into the cache, and from the machine's packages.

use std::path::PathBuf;

use anyhow::Result;

use crate::cluster::binary;
use crate::golang::{GoModule, Patch};

/// Version of the name server's image.
pub(super) const COREDNS: &str = "1.15.0";

/// Everything that was built.
#[derive(Debug)]
pub(super) struct Programs {
    pub kube: PathBuf,
    pub containerd: PathBuf,
    pub gvisor: PathBuf,
    pub network: PathBuf,
    pub pod: PathBuf,
}

/// gVisor's runtime and its shim for containerd; the folder they are in.
pub(super) fn gvisor() -> Result<PathBuf> {
    let module = GoModule {
        folder: "hack/node/gvisor",
        sources: &["go.mod", "go.sum"],
        cached_as: "gvisor",
        programs: &[("runsc", "gvisor.dev/gvisor/runsc"), ("containerd-shim-runsc-v1", "gvisor.dev/gvisor/shim")],
        tags: "",
        link_flags: "-s -w",
        // The shim insists on a score that a root without CAP_SYS_RESOURCE may not set, and has no option for it.
        patches: &[Patch {
            file: "gvisor.dev/gvisor/pkg/shim/v1/manager.go",
            from: "oomScoreMax = -999",
            to: "oomScoreMax = 0",
        }],
        takes: "about two minutes of processor time",
    };
    module.build()
}

impl Programs {
    /// Builds what is not in the cache yet.
    pub(super) fn build() -> Result<Self> {
        let containerd = GoModule {
            folder: "hack/node/containerd",
            sources: &["go.mod", "go.sum"],
            cached_as: "containerd",
            programs: &[
                ("containerd", "github.com/containerd/containerd/v2/cmd/containerd"),
                ("containerd-shim-runc-v2", "github.com/containerd/containerd/v2/cmd/containerd-shim-runc-v2"),
                ("ctr", "github.com/containerd/containerd/v2/cmd/ctr"),
            ],
            // Snapshotters that nobody asks for here.
            tags: "no_btrfs no_devmapper no_zfs no_aufs",
            link_flags: "-s -w",
            patches: &[],
            takes: "about two minutes of processor time",
        };
        let network = GoModule {
            folder: "hack/node/network",
            sources: &["go.mod", "go.sum", "coredns/main.go", "policies/main.go"],
            cached_as: "node-network",
            programs: &[("coredns", "./coredns"), ("policies", "./policies")],
            tags: "",
            link_flags: "-s -w",
            patches: &[],
            takes: "about six minutes of processor time",
        };
        let pod = GoModule {
            folder: "hack/node/pod",
            sources: &["go.mod", "main.go"],
            cached_as: "node-pod",
            programs: &[("pod", ".")],
            tags: "",
            link_flags: "-s -w",
            patches: &[],
            takes: "seconds",
        };
        Ok(Self {
            kube: binary()?,
            containerd: containerd.build()?,
            gvisor: gvisor()?,
            network: network.build()?,
            pod: pod.build()?.join("pod"),
        })
    }

    /// Where daemons look for one another: what was built comes first.
    pub(super) fn search_path(&self) -> String {
        let own = [&self.containerd, &self.gvisor].map(|folder| folder.display().to_string());
        format!("{}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", own.join(":"))
    }
}

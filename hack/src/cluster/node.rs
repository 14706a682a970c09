//! A real node: kubelet, containerd, runc, gVisor, a bridge for pods, kube-proxy, CoreDNS and an enforcer of
//! NetworkPolicies, with a control plane, in namespaces of their own.
//!
//! The first process of the namespaces holds them ([`hold`]): when it ends, the kernel ends everything in them. Nothing
//! of the machine's network, processes, mounts or kernel settings is changed; control groups are below one of the
//! node's own. The API server answers on a port of the machine's loopback, and whatever else a caller needs (logs,
//! exec, port-forward) goes through it.

mod cgroups;
mod check;
mod forward;
mod holder;
mod images;
mod layout;
mod machine;
mod namespaces;
mod objects;
mod plan;
mod process;
mod programs;
mod settings;
mod start;

use std::io::PipeReader;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, ensure};

pub use check::run as check;
pub use holder::hold;
pub use layout::NAME;
pub use machine::Missing;

use self::layout::{CONTAINERD_SOCKET, Layout};
use self::plan::Plan;
use self::process::Held;
use self::programs::Programs;
use super::binary::kubectl;

/// A running node with its control plane. Dropping it ends everything, unless it was told to stay.
#[derive(Debug)]
pub struct Node {
    layout: Layout,
    kubeconfig: PathBuf,
    programs: Programs,
    held: Held,
    owner: Option<(Child, PipeReader)>,
}

impl Node {
    /// Starts everything with fresh data under `folder` and waits until the node is ready and names resolve. Where the
    /// machine does not grant this, the error is a [`Missing`]. It ends with this value, or with this process.
    pub fn start(folder: &Path) -> Result<Self> {
        let (reader, writer) = std::io::pipe()?;
        Self::launch(folder, writer.into(), Some(reader))
    }

    /// The same for a node that outlives its caller: [`Node::stop`] ends it.
    pub fn start_to_stay(folder: &Path) -> Result<Self> {
        Self::launch(folder, Stdio::null(), None)
    }

    /// Installs and builds what is missing, so that the next start is quick.
    pub fn build() -> Result<()> {
        Self::prepare().map(drop)
    }

    /// gVisor's runtime, built where it is not in the cache yet.
    pub fn runsc() -> Result<PathBuf> {
        Ok(programs::gvisor()?.join("runsc"))
    }

    fn prepare() -> Result<Programs> {
        machine::prepare()?;
        Programs::build()
    }

    /// The node that runs in this folder.
    pub fn running(folder: &Path) -> Result<Option<Self>> {
        let Ok(folder) = folder.canonicalize() else { return Ok(None) };
        let layout = Layout::new(&folder);
        let Some(held) = Held::read(&layout)? else { return Ok(None) };
        let kubeconfig = layout.file("certificates/admin.kubeconfig");
        Ok(Some(Self { layout, kubeconfig, programs: Programs::build()?, held, owner: None }))
    }

    /// Ends the node that runs in this folder, or clears away what a killed one left. True where one ran.
    pub fn stop(folder: &Path) -> Result<bool> {
        let Ok(folder) = folder.canonicalize() else { return Ok(false) };
        let layout = Layout::new(&folder);
        let held = Held::read(&layout)?;
        if let Some(held) = &held {
            held.end()?;
        }
        cgroups::remove(&layout.cgroup())?;
        Ok(held.is_some())
    }

    /// The administrator's kubeconfig, for this machine.
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// Makes the image in this archive known to the node (see [`images`](crate::images)). There is no registry: pods that
    /// use it have an `imagePullPolicy` other than `Always`.
    pub fn import(&self, archive: &Path) -> Result<()> {
        // The daemons' working folder is another one.
        let archive = archive.canonicalize().with_context(|| format!("find {}", archive.display()))?;
        let mut ctr = self.held.inside(&self.programs.containerd.join("ctr"));
        ctr.args(["--address", CONTAINERD_SOCKET, "--namespace", "k8s.io", "images", "import", "--local"])
            .arg(&archive);
        let out = ctr.stdin(Stdio::null()).output().context("run ctr")?;
        ensure!(out.status.success(), "import {}: {}", archive.display(), String::from_utf8_lossy(&out.stderr));
        Ok(())
    }

    /// A command that sees what the daemons see: their mounts, their network, their processes.
    pub fn inside(&self, program: &Path) -> Command {
        self.held.inside(program)
    }

    /// Kills a daemon: `etcd`, `apiserver`, `containerd`, `controller-manager`, `scheduler`, `kubelet`, `proxy` or
    /// `policies`. It is started again a second later, as it is whenever it ends.
    pub fn kill(&self, daemon: &str) -> Result<()> {
        let plan = Plan::read(&self.layout)?;
        let wanted = plan.daemons.iter().find(|known| known.name == daemon).context("no such daemon")?;
        self.held.kill(&wanted.program, wanted.words.first().map(String::as_str))
    }

    /// A kubectl command line for this cluster.
    pub fn kubectl(&self, words: &[&str]) -> Result<Command> {
        let mut command = kubectl(&self.kubeconfig)?;
        command.args(words).stdin(Stdio::null());
        Ok(command)
    }

    /// Its folder: `log` has what its daemons say.
    pub fn folder(&self) -> &Path {
        self.layout.folder()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let Some((mut child, _)) = self.owner.take() else { return };
        if let Err(error) = Self::stop(self.layout.folder()) {
            eprintln!("the node's end: {error:#}");
        }
        let _ = child.wait();
    }
}

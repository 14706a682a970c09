//! `cargo dev cluster <verb>`.

use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Subcommand;

use super::{ControlPlane, Node, binary, node};
use crate::{paths, report};

/// What can be done with a cluster.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Build it where it is not cached yet
    Build {
        /// What a node needs as well; missing Debian packages are installed
        #[arg(long)]
        node: bool,
    },
    /// Start it and leave it running
    #[command(long_about = UP)]
    Up {
        /// With a real node: kubelet, containerd, runc, gVisor, network, names, policies
        #[arg(long)]
        node: bool,
    },
    /// End it, and clear away what a killed one left
    Down,
    /// Make images known to the node that is up
    Import {
        /// Archives, such as those that `cargo dev images` writes
        #[arg(required = true)]
        archives: Vec<PathBuf>,
    },
    /// Start a node, look at it as a user would, and end it
    Check,
    /// Build gVisor's runtime where it is not cached yet, and print where it is
    Runsc,
    /// The first process of a node's namespaces
    #[command(hide = true)]
    Hold {
        /// Folder of the node
        folder: PathBuf,
    },
}

const UP: &str = "\
Start it and leave it running.

Without --node: etcd, API server, controller manager and scheduler on loopback. Pods stay pending until something \
plays a node, such as `genesis local --kubeconfig`.

With --node: the same in namespaces of their own, beside a kubelet, containerd, runc and gVisor. There is a bridge for \
pods, kube-proxy for Services, CoreDNS for names, NetworkPolicies are enforced, and claims are bound to folders. Pods \
without a runtime class are runc's, those of `gvisor` are gVisor's. The node has no way out: images are imported, not \
pulled (`cargo dev cluster import`).

It needs root on Linux and Go 1.26. Debian packages that are missing are installed. The first time builds for about \
twenty minutes of processor time; after that a start takes seconds. hack/node/README.md says more.";

impl Verb {
    /// Does it.
    pub fn run(&self) -> Result<()> {
        let plane = paths::root().join("target/cluster");
        let folder = paths::root().join("target/node");
        match self {
            Self::Build { node: false } => println!("{}", binary()?.display()),
            Self::Build { node: true } => Node::build()?,
            Self::Up { node: false } => {
                ControlPlane::stop(&plane)?;
                let plane = ControlPlane::start(&plane)?;
                println!("export KUBECONFIG={}", plane.kubeconfig().display());
                plane.leave_running()?;
            }
            Self::Up { node: true } => {
                let running = Node::running(&folder)?;
                if running.is_some() {
                    println!("It is already up.");
                }
                show(&running.map_or_else(|| Node::start_to_stay(&folder), Ok)?)?;
            }
            Self::Down => {
                println!("{} processes of a control plane ended", ControlPlane::stop(&plane)?);
                println!("{}", if Node::stop(&folder)? { "the node ended" } else { "no node ran" });
            }
            Self::Import { archives } => {
                let node = Node::running(&folder)?.context("no node is up: cargo dev cluster up --node")?;
                for archive in archives {
                    node.import(archive)?;
                    println!("{} is known to the node", archive.display());
                }
            }
            Self::Check => drop(node::check(&paths::root().join("target/node-check"))?),
            Self::Runsc => println!("{}", Node::runsc()?.display()),
            Self::Hold { folder } => node::hold(folder)?,
        }
        Ok(())
    }
}

fn show(node: &Node) -> Result<()> {
    let mut table = report::table(&["node", node::NAME]);
    table.add_row(["runtime classes", "none for runc, gvisor for gVisor"]);
    table.add_row(["storage class", "folders (default)"]);
    table.add_row(["kubeconfig", &node.kubeconfig().display().to_string()]);
    table.add_row(["kubectl", &format!("{} kubectl", binary()?.display())]);
    table.add_row(["images", "cargo dev cluster import ARCHIVE..."]);
    table.add_row(["logs", &node.folder().join("log").display().to_string()]);
    println!("{table}");
    println!("export KUBECONFIG={}", node.kubeconfig().display());
    Ok(())
}

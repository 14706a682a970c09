//! `cargo dev cluster`: a real Kubernetes, built from Go modules once and cached.
//!
//! etcd, kube-apiserver, kube-controller-manager and kube-scheduler run on loopback without a node: nodes are the
//! virtual kubelet's business there ([`ControlPlane`]). With `--node` they run in namespaces of their own beside a
//! kubelet, containerd, runc and gVisor ([`Node`]).

mod binary;
mod certificates;
mod flags;
pub mod node;
mod processes;
mod verbs;

use std::net::Ipv4Addr;

pub use binary::{VERSION, binary, kubectl};
pub use node::Node;
pub use processes::ControlPlane;
pub use verbs::Verb;

/// Addresses of Services.
const SERVICES: &str = "10.96.0.0/16";

/// The first of them: the Service `kubernetes`.
const FIRST_SERVICE: Ipv4Addr = Ipv4Addr::new(10, 96, 0, 1);

/// Address of the node, in its own network.
const NODE_ADDRESS: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);

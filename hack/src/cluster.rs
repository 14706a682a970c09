//! `cargo dev cluster`: a real Kubernetes control plane on loopback, built from Go modules once and cached.
//!
//! etcd, kube-apiserver, kube-controller-manager and kube-scheduler are one binary; there is no node in it. Nodes
//! are the virtual kubelet's business.

mod binary;
mod certificates;
mod processes;

pub use binary::{VERSION, binary, kubectl};
pub use processes::ControlPlane;

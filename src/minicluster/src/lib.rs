//! Kubernetes on one machine, for the kinds Genesis uses.
//!
//! - [`cluster`]: the API server, behind an ordinary [`kube::Client`].

pub mod cluster;
pub mod faults;
pub mod node;
mod quantity;

//! Kubernetes on one machine, for the kinds Genesis uses.
//!
//! - [`cluster`]: the API server, behind an ordinary [`kube::Client`] or over HTTP.
//! - [`faults`]: lost requests, refusals, disturbed watches and crashes beneath a client.
//! - [`controllers`]: workloads, scheduler, garbage collection.
//! - [`node`]: a virtual kubelet that runs pods as local processes against any Kubernetes API.
//! - [`Minicluster`]: all of it together.

pub mod cluster;
pub mod controllers;
pub mod faults;
mod minicluster;
pub mod node;
mod quantity;
#[cfg(test)]
mod testing;

pub use minicluster::{Minicluster, MiniclusterError, Options, secret};
